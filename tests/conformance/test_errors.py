"""docs/errors.md comes true: every reason is provoked over a real socket and held against its row."""

from pathlib import Path

import grpc
import pytest

from support import request_cases, wire_cases
from support.calls import INFER, floats, four, raw_refusal, refusal, request, send
from support.cases import Case
from support.errors_doc import rows
from support.gateway import start_gateway
from support.http2 import Connection, message
from tidegate.inference import open_inference_pb2 as oip

CASES: list[Case] = [
    *request_cases.NAMES,
    *request_cases.INPUTS,
    *request_cases.CONTENTS,
    *request_cases.OUTPUTS,
    *request_cases.PARAMETERS,
    *wire_cases.MESSAGES,
]
transport = pytest.mark.transport
# What only the bytes of HTTP/2 and its frames can say.
WIRE_CASES = [*wire_cases.MESSAGES, *(case for case in request_cases.PARAMETERS if case.reason == "INVALID_TIMEOUT")]

# What no single call to a gateway at rest can provoke, and where it is tested; or why it is not.
ELSEWHERE = {
    "QUEUE_FULL": "test_lifecycle_shedding.py",
    "QUEUE_BYTES_FULL": "test_lifecycle_shedding.py",
    "BYTES_IN_FLIGHT": "test_lifecycle_shedding.py",
    "DEADLINE_EXPIRED": "test_lifecycle_deadlines.py",
    "CANCELLED": "test_lifecycle_deadlines.py",
    "DRAINING": "test_lifecycle_end.py",
    "DRAIN_TIMEOUT": "test_lifecycle_end.py",
    "RULE_BROKEN": "test_gate.py",
    "MISSING_KEY": "test_keys.py",
    "UNKNOWN_KEY": "test_keys.py",
    "KEY_DENIED": "test_keys.py",
    "ANSWER_TOO_LARGE": "test_an_answer_over_the_limit_is_refused_and_says_what_to_do",
    "INTERNAL": "a defect: whoever can provoke one mends it",
}
# Faults that a pause can cure; of the others a caller must not think that another try helps.
WITH_ADVICE = {"QUEUE_FULL", "QUEUE_BYTES_FULL", "BYTES_IN_FLIGHT"}
ROWS = rows()


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[transport] if case in WIRE_CASES else []) for case in CASES],
    ids=[f"{case.reason}-{case.name}" for case in CASES],
)
def test_a_refusal_has_the_code_the_reason_and_the_field_of_its_row(gateway, case):
    refused = case.provoke(gateway)
    assert (refused.reason, refused.code) == (case.reason, ROWS[case.reason].code), refused.message
    assert refused.domain == "tidegate"
    if case.field is not None:
        assert case.field in refused.fields
        assert refused.fields[case.field] in refused.message
    assert (refused.retry_after_s is not None) == (case.reason in WITH_ADVICE)
    assert ("grpc-retry-pushback-ms" in refused.trailers) == (case.reason in WITH_ADVICE)
    assert refused.message == refused.message.strip() != ""
    assert "\n" not in refused.message


BY_WIRE = {case.reason for case in WIRE_CASES}


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(reason, marks=[transport] if reason in BY_WIRE else [])
        for reason in sorted({case.reason for case in CASES})
    ],
)
def test_the_sentence_of_the_table_is_the_one_that_callers_read(gateway, reason):
    said = [case.provoke(gateway).message for case in CASES if case.reason == reason]
    assert any(ROWS[reason].allows(sentence) for sentence in said), said


def test_every_reason_of_the_table_is_provoked():
    provoked = {case.reason for case in CASES}
    assert provoked | ELSEWHERE.keys() == ROWS.keys()
    assert not provoked & ELSEWHERE.keys()
    for reason, where in ELSEWHERE.items():
        assert not where.endswith(".py") or f'"{reason}"' in Path(__file__).with_name(where).read_text()


def test_a_sentence_of_another_form_is_told_from_the_row_s():
    row = ROWS["WRONG_SHAPE"]
    assert row.allows('input "x": expected shape [-1,4], got [1,5]')
    assert not row.allows('input "x": expected rank [-1,4], got [1,5]')
    assert ROWS["MODEL_FAILED"].allows("a/1 failed while running: anything at all")
    assert not ROWS["MODEL_FAILED"].allows("a/1 failed while running: ")


def test_all_that_is_wrong_with_a_request_is_said_at_once(gateway):
    asked = request("two_in_two_out", ("a", "FP64", [1, 3], bytes(24)), ("c", "INT64", [1, 2], bytes(16)))
    asked.outputs.add(name="product")
    refused = refusal(gateway, INFER, asked.SerializeToString())
    assert {"inputs[0].datatype", "inputs[0].shape[1]", "inputs[1].name", "inputs", "outputs[0].name"} == set(
        refused.fields
    )
    assert all(description in refused.message for description in refused.fields.values())


def test_a_request_with_a_thousand_faults_gets_an_answer_of_bounded_length(gateway):
    asked = request("add_one", *[("x" * 4000, "FP32", [1, 4], bytes(16))] * 1000)
    refused = refusal(gateway, INFER, asked.SerializeToString())
    assert refused.code == "INVALID_ARGUMENT"
    assert len(refused.message) <= 1024
    assert 0 < len(refused.fields) <= 16


def test_an_answer_over_the_limit_is_refused_and_says_what_to_do(models):
    def asked(rows: int) -> oip.ModelInferRequest:
        return request("dynamic_shapes", ("x", "FP32", [rows, 1], floats(1) * rows))

    document = {"limits": {"message_mib": 1}, "versions": {"slow/1": {"batching": "off"}}}
    with start_gateway(document, models) as narrow, grpc.insecure_channel(narrow.grpc_address) as channel:
        fits = asked(200_000)
        fits.outputs.add(name="double")
        assert len(send(channel, INFER, [fits.SerializeToString()])) > 800_000
        refused = refusal(narrow, INFER, asked(200_000).SerializeToString())
    assert (refused.reason, refused.code) == ("ANSWER_TOO_LARGE", "RESOURCE_EXHAUSTED")
    assert ROWS["ANSWER_TOO_LARGE"].allows(refused.message), refused.message


@transport
def test_a_small_message_that_grows_past_the_limit_is_refused_before_it_has_grown(gateway):
    bomb = bytes(300 << 20)
    with grpc.insecure_channel(gateway.grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        send(channel, INFER, [bomb], compression=grpc.Compression.Gzip)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "after decompression" in caught.value.details()


@transport
def test_a_caller_of_an_unknown_compression_learns_the_known_ones(gateway):
    refused = raw_refusal(gateway, INFER, message(four().SerializeToString(), flag=1), [("grpc-encoding", "zstd")])
    assert refused.trailers["grpc-accept-encoding"] == "identity,gzip,deflate"


@transport
def test_an_http_request_that_is_not_grpc_is_refused_by_http(gateway):
    head = [(":scheme", "http"), (":path", INFER), (":authority", "localhost")]
    with Connection(gateway.grpc_address) as connection:
        got = connection.request([(":method", "GET"), *head]).headers
        typed = connection.request([(":method", "POST"), *head, ("content-type", "application/json")]).headers
    assert (got[":status"], typed[":status"]) == ("405", "415")


@transport
def test_after_every_bad_call_the_same_connection_answers_a_good_one(gateway):
    good = four().SerializeToString()
    bad = [message(good[:-1]), message(good) * 2, b"", message(good, flag=9), message(b"", claimed=1 << 31)]
    with Connection(gateway.grpc_address) as connection:
        for body in bad:
            assert connection.call(INFER, body).headers["grpc-status"] != "0"
            answer = connection.call(INFER, message(good))
            assert answer.headers["grpc-status"] == "0"
            assert oip.ModelInferResponse.FromString(answer.messages()[0]).raw_output_contents == [floats(2, 3, 4, 5)]
