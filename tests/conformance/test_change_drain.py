"""Versions that are taken out of service while requests hold them: who is waited for, how long, and what is said."""

import threading

import numpy as np
import pytest

from support import models as small_models
from support.applying import apply, gone, loads
from support.asking import Asker, asked, failure
from support.gateway import start_gateway
from support.http2 import DATA
from support.http2 import message as grpc_message
from support.patience import ROUNDS_A_SECOND
from support.peer import Peer, frame
from support.waiting import until
from support.watching import metric, status


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patient")
    for version in (1, 2):
        small_models.save(folder, "patient", version, small_models.slow_as_asked())
    return folder


def patient_document(*versions: int, **more):
    return {
        "routes": {"wait": {"split": {f"patient/{version}": 1 for version in versions}}},
        "versions": {f"patient/{version}": {"batching": "off", "instances": 1} for version in versions},
        **more,
    }


def lasting(seconds: float):
    return asked("wait", {"x": np.float32([[seconds * ROUNDS_A_SECOND]])})


def begun(gateway, calls: Asker, seconds: float):
    """A request that runs when this returns."""
    call = calls.begin(lasting(seconds))
    until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1, what="the request runs")
    return call


def test_what_ends_within_the_drain_timeout_is_answered_by_the_version_it_began_with(patient):
    document = patient_document(1, inline_budget_us=0)
    with start_gateway(document, patient) as gateway, Asker(gateway.grpc_address) as calls:
        running = begun(gateway, calls, 1.0)
        waiting = [calls.begin(lasting(0)) for _ in range(3)]
        until(lambda: status(gateway)["versions"]["patient/1"]["queue"]["requests"] == 3)
        assert apply(gateway, patient_document(2)).outcomes["routes.wait"] == "current"
        assert calls.begin(lasting(0)).result().model_version == "2", "newcomers do not wait for the old one"
        assert [load["state"] for load in loads(gateway, "patient/1")] == ["DRAINING"]
        assert [call.result().model_version for call in (running, *waiting)] == ["1"] * 4
        until(lambda: "patient/1" not in status(gateway)["versions"])


def test_at_the_drain_timeout_what_waits_may_be_sent_again_and_what_runs_is_lost_and_shown(patient):
    document = patient_document(1, inline_budget_us=0, drain_timeout_ms=300)
    with start_gateway(document, patient) as gateway, Asker(gateway.grpc_address) as calls:
        running = begun(gateway, calls, 4.0)
        waiting = calls.begin(lasting(0))
        until(lambda: status(gateway)["versions"]["patient/1"]["queue"]["requests"] == 1)
        other = {"other": patient_document(2)["routes"]["wait"]}
        assert apply(gateway, patient_document(2, routes=other)).outcomes["routes.wait"] == "removed"
        assert failure(waiting) == ("UNAVAILABLE", "DRAINING")
        assert failure(running) == ("ABORTED", "DRAIN_TIMEOUT")
        # The library looks at the flag between two operators, so the run returns long before its four seconds.
        gone(gateway, "patient/1")
        assert metric(gateway, "tidegate_refusals_total", route="wait", reason="DRAIN_TIMEOUT") == 1
        assert calls.begin(asked("other", {"x": np.float32([[0]])})).result().model_version == "2"


def test_a_version_wanted_again_while_it_drains_waits_for_its_end(patient):
    document = patient_document(1, inline_budget_us=0)
    with start_gateway(document, patient) as gateway, Asker(gateway.grpc_address) as calls:
        running = begun(gateway, calls, 1.5)
        apply(gateway, patient_document(2))
        answer: list = []
        again = threading.Thread(target=lambda: answer.append(apply(gateway, patient_document(1))))
        again.start()
        until(lambda: len(loads(gateway, "patient/1")) == 2, what="the new load waits")
        states = {load["state"]: load["waits_for"] for load in loads(gateway, "patient/1")}
        assert set(states) == {"DRAINING", "NEW"}
        assert "still draining" in states["NEW"]
        again.join()
        assert running.result().model_version == "1"
        assert answer[0].outcomes["routes.wait"] == "current"
        assert calls.begin(lasting(0)).result().model_version == "1"


def test_one_stuck_request_keeps_no_other_version_of_its_route(patient):
    """A request holds the arm that answers it, not the route it came by."""
    document = patient_document(1, 2, inline_budget_us=0)
    with start_gateway(document, patient) as gateway, Asker(gateway.grpc_address) as calls:
        message = lasting(1.5)
        message.model_version = "1"
        running = calls.begin(message)
        until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1)
        apply(gateway, patient_document(1))
        gone(gateway, "patient/2")
        assert not running.done()
        assert running.result().model_version == "1"


def test_a_long_run_keeps_no_version_that_its_thread_ran_before(patient):
    """Two threads have run both versions; the one that is in a long run has nothing of the other any more."""
    routes = {"wait": patient_document(1)["routes"]["wait"], "other": {"split": {"patient/2": 1}}}
    document = patient_document(1, 2, routes=routes, inline_budget_us=0)
    with start_gateway(document, patient) as gateway, Asker(gateway.grpc_address) as calls:
        for _ in range(20):
            both = [calls.begin(lasting(0)), calls.begin(asked("other", {"x": np.float32([[0]])}))]
            assert [call.result().model_version for call in both] == ["1", "2"]
        running = begun(gateway, calls, 2.5)
        apply(gateway, patient_document(1))
        gone(gateway, "patient/2")
        assert not running.done()
        assert running.result().model_version == "1"


def test_an_answer_that_a_stream_does_not_read_keeps_no_version(tmp_path):
    for version in (1, 2):
        small_models.save(tmp_path, "same", version, small_models.identity("FP32"))
    rows = np.zeros((80_000, 3), dtype=np.float32)
    framed = grpc_message(asked("same", {"x": rows}).SerializeToString())
    routes = [{"same": {"split": {f"same/{version}": 1}}} for version in (1, 2)]
    with start_gateway({"routes": routes[0]}, tmp_path) as gateway, Peer(gateway.grpc_address) as peer:
        peer.take_windows()
        peer.open(1, path="/inference.GRPCInferenceService/ModelStreamInfer")
        for at in range(0, len(framed), 16_384):
            peer.send(frame(DATA, 0, 1, framed[at : at + 16_384]))
        until(lambda: metric(gateway, "tidegate_requests_total", code="OK") == 1, what="it is answered, and not read")
        assert apply(gateway, {"routes": routes[1]}).outcomes == {"routes.same": "current"}
        gone(gateway, "same/1")
