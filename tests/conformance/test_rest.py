"""The protocol over HTTP: the same names, answers and refusals as over gRPC, in JSON and as binary data."""

import json
import re
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from support import models as small_models
from support.adding import ROW, added, route, write
from support.applying import serving
from support.asking import Asker, asked, failure
from support.gateway import start_gateway
from support.patience import begin_and_queue, begin_and_wait, patient_gateway
from support.rest import FOUR, JSON_LENGTH, call, call_on, connected, infer, lasting, tensor
from support.waiting import until
from support.watching import metric, queue, status

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path):
    return write(tmp_path)


def test_the_server_and_its_models_say_what_they_are(gateway):
    said = call(gateway, "/v2").said
    assert (said["name"], "binary_tensor_data" in said["extensions"]) == ("tidegate", True)
    assert call(gateway, "/v2/health/live").said == {"live": True}
    assert call(gateway, "/v2/health/ready").said == {"ready": True}
    model = call(gateway, "/v2/models/two_in_two_out").said
    assert model["inputs"] == [
        {"name": "a", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "b", "datatype": "INT64", "shape": [-1, 2]},
    ]
    assert call(gateway, "/v2/models/add/versions/1").said["versions"] == ["1"]
    assert call(gateway, "/v2/models/add/ready").said == {"name": "add", "ready": True}
    assert call(gateway, "/v2/models/add/versions/2/ready").status == 200
    missing = call(gateway, "/v2/models/nobody")
    assert (missing.status, missing.said["reason"]) == (404, "UNKNOWN_MODEL")
    assert call(gateway, "/v2/models/zipmap/ready").status == 503


def test_an_answer_in_json_is_that_of_grpc(gateway):
    answer = infer(gateway, "add_one", FOUR, id="seven")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.said["model_name"], answer.said["id"]) == ("add_one", "seven")
    assert answer.said["outputs"] == [tensor("y", "FP32", [1, 4], [2.0, 3.0, 4.0, 5.0])]
    assert answer.headers["x-tidegate-version"] == answer.said["parameters"]["tidegate_version"] == "add_one/1"
    assert len(answer.headers["x-tidegate-prediction-id"]) == 36


def test_nested_and_missing_numbers_are_read(gateway):
    answer = infer(gateway, "identity_fp32", tensor("x", "FP32", [2, 3], [[1, None, 3], [4.5, 5, -6e-3]]))
    assert answer.said["outputs"][0]["data"] == [1.0, None, 3.0, 4.5, 5.0, -0.006]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_binary_data_goes_in_and_comes_out(gateway, binary_in, binary_out):
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    given = {"name": "x", "datatype": "FP32", "shape": [2, 4]}
    if binary_in:
        given["parameters"] = {"binary_data_size": rows.nbytes}
    else:
        given["data"] = rows.tolist()
    head = json.dumps(
        {"inputs": [given], "outputs": [{"name": "y", "parameters": {"binary_data": binary_out}}]}
    ).encode()
    body = head + (rows.tobytes() if binary_in else b"")
    answer = call(gateway, "/v2/models/add_one/infer", body, headers={JSON_LENGTH: str(len(head))})
    assert answer.status == 200, answer.body
    (output,) = answer.said["outputs"]
    if binary_out:
        tail = answer.body[int(answer.headers[JSON_LENGTH.lower()]) :]
        assert answer.headers["content-type"] == "application/octet-stream"
        assert output["parameters"] == {"binary_data_size": rows.nbytes}
        np.testing.assert_array_equal(np.frombuffer(tail, np.float32).reshape(2, 4), rows + 1)
    else:
        assert output["data"] == (rows + 1).ravel().tolist()


def test_strings_and_halves(gateway):
    answer = infer(gateway, "strings", tensor("text", "BYTES", [3], ["a", "", "ü\0"]))
    assert answer.said["outputs"][0]["data"] == ["a", "", "ü\0"]
    halves = np.float16([[1, 2.5, -3]])
    given = {"name": "x", "datatype": "FP16", "shape": [1, 3], "parameters": {"binary_data_size": 6}}
    head = json.dumps({"inputs": [given]}).encode()
    body, headers = head + halves.tobytes(), {JSON_LENGTH: str(len(head))}
    answer = call(gateway, "/v2/models/identity_fp16/infer", body, headers=headers)
    assert answer.said["outputs"][0]["data"] == [1.0, 2.5, -3.0]


def test_a_route_decides_by_the_headers_of_a_request(repository):
    segments = [{"name": "ours", "when": 'metadata["x-team"] == "ml"', "split": {"add/3": 1}}]
    with serving(repository, {"sum": route(1, segments=segments)}) as gateway, Asker(gateway.grpc_address) as calls:
        path, body = "/v2/models/sum/infer", {"inputs": [FOUR]}
        assert call(gateway, path, body).said["outputs"][0]["data"][0] == 2.0
        theirs = call(gateway, path, body, headers={"X-Team": "ml"})
        assert theirs.said["outputs"][0]["data"][0] == 4.0
        assert theirs.headers["x-tidegate-reason"] == "segment:ours"
        assert added(calls) == 1
        assert metric(gateway, "tidegate_requests_total", route="sum", version="add/1", code="OK") == 2
        pinned = infer(gateway, "sum", FOUR, version="3")
        assert (pinned.headers["x-tidegate-reason"], pinned.said["model_version"]) == ("pinned", "3")


def test_methods_and_paths_that_are_not_here(gateway):
    wrong = call(gateway, "/v2/models/add_one/infer", method="GET")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert call(gateway, "/v2/models/add_one", b"{}", "POST").status == 405
    assert call(gateway, "/v2/models/add_one", method="HEAD").body == b""
    nothing = call(gateway, "/v2/nothing")
    assert nothing.status == 404
    assert "/v2/openapi.json" in nothing.said["error"]
    assert call(gateway, "/v3").status == 404
    assert call(gateway, "/v2/models/add%5Fone/ready").status == 200


def test_a_connection_serves_what_it_began_with(gateway):
    with connected(gateway) as connection:
        assert call_on(connection, "/v2/health/live").status == 200
        assert call_on(connection, "/metrics").status == 421
    with connected(gateway) as connection:
        assert call_on(connection, "/livez").status == 200
        assert call_on(connection, "/v2").status == 421


def test_a_request_that_comes_byte_by_byte_is_answered(gateway):
    host, _, port = gateway.http_address.rpartition(":")
    body = json.dumps({"inputs": [FOUR]}).encode()
    text = b"POST /v2/models/add_one/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(text)):
            slow.sendall(text[place : place + 1])
        assert slow.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_half_a_body_and_no_more_is_given_up(models):
    document = {"limits": {"idle_body_timeout_ms": 200}, "versions": {"slow/1": {"batching": "off"}}}
    with start_gateway(document, models) as gateway:
        host, _, port = gateway.http_address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"POST /v2/models/add_one/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            assert slow.recv(65536).startswith(b"HTTP/1.1 504")


PATIENT = {"versions": {"patient/1": {"batching": "off", "instances": 1}}, "inline_budget_us": 0}


def test_a_caller_that_hangs_up_frees_its_place_in_the_queue(patient_models):
    with patient_gateway(patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        running = begin_and_wait(gateway, calls, 3)
        with connected(gateway) as waiting:
            waiting.request("POST", "/v2/models/patient/infer", json.dumps(lasting(0.1)))
            until(lambda: queue(gateway, "patient/1") == (1, 1), what="one waits")
        until(lambda: queue(gateway, "patient/1") == (0, 1), what="nothing waits behind the one that runs")
        assert running.result().model_version == "1"


def test_the_time_of_a_request_is_its_own(patient_models):
    with start_gateway(PATIENT, patient_models) as gateway:
        late = call(gateway, "/v2/models/patient/infer", {**lasting(0.5), "parameters": {"timeout": 50_000}})
        assert (late.status, late.said["reason"]) == (504, "DEADLINE_EXPIRED")


def test_a_full_queue_says_when_to_come_again(patient_models):
    with (
        patient_gateway(patient_models, queue={"requests": 1}) as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        begun = [begin_and_wait(gateway, calls, 3), *begin_and_queue(gateway, calls)]
        shed = call(gateway, "/v2/models/patient/infer", lasting(0))
        assert (shed.status, shed.said["reason"], shed.headers["retry-after"]) == (429, "QUEUE_FULL", "1")
        assert [call.result().model_version for call in begun] == ["1", "1"]


def test_idle_callers_over_http_leave_grpc_its_connections(repository):
    document = {"routes": {"sum": route(1)}, "limits": {"connections": 2}}
    with start_gateway(document, repository) as gateway, ExitStack() as idle:
        for _ in range(3):
            connection = idle.enter_context(connected(gateway))
            connection.request("GET", "/v2/health/live")
        until(lambda: metric(gateway, "tidegate_rest_connections") == 2, what="as many as may be")
        with Asker(gateway.grpc_address) as calls:
            assert added(calls) == 1
        assert metric(gateway, "tidegate_connections_refused_total") == 1


def test_an_old_connection_is_closed_after_an_answer(repository):
    young = {"max_connection_age_ms": 100}
    with serving(repository, {"sum": route(1)}, limits=young) as gateway, connected(gateway) as connection:
        assert call_on(connection, "/v2/models/sum").status == 200
        until(lambda: metric(gateway, "tidegate_connections_closed_total", reason="max_age") == 1)
        until(lambda: metric(gateway, "tidegate_rest_connections") == 0, what="the idle connection is closed")


def test_a_body_that_trickles_is_given_up(patient_models):
    document = {"timeout_ms": 500, "limits": {"idle_body_timeout_ms": 400}}
    with start_gateway(document, patient_models) as gateway:
        host, _, port = gateway.http_address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"POST /v2/models/add_one/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            slow.settimeout(0.1)
            begun, told = time.monotonic(), b""
            while not told and time.monotonic() - begun < 5:
                slow.sendall(b" ")
                with suppress(TimeoutError):
                    told = slow.recv(65_536)
            assert told.startswith(b"HTTP/1.1 504")


def test_begun_requests_are_answered_when_the_gateway_ends(patient_models):
    with start_gateway(PATIENT, patient_models) as gateway, connected(gateway) as begun:
        begun.request("POST", "/v2/models/patient/infer", json.dumps(lasting(0.5)))
        until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1)
        gateway.process.terminate()
        answer = begun.getresponse()
        assert (answer.status, answer.getheader("connection")) == (200, "close")
        assert gateway.wait() == 0


def test_a_python_front_says_why_it_has_none(repository):
    with start_gateway({"front": "python", "routes": {"sum": route(1)}}, repository) as gateway:
        answer = call(gateway, "/v2/health/ready")
        assert answer.status == 501
        assert b"front: native" in answer.body
        with Asker(gateway.grpc_address) as calls:
            assert failure(calls.begin(asked("nobody", ROW)))[0] == "NOT_FOUND"


def test_the_openapi_document_names_every_path(gateway):
    document = call(gateway, "/v2/openapi.json").said
    assert document["openapi"].startswith("3.1")
    source = (ROOT / "rust/dataplane/src/front/rest.rs").read_text()
    matched = {
        "/" + "/".join(part.strip('" ') if '"' in part else "{}" for part in found.split(","))
        for found in re.findall(r"^ +\[(\"v2\"[^\]]*)\] (?:=>|if)", source, re.MULTILINE)
        if ".." not in found
    }
    named = {re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]}
    assert named == matched
    refs = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert refs == document["components"]["schemas"].keys()


def test_models_that_are_saved_later_answer_too(repository):
    with serving(repository, {"sum": route(1)}) as gateway:
        small_models.save(repository, "later", 1, small_models.add(5))
        assert call(gateway, "/v2/models/later/ready").status == 404
