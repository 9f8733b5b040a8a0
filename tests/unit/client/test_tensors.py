"""Contents from the wire become arrays, and contradictions are found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.client.tensors import from_raw, from_typed, to_raw_bytes
from tidegate.inference.open_inference_pb2 import InferTensorContents


@pytest.mark.parametrize(
    "datatype, field, values",
    [
        ("BOOL", "bool_contents", [True, False]),
        ("INT8", "int_contents", [-128, 127]),
        ("UINT16", "uint_contents", [0, 65535]),
        ("INT64", "int64_contents", [-(2**63), 2**63 - 1]),
        ("UINT64", "uint64_contents", [0, 2**64 - 1]),
        ("FP32", "fp32_contents", [0.5, -1.0]),
        ("FP64", "fp64_contents", [0.1, -1.0]),
        ("BYTES", "bytes_contents", [b"\0", b"\xff"]),
    ],
)
def test_typed_contents_become_arrays(datatype, field, values):
    array = from_typed(datatype, [2, 1], InferTensorContents(**{field: values}))
    assert array.tolist() == [[values[0]], [values[1]]]


def test_typed_contents_that_do_not_fit_the_datatype_are_a_contradiction():
    with pytest.raises(ValueError, match="do not fit in INT8"):
        from_typed("INT8", [1], InferTensorContents(int_contents=[128]))


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP4"])
def test_some_datatypes_have_no_typed_contents(datatype):
    with pytest.raises(ValueError, match="no typed contents"):
        from_typed(datatype, [0], InferTensorContents())


@pytest.mark.parametrize(
    "datatype, shape, raw",
    [
        ("FP32", [2], bytes(4)),
        ("FP32", [1], bytes(3)),
        ("INT8", [-1], bytes(1)),
        ("BYTES", [1], b"\5\0\0\0abc"),
        ("BYTES", [1], b"\1\0"),
        ("BYTES", [2], b"\1\0\0\0a"),
        ("FP4", [1], b"1"),
        ("BF16", [1], b"123"),
    ],
)
def test_raw_contents_that_contradict_the_shape_are_found(datatype, shape, raw):
    with pytest.raises(ValueError):
        from_raw(datatype, shape, raw)


@given(st.binary(max_size=40), st.integers(0, 4))
def test_no_raw_bytes_break_the_reader(raw, size):
    try:
        elements = from_raw("BYTES", [size], raw).tolist()
    except ValueError:
        return
    assert to_raw_bytes(elements) == raw


def test_an_answer_cannot_be_changed_by_accident():
    array = from_raw("FP32", [1], np.float32([1.0]).tobytes())
    with pytest.raises(ValueError):
        array[0] = 2.0
