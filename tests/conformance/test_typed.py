"""Typed contents: asked typed, answered typed; and raw where the protocol has no typed form."""

import numpy as np
import pytest

from support.calls import ask, four
from tidegate.inference import open_inference_pb2 as oip

TYPED = {
    "BOOL": ("bool_contents", [True, False, True]),
    "UINT8": ("uint_contents", [0, 1, 255]),
    "UINT16": ("uint_contents", [0, 1, 2**16 - 1]),
    "UINT32": ("uint_contents", [0, 1, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 1, 2**64 - 1]),
    "INT8": ("int_contents", [-(2**7), -1, 2**7 - 1]),
    "INT16": ("int_contents", [-(2**15), -1, 2**15 - 1]),
    "INT32": ("int_contents", [-(2**31), -1, 2**31 - 1]),
    "INT64": ("int64_contents", [-(2**63), -1, 2**63 - 1]),
    "FP32": ("fp32_contents", [0.5, -1.25, 3.0]),
    "FP64": ("fp64_contents", [0.1, -1e300, 5e-324]),
    "BYTES": ("bytes_contents", [b"", b"\x00\xff", b"text"]),
}


def _typed(model: str, datatype: str, shape: list[int], field: str, values: list) -> oip.ModelInferRequest:
    asked = oip.ModelInferRequest(model_name=model)
    tensor = asked.inputs.add(name="x", datatype=datatype, shape=shape)
    getattr(tensor.contents, field).extend(values)
    return asked


def _infer(channel, asked: oip.ModelInferRequest) -> oip.ModelInferResponse:
    return ask(channel, "ModelInfer", asked, oip.ModelInferResponse)


@pytest.mark.parametrize("datatype", TYPED)
def test_a_typed_request_is_answered_typed(channel, datatype):
    field, values = TYPED[datatype]
    answer = _infer(channel, _typed(f"identity_{datatype.lower()}", datatype, [1, 3], field, values))
    assert list(getattr(answer.outputs[0].contents, field)) == values
    assert not answer.raw_output_contents
    assert (answer.outputs[0].datatype, list(answer.outputs[0].shape)) == (datatype, [1, 3])


@pytest.mark.parametrize("datatype", TYPED)
def test_no_typed_elements_are_answered_with_none(channel, datatype):
    field, _ = TYPED[datatype]
    answer = _infer(channel, _typed(f"identity_{datatype.lower()}", datatype, [0, 3], field, []))
    assert list(answer.outputs[0].shape) == [0, 3]
    assert not answer.raw_output_contents
    assert answer.outputs[0].contents.ByteSize() == 0


def test_a_typed_request_for_fp16_is_answered_raw_because_fp16_has_no_typed_form(channel):
    answer = _infer(channel, _typed("fp16_out", "FP32", [1, 4], "fp32_contents", [1, 2, 3, 4]))
    assert answer.raw_output_contents[0] == np.float16([1, 2, 3, 4]).tobytes()
    assert not answer.outputs[0].HasField("contents")


def test_a_raw_request_is_answered_raw_with_one_entry_an_output(channel):
    answer = _infer(channel, four())
    assert answer.raw_output_contents == [np.float32([2, 3, 4, 5]).tobytes()]
    assert not answer.outputs[0].HasField("contents")


def test_a_typed_scalar_comes_back_typed(channel):
    answer = _infer(channel, _typed("scalar", "FP32", [], "fp32_contents", [21]))
    assert list(answer.outputs[0].contents.fp32_contents) == [42]
    assert list(answer.outputs[0].shape) == []


def test_typed_and_raw_requests_share_a_run_and_get_each_their_own_form(channel):
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    typed = _typed("add_one", "FP32", [1, 4], "fp32_contents", [1, 2, 3, 4]).SerializeToString()
    raw = four().SerializeToString()
    futures = [call.future(typed if number % 2 else raw, timeout=20) for number in range(40)]
    for number, future in enumerate(futures):
        answer = oip.ModelInferResponse.FromString(future.result())
        assert bool(answer.raw_output_contents) == (number % 2 == 0)
        assert list(answer.outputs[0].contents.fp32_contents) == ([2, 3, 4, 5] if number % 2 else [])
