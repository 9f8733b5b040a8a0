"""Both clients of ours against real gateways: the same answers, the same errors, and the same patience with a gateway that goes."""

import hashlib
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pandas as pd
import polars as pl
import pytest

from support import certificates
from support import models as small_models
from support.asking import Asker
from support.gateway import free_port, start_gateway
from support.patience import PATIENT, ROUNDS_A_SECOND, begin_and_queue, begin_and_wait, patient_gateway
from support.twins import connecting_by_asyncio
from support.waiting import until
from support.watching import metric, queue
from tidegate import errors
from tidegate.client import Client

ROW = {"x": np.float32([[1, 2, 3, 4]])}


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request):
    """Makes a client: what holds for one holds for its twin."""
    if request.param == "blocking":
        yield Client
    else:
        with connecting_by_asyncio() as made:
            yield made


@pytest.fixture
def client(connect, gateway):
    with connect(gateway.grpc_address) as made:
        yield made


@pytest.mark.parametrize("datatype", small_models.ELEMENT_TYPES)
def test_every_datatype_comes_back_as_it_went(client, datatype):
    rows = [["a", b"\xff", ""]] if datatype == "BYTES" else [[0, 1, 1]]
    answer = client.infer(f"identity_{datatype.lower()}", {"x": rows})
    assert answer["y"].tolist() == ([[b"a", b"\xff", b""]] if datatype == "BYTES" else [[0, 1, 1]])
    assert answer.version == f"identity_{datatype.lower()}/1"
    assert answer.prediction_id


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_frame_goes_in_and_one_comes_out(client, library):
    frame = library.DataFrame({"b[0]": [1, 2], "a[1]": [0.5, 1.5], "b[1]": [3, 4], "a[0]": [10.0, 20.0]})
    answer = client.infer("two_in_two_out", frame)
    found = (answer.to_pandas if library is pd else answer.to_polars)()
    assert list(found["sum[0]"]) == [11.0, 22.0]
    assert list(found["sum[1]"]) == [3.5, 5.5]
    assert list(found["difference[0]"]) == [9, 18]


def test_a_frame_that_does_not_fit_says_why_and_sends_nothing(client, gateway):
    before = metric(gateway, "tidegate_requests_total", route="two_in_two_out")
    with pytest.raises(errors.InvalidRequest) as refused:
        client.infer("two_in_two_out", pd.DataFrame({"a[0]": ["x"], "a[1]": [1.0], "b[0]": [1.5], "c": [1]}))
    assert [path for path, _ in refused.value.violations] == [
        'inputs["b[1]"]',
        'inputs["a[0]"]',
        "inputs.c",
    ]
    assert metric(gateway, "tidegate_requests_total", route="two_in_two_out") == before


def test_a_stream_answers_in_order_and_names_the_request_that_fails(client):
    with client.stream() as stream:
        for index in (0, 3, 99, 7):
            stream.send("gather", {"index": [index]}, request_id=str(index))
        stream.done()
        outcomes = list(stream)
    assert [outcome["value"].tolist() for at, outcome in enumerate(outcomes) if at != 2] == [[[0.0]], [[3.0]], [[7.0]]]
    assert isinstance(outcomes[2], errors.ModelFailed)


def test_each_fault_is_the_same_error(client):
    with pytest.raises(errors.NotFound) as unknown:
        client.infer("nobody", {})
    assert unknown.value.reason == "UNKNOWN_MODEL"
    with pytest.raises(errors.ModelFailed):
        client.infer("gather", {"index": [99]})
    with pytest.raises(errors.PermissionDenied):
        client.infer("closed", ROW, version="1")
    assert client.ready()
    assert client.health("add_one") == "SERVING"
    assert {entry.name for entry in client.index(only_ready=True)} >= {"add_one", "gather"}


def test_a_key_over_tls_opens_its_routes(connect, patient_models, tmp_path):
    authority = certificates.Authority()
    tls = certificates.write(tmp_path, *authority.issue())
    digest = hashlib.sha256(b"a token").hexdigest()
    document = {
        "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", "tls": tls},
        "keys": {"team": {"sha256": digest, "routes": ["add_one"]}},
    }
    trusting = grpc.ssl_channel_credentials(authority.certificate)
    bearing = grpc.composite_channel_credentials(trusting, grpc.access_token_call_credentials("a token"))
    with start_gateway(document, patient_models) as gateway:
        with connect(gateway.grpc_address, credentials=bearing) as client:
            assert client.infer("add_one", ROW)["y"].tolist() == [[2, 3, 4, 5]]
            with pytest.raises(errors.PermissionDenied) as denied:
                client.infer("gather", {"index": [0]})
            assert denied.value.reason == "KEY_DENIED"
        with connect(gateway.grpc_address, credentials=trusting) as client:
            with pytest.raises(errors.PermissionDenied) as unknown:
                client.infer("add_one", ROW)
            assert unknown.value.reason == "MISSING_KEY"
            headers = {"authorization": "Bearer a token"}
            assert client.infer("add_one", ROW, metadata=headers)["y"].tolist() == [[2, 3, 4, 5]]


def is_live(client) -> bool:
    try:
        return client.live(timeout=5)
    except errors.Unavailable:
        return False


def test_a_gateway_that_is_killed_fails_its_calls_in_time_and_is_found_again(connect, patient_models):
    document = {"listen": {"grpc": f"127.0.0.1:{free_port()}", "http": "127.0.0.1:0"}}
    with connect(document["listen"]["grpc"], timeout=20.0) as client:
        with patient_gateway(patient_models, **document) as gateway, ThreadPoolExecutor() as pool:
            client.metadata("patient")
            calls = [pool.submit(client.infer, "patient", {"x": [30.0 * ROUNDS_A_SECOND]}) for _ in range(3)]
            until(lambda: queue(gateway, PATIENT) == (2, 1), what="one runs, the others wait")
            gateway.signal(signal.SIGKILL)
            assert gateway.wait() == -signal.SIGKILL
            for call in calls:
                assert isinstance(call.exception(timeout=10), errors.Unavailable)
            with pytest.raises(errors.Unavailable):
                client.live(timeout=5)
        with start_gateway(document, patient_models):
            until(lambda: is_live(client), what="the client has connected again")
            assert client.infer("add_one", ROW)["y"].tolist() == [[2, 3, 4, 5]]


def test_a_crowd_of_calls_does_not_make_an_overload_larger_than_its_budget(connect, patient_models):
    """Forty calls against a queue without room: retries add at most the floor and a fifth."""
    with (
        patient_gateway(patient_models, queue={"requests": 1}) as gateway,
        Asker(gateway.grpc_address) as asker,
        connect(gateway.grpc_address, timeout=1) as client,
        ThreadPoolExecutor(40) as pool,
    ):
        client.metadata("patient")
        running = begin_and_wait(gateway, asker, 1.5)
        waiting = begin_and_queue(gateway, asker, 1)
        calls = [pool.submit(client.infer, "patient", {"x": [0.0]}) for _ in range(40)]
        outcomes = [call.exception() for call in calls]
        assert all(isinstance(outcome, errors.Overloaded) and outcome.retry_after_s for outcome in outcomes)
        refused = metric(gateway, "tidegate_refusals_total", version=PATIENT, reason="QUEUE_FULL")
        assert 40 < refused <= 40 + 3 + 40 / 5
        running.cancel()
        assert waiting[0].exception() is None
