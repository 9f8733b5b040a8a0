"""Many requests, good and bad: the process lives, its memory stays where it is, its answers are never its own fault."""

import random
from collections import Counter, deque

import numpy as np
import pytest

from support.asking import Asker, asked, failure
from support.gateway import start_gateway
from support.waiting import until
from support.watching import metric, metrics, pss_mib
from tidegate.inference import open_inference_pb2 as messages

REQUESTS, WARM_UP = 20_000, 4_000
MUTATIONS = 3_000
WINDOW = 64
MOST_GROWTH_MIB = 8


@pytest.fixture(scope="module")
def gateway(patient_models):
    document = {"routes": {"split": {"sticky": "params.unit", "split": {"add_one/1": 1}}}}
    with start_gateway(document, patient_models) as running:
        yield running


def good(number: int) -> messages.ModelInferRequest:
    """One of several good requests."""
    rows = np.float32([[number, 2, 3, 4]])
    typed = messages.ModelInferRequest(model_name="strings", id=str(number))
    typed.inputs.add(name="text", datatype="BYTES", shape=[2]).contents.bytes_contents.extend([b"\xff\x00", b"a"])
    wide = np.zeros((1 + number % 3, 1 + number % 17), dtype=np.float32)
    sticky = asked("split", {"x": rows}, id=str(number))
    sticky.parameters["unit"].string_param = f"unit-{number}"
    kinds = [
        asked("add_one", {"x": rows}),
        sticky,
        asked("dynamic_shapes", {"x": wide}),
        asked("gather", {"index": np.int64([[number % 10]])}),
        asked("identity_fp32", {"x": np.zeros((500, 3), dtype=np.float32)}),
        typed,
    ]
    return kinds[number % len(kinds)]


def bad(number: int) -> messages.ModelInferRequest | bytes:
    """One of several requests that cannot be answered."""
    short = asked("add_one", {"x": np.float32([[1, 2, 3, 4]])})
    short.raw_input_contents[0] = b"short"
    huge = asked("add_one", {"x": np.float32([[1, 2, 3, 4]])})
    huge.inputs[0].shape[:] = [2**40, 2**40]
    kinds = [
        asked(f"nobody-{number}", {"x": np.float32([[1]])}),
        asked("add_one", {f"input-{number}": np.float32([[1, 2, 3, 4]])}),
        asked("gather", {"index": np.int64([[99]])}),
        asked("add_one", {"x": np.float32([[1, 2, 3, 4]])}, model_version=str(number)),
        short,
        huge,
        b"\xff" * 50,
    ]
    return kinds[number % len(kinds)]


def ask_all(gateway, wanted) -> Counter:
    """Sends all, some at once, and counts how they ended."""
    found: Counter = Counter()
    with Asker(gateway.grpc_address) as asker:
        under_way: deque = deque()

        def settle() -> None:
            call = under_way.popleft()
            found["OK" if call.exception() is None else failure(call)[1]] += 1

        for message in wanted:
            under_way.append(asker.begin(message))
            if len(under_way) == WINDOW:
                settle()
        while under_way:
            settle()
    return found


def mixed(count: int):
    return (bad(number) if number % 4 == 3 else good(number) for number in range(count))


def test_memory_stays_where_it_is_over_many_requests_of_all_kinds(gateway):
    ask_all(gateway, mixed(WARM_UP))
    before = pss_mib(gateway)
    series = len(metrics(gateway))
    found = ask_all(gateway, mixed(REQUESTS - WARM_UP))
    assert pss_mib(gateway) - before < MOST_GROWTH_MIB
    assert found["OK"] == (REQUESTS - WARM_UP) * 3 / 4
    assert found["INTERNAL"] == 0
    assert len(metrics(gateway)) == series, "callers cannot make new series"
    until(lambda: metric(gateway, "tidegate_in_flight_bytes") == metric(gateway, "tidegate_in_flight_requests") == 0)


def test_memory_stays_where_it_is_over_many_connections(gateway):
    def connect(count: int) -> None:
        for number in range(count):
            with Asker(gateway.grpc_address) as asker:
                assert asker.begin(good(number)).exception() is None

    connect(50)
    before = pss_mib(gateway)
    connect(300)
    assert pss_mib(gateway) - before < MOST_GROWTH_MIB
    until(lambda: metric(gateway, "tidegate_connections") == 0)


def mutated(rng: random.Random) -> bytes:
    """A good request with a few of its bytes changed, left out, doubled or cut off."""
    data = bytearray(good(rng.randrange(6)).SerializeToString())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) or 1)
        match rng.randrange(5):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 16)]
            case 3:
                data[at:at] = rng.randbytes(rng.randint(1, 10))
            case 4:
                del data[at:]
    return bytes(data)


def test_no_bytes_of_a_request_are_the_fault_of_the_gateway(gateway):
    """Changed bytes are another request or none: they are answered, or refused with a reason that names what is wrong."""
    rng = random.Random(20_130_101)
    found = ask_all(gateway, (mutated(rng) for _ in range(MUTATIONS)))
    assert gateway.process.poll() is None
    assert found.total() == MUTATIONS
    assert found["INTERNAL"] == found[""] == 0
    assert found["MALFORMED_MESSAGE"] > MUTATIONS / 10
    assert found["OK"] > MUTATIONS / 100
    assert "panic" not in gateway.log
