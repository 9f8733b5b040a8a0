"""A gateway takes documents from a command, a signal and its own file, and the commands that ask it are right."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.allocate import allocate, bucket
from support import models as small_models
from support.gateway import TIDEGATE, Gateway, start_gateway
from support.waiting import until
from support.watching import read, status
from tidegate.client import Client
from tidegate.core.routing import RequestHead, explain

STICKY = 'metadata["x-unit"]'
ROWS = {"x": np.float32([[1, 2, 3, 4]])}
KEYS = [f"N{number}" for number in range(200)]
COMMAND_LIMIT_S = 60


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for version in (1, 2, 3):
        small_models.save(tmp_path / "models", "add", version, small_models.add(version))
    return tmp_path / "models"


def route(one: int, two: int, **more: Any) -> dict[str, Any]:
    """A sticky split of two versions."""
    return {"sticky": STICKY, "split": {"add/1": one, "add/2": two}, **more}


@contextmanager
def serving(repository: Path, **more: Any) -> Iterator[Gateway]:
    with start_gateway({"routes": {"sum": route(90, 10, **more)}}, repository) as gateway:
        yield gateway


def document_of(gateway: Gateway) -> Path:
    """The file that the gateway was started with."""
    return gateway.state_dir.parent / "gateway.yaml"


def text_with(gateway: Gateway, **routes: Any) -> str:
    """The document of the gateway with other routes."""
    return json.dumps({**json.loads(document_of(gateway).read_text()), "routes": routes}, indent=1)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TIDEGATE, *arguments], capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=False)


def weights(gateway: Gateway) -> dict[str, int]:
    return {arm["version"]: arm["weight"] for arm in status(gateway)["routes"]["sum"]["arms"]}


def until_weights(gateway: Gateway, one: int, two: int) -> None:
    until(lambda: weights(gateway) == {"add/1": one, "add/2": two}, what=f"{one} and {two} are served")


def answers(gateway: Gateway, **asked: Any) -> tuple[str, str]:
    """The version that answers, and why."""
    with Client(gateway.grpc_address) as client:
        answer = client.infer("sum", ROWS, **asked)
    return answer.version, answer.reason


def test_a_document_is_applied_by_a_command_and_moves_whom_the_simulation_said(repository, tmp_path):
    with serving(repository) as gateway:
        (tmp_path / "keys").write_text("\n".join(KEYS))
        keys = ("--keys", tmp_path / "keys", "--list", "--http", gateway.http_address)
        simulated = run("routes", "simulate", "sum", "--split", "add/1=50", "--split", "add/2=50", *keys)
        assert simulated.returncode == 0, simulated.stderr
        new = tmp_path / "new.json"
        new.write_text(text_with(gateway, sum=route(50, 50)))
        applied = run("apply", new, "--output", "json")
        assert applied.returncode == 0, applied.stderr
        report = json.loads(applied.stdout)
        assert (report["epoch"], report["settlements"][0]) == (
            2,
            {"subject": "routes.sum", "outcome": "current", "reason": None},
        )
        # The same again changes nothing.
        again = run("apply", new)
        assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "epoch 2 · 1 unchanged")
        first = allocate([], {"add/1": 90, "add/2": 10}, "add/1")
        second = allocate(first, {"add/1": 50, "add/2": 50}, "add/1")
        places = {key: bucket("sum", key.encode()) for key in KEYS}
        arms = {
            key: [next(arm for start, end, arm in table if start <= place < end) for table in (first, second)]
            for key, place in places.items()
        }
        assert [line.split("\t") for line in simulated.stdout.splitlines()] == [
            [key, before, after] for key, (before, after) in arms.items() if before != after
        ]
        with Client(gateway.grpc_address) as client:
            found = {key: client.infer("sum", ROWS, metadata={"x-unit": key}).version for key in KEYS}
        assert found == {key: after for key, (_, after) in arms.items()}


def test_what_cannot_be_loaded_is_exit_1_and_the_rest_is_served(repository, tmp_path):
    small_models.save(repository, "bad", 1, b"no model")
    with serving(repository) as gateway:
        new = tmp_path / "new.yaml"
        new.write_text(text_with(gateway, sum=route(1, 1), broken={"split": {"bad/1": 1}}))
        applied = run("apply", new)
        assert applied.returncode == 1
        assert "routes.broken" in applied.stdout.splitlines()[2]
        assert "bad/1: not an ONNX model" in applied.stdout
        assert weights(gateway) == {"add/1": 1, "add/2": 1}
        shown = run("status", "--http", gateway.http_address)
        assert shown.returncode == 0, shown.stderr
        assert "! broken" in shown.stdout
        assert ["add/1", "1", "50.00", "%", "●"] in [line.split()[-5:] for line in shown.stdout.splitlines()]


def test_a_document_that_needs_a_restart_is_exit_2_with_its_line(repository, tmp_path):
    with serving(repository) as gateway:
        new = tmp_path / "new.json"
        text = text_with(gateway, sum=route(1, 1)).replace('"drain_delay_ms": 0', '"drain_delay_ms": 7')
        new.write_text(text)
        applied = run("apply", new)
        assert applied.returncode == 2
        line = text.splitlines().index(' "drain_delay_ms": 7,') + 1
        assert applied.stderr.startswith(f"{new}:{line}: drain_delay_ms: cannot change while the gateway serves")
        assert weights(gateway) == {"add/1": 90, "add/2": 10}


def test_sighup_reads_the_document_again_though_it_has_not_changed(repository):
    with serving(repository) as gateway:
        small_models.save(repository, "more", 1, small_models.add(9))
        gateway.signal(signal.SIGHUP)
        until(lambda: "more" in status(gateway)["models"], what="the new model is served")


def test_a_change_of_the_file_is_applied(repository):
    with serving(repository) as gateway:
        document_of(gateway).write_text(text_with(gateway, sum=route(60, 40)))
        until_weights(gateway, 60, 40)
        assert status(gateway)["epoch"] == 2


def test_a_file_that_is_being_written_is_left_alone(repository):
    with serving(repository) as gateway:
        text = text_with(gateway, sum=route(70, 30))
        parts = [text[at : at + len(text) // 6 + 1] for at in range(0, len(text), len(text) // 6 + 1)]
        pause = threading.Event()
        with document_of(gateway).open("w") as file:
            for part in parts:
                file.write(part)
                file.flush()
                # Shorter than the time between two looks, and longer than that all together.
                pause.wait(0.25)
        until_weights(gateway, 70, 30)
        assert str(document_of(gateway)) not in gateway.log


def test_links_that_are_swapped_are_followed(repository):
    with serving(repository) as gateway:
        path = document_of(gateway)
        texts = {f"..{one}": text_with(gateway, sum=route(one, 100 - one)) for one in (20, 30)}
        for name, text in texts.items():
            (path.parent / name).mkdir()
            (path.parent / name / path.name).write_text(text)
        (path.parent / "..data").symlink_to("..20")
        (path.parent / "link").symlink_to(f"..data/{path.name}")
        (path.parent / "link").replace(path)
        until_weights(gateway, 20, 80)
        # As Kubernetes updates a ConfigMap: the file that is read keeps its name, its size and its inode.
        (path.parent / "..data_tmp").symlink_to("..30")
        (path.parent / "..data_tmp").replace(path.parent / "..data")
        until_weights(gateway, 30, 70)


def test_a_broken_file_is_told_line_by_line_and_the_gateway_serves_on(repository):
    with serving(repository) as gateway:
        path = document_of(gateway)
        good = text_with(gateway, sum=route(40, 60))
        path.write_text(good.replace('"sum"', '"su m"').replace('"sticky"', '"stikcy"'))
        told = until(lambda: [line for line in gateway.log.splitlines() if line.startswith(str(path))])
        until(lambda: len([line for line in gateway.log.splitlines() if line.startswith(str(path))]) == 2)
        assert "routes" in told[0]
        assert answers(gateway)[1] == "unkeyed"
        path.write_text(good)
        until_weights(gateway, 40, 60)
        assert sum(line.startswith(str(path)) for line in gateway.log.splitlines()) == 2


def test_a_signal_does_not_wait_for_a_large_document(repository):
    with serving(repository) as gateway:
        before = thread_count(gateway)
        segments = "".join(
            f"    - {{name: s{at}, when: params.a == {at}, split: {{add/1: 1, add/2: {at}}}}}\n" for at in range(60)
        )
        routes = "".join(f"  r{at}:\n    split: {{add/1: 1}}\n    segments:\n{segments}" for at in range(1500))
        document_of(gateway).write_text(f"routes:\n{routes}")
        gateway.signal(signal.SIGHUP)
        until(lambda: thread_count(gateway) > before, what="the document is read")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        # Once it is read, it is refused: it says nothing of the addresses that the gateway was started with.
        assert str(document_of(gateway)) not in gateway.log


def thread_count(gateway: Gateway) -> int:
    return len(list(Path(f"/proc/{gateway.pid}/task").iterdir()))


SEGMENTS = [
    {"name": "hawaiian", "when": 'params.carrier == "HA"', "split": {"add/2": 1, "add/3": 1}},
    {"name": "testers", "when": 'metadata["x-team"] in ["ml", "qa"] && params.hour > 5', "split": {"add/3": 1}},
]


def asked(number: int, key: str) -> dict[str, Any]:
    """Requests of every kind in turn: with a key, in a segment, in another, without a key, pinned."""
    metadata, parameters = {"x-unit": key}, {}
    match number % 5:
        case 1:
            parameters = {"carrier": "HA" if number % 2 else "AA", "hour": number}
        case 2:
            metadata = {**metadata, "x-team": "ml" if number % 3 else "sales"}
            parameters = {"hour": number / 10}
        case 3:
            metadata, parameters = {}, {"sequence_id": number}
        case 4:
            metadata = {**metadata, "x-debug": "1"}
            return {"metadata": metadata, "parameters": parameters, "version": "2"}
    return {"metadata": metadata, "parameters": parameters}


def test_what_explain_says_is_what_two_hundred_requests_meet(repository):
    with serving(repository, segments=SEGMENTS, pins={"when": '"x-debug" in metadata'}) as gateway:
        snapshot = json.loads(read(gateway, "/snapshot"))
        reasons = set()
        with Client(gateway.grpc_address) as client:
            for number, key in enumerate(KEYS):
                request = asked(number, key)
                answer = client.infer("sum", ROWS, **request)
                head = RequestHead(
                    metadata=request["metadata"],
                    params=request["parameters"],
                    model_version=request.get("version", ""),
                    prediction_id=answer.prediction_id,
                )
                explained = explain(snapshot, "sum", head)
                assert (explained.version, explained.reason) == (answer.version, answer.reason), request
                reasons.add(answer.reason)
        assert reasons == {"split", "segment:hawaiian", "segment:testers", "pinned"}
        command = run("routes", "explain", "sum", "--key", "N0", "--http", gateway.http_address)
        assert command.stdout.split()[:2] == list(answers(gateway, metadata={"x-unit": "N0"}))
