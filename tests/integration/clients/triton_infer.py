"""tritonclient, the blocking client: what its examples of plain inference do."""

import grpc
import numpy as np
from triton_requests import FIRST, SECOND, assert_scored, assert_sum_and_difference, both, of, pair, rows_of
from tritonclient import grpc as triton
from tritonclient.grpc import InferenceServerClient, KeepAliveOptions, service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype
from verdict import refused

# `slow` runs for 0.2 s, whatever it is asked.
SOME = np.float32([[7]])
TOO_SHORT_S = 0.05


def test_simple_infer_with_and_without_named_outputs(address, answers):
    with InferenceServerClient(address) as client:
        assert_sum_and_difference(client.infer("simple", pair(), outputs=both()))
        assert_sum_and_difference(client.infer("simple", pair()))


def test_answers_are_those_of_onnxruntime(address, answers):
    with InferenceServerClient(address) as client:
        for version in ("1", "2"):
            assert_scored(client.infer("scorer", rows_of(answers), model_version=version), answers, version)
        assert_scored(client.infer("scorer", rows_of(answers, slice(3, 4))), answers, "2", slice(3, 4))


def test_id_name_and_version_come_back(address, answers):
    with InferenceServerClient(address, verbose=False) as client:
        response = client.infer("scorer-canary", rows_of(answers), request_id="42", model_version="1").get_response()
    assert (response.id, response.model_name, response.model_version) == ("42", "scorer-canary", "1")
    assert response.parameters["tidegate_version"].string_param == "scorer/1"


def test_compressed_requests_are_answered(address, answers):
    first, second = np.repeat(FIRST, 500, axis=0), np.repeat(SECOND, 500, axis=0)
    with InferenceServerClient(address) as client:
        for algorithm in ("gzip", "deflate", None):
            result = client.infer("simple", pair(first, second), compression_algorithm=algorithm)
            assert_sum_and_difference(result, first, second)


def test_strings_go_in_and_come_out(address, answers):
    def text(values: np.ndarray) -> np.ndarray:
        return np.array([str(value).encode() for value in values.ravel()], object).reshape(values.shape)

    with InferenceServerClient(address) as client:
        result = client.infer("simple_string", pair(text(FIRST), text(SECOND), "BYTES"), outputs=both())
        unicode = np.array([["ä", "", "δοκιμή"]], np.object_)
        same = client.infer("identity_bytes", [of("x", unicode, np_to_triton_dtype(unicode.dtype))])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), text(FIRST + SECOND))
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), text(FIRST - SECOND))
    assert same.as_numpy("y").tolist() == [[word.encode() for word in unicode[0]]]


def test_explicit_contents_are_answered_in_kind_where_triton_answers_raw(address, answers):
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for model, datatype in (("simple_int8", "INT8"), ("simple", "INT32")):
            request = service_pb2.ModelInferRequest(model_name=model)
            for name, values in (("INPUT0", FIRST), ("INPUT1", SECOND)):
                tensor = request.inputs.add(name=name, datatype=datatype, shape=[1, 16])
                tensor.contents.int_contents[:] = values.ravel().tolist()
            response = stub.ModelInfer(request)
            assert not response.raw_output_contents
            outputs = response.outputs
            assert list(outputs[0].contents.int_contents) == (FIRST + SECOND).ravel().tolist()
            assert list(outputs[1].contents.int_contents) == (FIRST - SECOND).ravel().tolist()


def test_explicit_contents_of_bytes(address, answers):
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = service_pb2.ModelInferRequest(model_name="simple_string")
        for name, values in (("INPUT0", FIRST), ("INPUT1", SECOND)):
            tensor = request.inputs.add(name=name, datatype="BYTES", shape=[1, 16])
            tensor.contents.bytes_contents[:] = [str(value).encode() for value in values.ravel()]
        outputs = stub.ModelInfer(request).outputs
    assert [int(text) for text in outputs[0].contents.bytes_contents] == (FIRST + SECOND).ravel().tolist()
    assert [int(text) for text in outputs[1].contents.bytes_contents] == (FIRST - SECOND).ravel().tolist()


def test_custom_arguments_of_the_channel_and_keepalive(address, answers):
    options = [("grpc.max_receive_message_length", 1 << 28), ("grpc.primary_user_agent", "an example")]
    often = KeepAliveOptions(keepalive_time_ms=50, keepalive_timeout_ms=2000, keepalive_permit_without_calls=True)
    for settings in ({"channel_args": options}, {"keepalive_options": often}):
        with InferenceServerClient(address, **settings) as client:
            assert_sum_and_difference(client.infer("simple", pair()))
            # Pings go out while this runs.
            assert client.infer("slow", [of("x", SOME, "FP32")]).as_numpy("y").tolist() == [[7]]
            assert_sum_and_difference(client.infer("simple", pair()))


def test_priority_timeout_sequences_and_parameters_of_ones_own_are_taken(address, answers):
    with InferenceServerClient(address) as client:
        result = client.infer(
            "simple",
            pair(),
            priority=1,
            timeout=10_000_000,
            sequence_id=7,
            sequence_start=True,
            sequence_end=True,
            parameters={"tenant": "blue", "level": 2, "share": 0.5, "is_test": True},
            headers={"x-anything": "goes"},
        )
        assert_sum_and_difference(result)
        assert_sum_and_difference(client.infer("simple", pair(), sequence_id="a name"))


def test_a_sequence_stays_on_one_version(address, answers):
    with InferenceServerClient(address) as client:
        met = set()
        for sequence in range(1, 17):
            versions = {
                client.infer("scorer-canary", rows_of(answers), sequence_id=sequence).get_response().model_version
                for _ in range(4)
            }
            assert len(versions) == 1
            met |= versions
    assert met == {"1", "2"}


def test_client_timeout_is_the_deadline(address, answers):
    value = of("x", SOME, "FP32")
    with InferenceServerClient(address) as client:
        error = refused(lambda: client.infer("slow", [value], client_timeout=TOO_SHORT_S), InferenceServerException)
        assert error.status() == "StatusCode.DEADLINE_EXCEEDED"
        assert client.infer("slow", [value], client_timeout=60).as_numpy("y").tolist() == [[7]]


def test_the_timeout_parameter_is_microseconds_and_bounds_the_run(address, answers):
    value, too_short_us = of("x", SOME, "FP32"), int(TOO_SHORT_S * 1e6)
    with InferenceServerClient(address) as client:
        error = refused(lambda: client.infer("slow", [value], timeout=too_short_us), InferenceServerException)
    assert error.status() == "StatusCode.DEADLINE_EXCEEDED"
    assert "deadline passed" in error.message()


def test_what_is_wrong_is_named(address, answers):
    with InferenceServerClient(address) as client:
        wrong = {
            "nobody": (lambda: client.infer("nobody", pair()), "NOT_FOUND", 'no route or model is named "nobody"'),
            "version": (
                lambda: client.infer("simple", pair(), model_version="9"),
                "NOT_FOUND",
                '"simple" has no loaded version "9"; loaded are 1',
            ),
            "one input": (
                lambda: client.infer("simple", pair()[:1]),
                "INVALID_ARGUMENT",
                'input "INPUT1" is missing: expected INT32 [-1,16]',
            ),
            "datatype": (
                lambda: client.infer("simple", pair(FIRST.astype("f4"), SECOND.astype("f4"), "FP32")),
                "INVALID_ARGUMENT",
                'input "INPUT0": expected datatype INT32, got "FP32"',
            ),
            "shape": (
                lambda: client.infer("simple", pair(FIRST[:, :5], SECOND[:, :5])),
                "INVALID_ARGUMENT",
                'input "INPUT0": expected shape [-1,16], got [1,5]',
            ),
            "output": (
                lambda: client.infer("simple", pair(), outputs=[triton.InferRequestedOutput("OUTPUT2")]),
                "INVALID_ARGUMENT",
                'output "OUTPUT2" is not one of the model',
            ),
            "not loaded": (lambda: client.infer("broken", pair()), "UNAVAILABLE", 'model "broken" is not loaded'),
        }
        for name, (call, code, sentence) in wrong.items():
            error = refused(call, InferenceServerException)
            assert error.status() == f"StatusCode.{code}", (name, error.status())
            assert sentence in error.message(), (name, error.message())


def test_classification_is_refused_with_what_to_do_instead(address, answers):
    top = [triton.InferRequestedOutput("probability", class_count=2)]
    with InferenceServerClient(address) as client:
        error = refused(lambda: client.infer("scorer", rows_of(answers), outputs=top), InferenceServerException)
    assert error.status() == "StatusCode.UNIMPLEMENTED"
    assert 'the parameter "classification" is not offered; take the whole output' in error.message()
