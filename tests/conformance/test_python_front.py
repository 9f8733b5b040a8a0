"""The front in Python: interceptors in their order, and what their defects cost."""

import re

import grpc
import numpy as np
import pytest

from support import interceptors
from support.adding import ROW, added, route, write
from support.asking import Asker, asked, failure
from support.gateway import refused_start, start_gateway
from support.patience import PATIENT, ROUNDS_A_SECOND, begin_and_queue, begin_and_wait, lasting, patient_gateway
from support.waiting import until
from support.watching import queue, status


@pytest.fixture
def repository(tmp_path):
    """Versions that add their own number, and a module of interceptors beside them."""
    folder = tmp_path / "models"
    folder.mkdir()
    return write(folder)


def started(repository, *names, **more):
    """A gateway with interceptors of `support.interceptors`."""
    (repository.parent / "around.py").write_text(interceptors.SOURCE)
    document = {"front": "python", "interceptors": [f"around:{name}" for name in names], "routes": {"sum": route(1)}}
    return start_gateway({**document, **more}, repository, under=("env", f"PYTHONPATH={repository.parent}"))


def told(calls, do):
    """What a call is answered whose interceptor does something bad."""
    with pytest.raises(grpc.RpcError) as caught:
        calls.begin(asked("sum", ROW), metadata=[("x-do", do)]).result()
    return caught.value


def test_interceptors_stand_around_every_call_the_first_outermost(repository):
    with started(repository, "first", "second") as gateway, Asker(gateway.grpc_address) as calls:
        call = calls.begin(asked("sum", ROW))
        assert call.result().model_version == "1"
        stamps = [value for key, value in call.trailing_metadata() if key == "x-stamp"]
        assert stamps == ["second", "first"], "the innermost is done first"
        assert failure(calls.begin(asked("nobody", ROW))) == ("NOT_FOUND", "UNKNOWN_MODEL")


def test_an_interceptor_decides_who_is_let_in(repository):
    with started(repository, "Keys") as gateway, Asker(gateway.grpc_address) as calls:
        with pytest.raises(grpc.RpcError, match="show your key"):
            added(calls)
        answer = calls.begin(asked("sum", ROW), metadata=[("x-key", "open")]).result()
        assert answer.model_version == "1"


@pytest.mark.parametrize("do", ["raise", "raise later", "nothing", "rubbish", "form", "number"])
def test_a_defect_costs_its_call_and_says_no_secret(repository, do):
    with started(repository, "Bad") as gateway, Asker(gateway.grpc_address) as calls:
        error = told(calls, do)
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "swordfish" not in error.details()
        found = re.search(r"error ([0-9a-f]{12})", error.details())
        assert found is not None, error.details()
        assert f"error {found[1]}" in gateway.log, "the log has the same error"
        assert added(calls) == 1, "the next call is answered"


def test_one_that_waits_without_end_is_given_up(repository):
    with started(repository, "Bad", timeout_ms=300) as gateway, Asker(gateway.grpc_address) as calls:
        error = told(calls, "wait")
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "did not decide" in gateway.log
        assert added(calls) == 1


def test_one_that_blocks_everybody_is_named_in_the_log(repository):
    with started(repository, "Bad") as gateway, Asker(gateway.grpc_address) as calls:
        call = calls.begin(asked("sum", ROW), metadata=[("x-do", "block")])
        until(lambda: "front_still" in gateway.log, what="the log says who holds the loop")
        assert "intercept_service at" in gateway.log
        assert call.result().model_version == "1", "the call itself goes on afterwards"


def test_everything_that_is_wrong_with_interceptors_is_said_at_once(repository):
    names = ["absent_module:make", "json:absent", "json:dumps", "os:getcwd", "support_interceptors_absent:x"]
    code, said = refused_start({"front": "python", "interceptors": names, "routes": {"sum": route(1)}}, repository)
    assert code == 2
    assert [line.partition(":")[0] for line in said.splitlines()] == [f"interceptors[{index}]" for index in range(5)]
    assert "os:getcwd made a str; a grpc.aio.ServerInterceptor is needed" in said


def test_a_taken_port_is_named(repository):
    with start_gateway({"routes": {"sum": route(1)}}, repository) as other:
        taken = {"grpc": other.grpc_address, "http": "127.0.0.1:0"}
        code, said = refused_start({"front": "python", "listen": taken, "routes": {"sum": route(1)}}, repository)
    assert code == 2
    assert f"cannot listen on {other.grpc_address}" in said


def test_a_caller_that_gives_up_frees_its_place_in_the_queue(patient_models):
    with (
        patient_gateway(patient_models, front="python") as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        running = begin_and_wait(gateway, calls, 3)
        (waiting,) = begin_and_queue(gateway, calls)
        waiting.cancel()
        until(lambda: queue(gateway, PATIENT) == (0, 1), what="nothing waits behind the one that runs")
        assert running.result().model_version == "1"


def test_a_caller_may_ask_often_whether_the_gateway_is_there(patient_models):
    """Ten PINGs a second while a run takes three: to grpcio by itself that is a reason to hang up."""
    often = [("grpc.keepalive_time_ms", 100), ("grpc.http2.max_pings_without_data", 0)]
    with (
        patient_gateway(patient_models, front="python") as gateway,
        grpc.insecure_channel(gateway.grpc_address, options=often) as channel,
    ):
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        assert infer(lasting(3).SerializeToString(), timeout=20)


def test_begun_requests_are_answered_when_the_gateway_ends(patient_models):
    document = {"front": "python", "versions": {"patient/1": {"batching": "off"}}, "inline_budget_us": 0}
    with start_gateway(document, patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        call = calls.begin(asked("patient", {"x": np.float32([[ROUNDS_A_SECOND / 2]])}))
        until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1)
        gateway.process.terminate()
        assert call.result().model_version == "1"
        assert gateway.wait() == 0


def test_a_drain_that_takes_too_long_is_cut_off_and_said(patient_models):
    document = {"front": "python", "versions": {"patient/1": {"batching": "off"}}, "inline_budget_us": 0}
    with start_gateway({**document, "drain_timeout_ms": 100}, patient_models) as gateway:
        with Asker(gateway.grpc_address) as calls:
            call = calls.begin(asked("patient", {"x": np.float32([[2 * ROUNDS_A_SECOND]])}))
            until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1)
            gateway.process.terminate()
            assert failure(call) == ("ABORTED", "DRAIN_TIMEOUT")
        assert gateway.wait() == 1


def test_another_gateway_document_may_not_bring_interceptors_to_the_native_front(repository):
    code, said = refused_start({"interceptors": ["json:dumps"], "routes": {"sum": route(1)}}, repository)
    assert (code, "need `front: python`" in said) == (2, True)
