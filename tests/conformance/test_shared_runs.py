"""Requests that arrive together share a run; what each caller gets back is as if it had been alone.

All requests of a test are sent in one piece on one stream, so that they are found in one wake-up.
"""

import numpy as np

from support.calls import SERVICE, floats, four, request
from support.http2 import Connection, message
from support.triton import x
from support.watching import metric
from tidegate.inference import open_inference_pb2 as oip


def _together(gateway, requests: list[oip.ModelInferRequest]) -> list[oip.ModelStreamInferResponse]:
    """The answers to requests that arrive at once."""
    for number, asked in enumerate(requests):
        asked.id = str(number)
    body = b"".join(message(asked.SerializeToString()) for asked in requests)
    with Connection(gateway.grpc_address) as connection:
        answer = connection.call(SERVICE + "ModelStreamInfer", body)
    assert answer.headers["grpc-status"] == "0", answer.headers
    answers = [oip.ModelStreamInferResponse.FromString(payload) for payload in answer.messages()]
    assert [answer.infer_response.id for answer in answers] == [asked.id for asked in requests]
    return answers


def _rows(model: str, values: np.ndarray) -> oip.ModelInferRequest:
    return request(model, ("x", "FP32", list(values.shape), values.astype("<f4").tobytes()))


def _array(answer: oip.ModelStreamInferResponse, place: int = 0, dtype: str = "<f4") -> np.ndarray:
    assert not answer.error_message
    response = answer.infer_response
    return np.frombuffer(response.raw_output_contents[place], dtype).reshape(response.outputs[place].shape)


def test_runs_are_shared(gateway):
    before = metric(gateway, "tidegate_batch_rows_count", version="identity_fp64/1")
    asked = [request("identity_fp64", ("x", "FP64", [1, 3], bytes(24))) for _ in range(60)]
    assert len(_together(gateway, asked)) == 60
    assert metric(gateway, "tidegate_batch_rows_count", version="identity_fp64/1") - before < 60


def test_requests_of_any_number_of_rows_get_their_own_rows(gateway):
    counts = [1, 0, 7, 64, 65, 0, 1, 200, 3, 0, 63, 1]
    sent = [np.arange(rows * 4).reshape(rows, 4) + 1000 * number for number, rows in enumerate(counts)]
    for values, answer in zip(sent, _together(gateway, [_rows("add_one", values) for values in sent]), strict=True):
        assert np.array_equal(_array(answer), values + 1)


def test_one_bad_row_fails_its_own_request_only(gateway):
    indices = [[0], [99], [1, 2], [3, -99], [4], [99], [5, 6, 7]]
    asked = [request("gather", ("index", "INT64", [len(rows), 1], np.array(rows, "<i8").tobytes())) for rows in indices]
    for rows, answer in zip(indices, _together(gateway, asked), strict=True):
        if max(map(abs, rows)) > 10:
            assert answer.error_message.startswith("INTERNAL (MODEL_FAILED): gather/1 failed while running")
        else:
            assert _array(answer)[:, 0].tolist() == rows


def test_shapes_are_never_mixed(gateway):
    sent = [np.full((1 + number % 3, number % 5), number, "f4") for number in range(40)]
    for values, answer in zip(
        sent, _together(gateway, [_rows("dynamic_shapes", values) for values in sent]), strict=True
    ):
        assert np.array_equal(_array(answer), values * 2)
        assert np.allclose(_array(answer, 1)[:, 0], values.sum(axis=1))


def test_refused_requests_between_good_ones_take_no_place(gateway):
    asked = [four() if number % 2 else four(model_version="9") for number in range(20)]
    for number, answer in enumerate(_together(gateway, asked)):
        if number % 2:
            assert _array(answer).tolist() == [[2, 3, 4, 5]]
        else:
            assert "UNKNOWN_VERSION" in answer.error_message


def test_typed_and_raw_requests_share_a_run(gateway):
    typed = request("add_one", ("x", "FP32", [1, 4], None))
    typed.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    answers = _together(
        gateway, [oip.ModelInferRequest.FromString(one.SerializeToString()) for one in [four(), typed] * 10]
    )
    for raw, written in zip(answers[::2], answers[1::2], strict=True):
        assert raw.infer_response.raw_output_contents == [floats(2, 3, 4, 5)]
        assert list(written.infer_response.outputs[0].contents.fp32_contents) == [2, 3, 4, 5]
        assert not written.infer_response.raw_output_contents


def test_each_caller_gets_the_outputs_it_asked_for(gateway):
    wishes = [["sum"], ["difference", "sum"], [], ["difference"]] * 5
    asked = []
    for number, names in enumerate(wishes):
        a, b = np.float32([[number, 1]]), np.array([[2, number]], "<i8")
        one = request("two_in_two_out", ("a", "FP32", [1, 2], a.tobytes()), ("b", "INT64", [1, 2], b.tobytes()))
        for name in names:
            one.outputs.add(name=name)
        asked.append(one)
    for number, (names, answer) in enumerate(zip(wishes, _together(gateway, asked), strict=True)):
        found = [output.name for output in answer.infer_response.outputs]
        assert found == (names or ["sum", "difference"])
        expected = {"sum": [[number + 2, 1 + number]], "difference": [[number - 2, 1 - number]]}
        for place, name in enumerate(found):
            assert _array(answer, place, "<f4" if name == "sum" else "<i8").tolist() == expected[name]


def test_strings_of_different_callers_stay_apart(gateway):
    texts = [[b"a" * number, b"", bytes([number])] for number in range(60)]
    asked = []
    for own in texts:
        raw = b"".join(len(text).to_bytes(4, "little") + text for text in own)
        asked.append(request("strings", ("text", "BYTES", [3], raw)))
    for one, answer in zip(asked, _together(gateway, asked), strict=True):
        assert answer.infer_response.raw_output_contents == one.raw_input_contents


def test_one_version_under_two_names_signs_each_answer_with_the_name_that_was_asked(gateway):
    names = ["split", "split", "nobody", "split"] * 8
    for name, answer in zip(names, _together(gateway, [four(name, model_version="2") for name in names]), strict=True):
        assert answer.infer_response.model_name == name
        assert bool(answer.error_message) == (name == "nobody")


def test_many_models_in_one_wake_up_are_all_answered(gateway, triton):
    names = ["add_one", "mean_removed", "fp16_out", "split", "scalar"] * 12
    asked = [request(name, ("x", "FP32", [], floats(3))) if name == "scalar" else four(name) for name in names]
    alone = {name: triton.infer(name, x([1, 2, 3, 4])) for name in ("mean_removed", "fp16_out")}
    for name, answer in zip(names, _together(gateway, asked), strict=True):
        if name in alone:
            assert answer.infer_response.raw_output_contents == alone[name].get_response().raw_output_contents
        else:
            assert not answer.error_message
