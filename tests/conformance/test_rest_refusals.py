"""Requests over HTTP that are refused: the status and the words of each reason."""

import pytest

from support.gateway import start_gateway
from support.rest import FOUR, JSON_LENGTH, call, call_on, connected, infer, tensor


@pytest.mark.parametrize(
    "name, given, expected",
    [
        ("nobody", FOUR, (404, "UNKNOWN_MODEL")),
        ("add_one", tensor("x", "FP32", [1, 5], [1, 2, 3, 4, 5]), (400, "WRONG_SHAPE")),
        ("add_one", tensor("x", "FP64", [1, 4], [1, 2, 3, 4]), (400, "WRONG_DATATYPE")),
        ("add_one", tensor("x", "FP32", [1, 4], [1, 2, 3]), (400, "WRONG_CONTENTS")),
        ("add_one", tensor("x", "FP32", [1, 4], ["1", 2, 3, 4]), (400, "WRONG_CONTENTS")),
        ("add_one", tensor("x", "FP16", [1, 4], [1, 2, 3, 4]), (400, "MISSING_CONTENTS")),
        ("add_one", {"name": "x", "datatype": "FP32", "shape": [1, 4]}, (400, "MISSING_CONTENTS")),
        ("zipmap", FOUR, (503, "VERSION_UNAVAILABLE")),
        ("closed", FOUR, (200, None)),
    ],
)
def test_what_is_refused_has_the_status_of_its_reason(gateway, name, given, expected):
    answer = infer(gateway, name, given)
    assert (answer.status, answer.said.get("reason")) == expected
    if answer.status != 200:
        assert answer.said["error"]
        assert answer.headers["content-type"] == "application/json"


def test_a_pin_that_is_denied_is_forbidden(gateway):
    answer = infer(gateway, "closed", FOUR, version="1")
    assert (answer.status, answer.said["reason"]) == (403, "PIN_DENIED")


@pytest.mark.parametrize(
    "body, headers, expected",
    [
        (b"", {}, (400, "MALFORMED_MESSAGE")),
        (b"{", {}, (400, "MALFORMED_MESSAGE")),
        (b"[1, 2]", {}, (400, "MALFORMED_MESSAGE")),
        (b"\xff\xfe", {}, (400, "MALFORMED_MESSAGE")),
        (b'{"inputs": {}}', {}, (400, "MALFORMED_MESSAGE")),
        (b'{"inputs": [{"name": 1}]}', {}, (400, "MALFORMED_MESSAGE")),
        (b"[" * 100_000, {}, (400, "MALFORMED_MESSAGE")),
        (b'{"inputs": []}', {}, (400, "MISSING_INPUT")),
        (b'{"inputs": []}', {JSON_LENGTH: "15"}, (400, "MALFORMED_MESSAGE")),
        (b'{"inputs": []}', {JSON_LENGTH: "-1"}, (400, "MALFORMED_MESSAGE")),
        (b'{"inputs": []}', {JSON_LENGTH: "many"}, (400, "MALFORMED_MESSAGE")),
        (b'{"inputs": []}\0\0', {JSON_LENGTH: "14"}, (400, "RAW_LENGTH_MISMATCH")),
        (b'{"inputs": [], "parameters": {"timeout": "soon"}}', {}, (400, "INVALID_PARAMETER")),
        (b'{"inputs": [], "parameters": {"timeout": []}}', {}, (400, "INVALID_PARAMETER")),
        (b"{}", {"Content-Encoding": "gzip"}, (415, "UNKNOWN_COMPRESSION")),
        (b"{}", {"Content-Encoding": "br"}, (415, "UNKNOWN_COMPRESSION")),
    ],
)
def test_bodies_of_every_malformed_kind_are_refused_and_the_connection_goes_on(gateway, body, headers, expected):
    with connected(gateway) as connection:
        refused = call_on(connection, "/v2/models/add_one/infer", body, "POST", headers)
        assert (refused.status, refused.said["reason"]) == expected
        assert call_on(connection, "/v2/models/add_one/infer", {"inputs": [FOUR]}).status == 200


def test_all_that_is_wrong_is_said_at_once(gateway):
    answer = infer(
        gateway,
        "two_in_two_out",
        tensor("a", "FP32", [1, 2], [1, "2"]),
        tensor("b", "FP32", [1, 2], [1]),
        parameters={"p": []},
    )
    fields = [violation["field"] for violation in answer.said["violations"]]
    assert fields == ['parameters["p"]', "inputs[0].data", "inputs[1].data"]


def test_a_body_beyond_the_limit_is_refused(models):
    document = {"limits": {"message_mib": 1}, "versions": {"slow/1": {"batching": "off"}}}
    with start_gateway(document, models) as gateway:
        refused = call(gateway, "/v2/models/add_one/infer", b" " * (2 << 20), "POST")
        assert (refused.status, refused.said["reason"]) == (413, "MESSAGE_TOO_LARGE")


def test_a_large_body_is_answered_and_does_not_hold_up_others(gateway):
    rows = [[float(n % 7)] * 4 for n in range(60_000)]
    large = infer(gateway, "add_one", tensor("x", "FP32", [len(rows), 4], rows))
    assert large.said["outputs"][0]["data"][:5] == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert infer(gateway, "add_one", FOUR).status == 200
