"""Values arrive as the model's datatype, or are refused with every element that would change."""

import math
import struct

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tidegate.client.specs import TensorSpec
from tidegate.client.tensors import from_raw
from tidegate.client.values import Misfit, encode
from tidegate.datatypes import DTYPES, from_bf16_bits, to_bf16_bits

numbers = st.integers(-(2**70), 2**70) | st.floats() | st.booleans()


def sent(value, datatype, shape=(-1,)):
    shape, raw = encode(value, TensorSpec(name="x", datatype=datatype, shape=shape), "inputs.x")
    return from_raw(datatype, shape, raw)


def refusals(value, datatype, shape=(-1,)):
    with pytest.raises(Misfit) as misfit:
        sent(value, datatype, shape)
    return [tuple(violation) for violation in misfit.value.violations]


def fits(number, datatype):
    """A naive account of the rule, one number at a time."""
    dtype = DTYPES[datatype]
    if dtype.kind == "b":
        return number in (0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return math.isfinite(number) and number == int(number) and limits.min <= number <= limits.max
    if isinstance(number, int):
        try:
            with np.errstate(over="ignore"):
                nearest = float(dtype.type(float(number)))
        except OverflowError:
            return False
        return nearest == number
    with np.errstate(over="ignore"):
        return math.isinf(number) or not math.isinf(dtype.type(number))


@given(st.lists(numbers, min_size=1, max_size=6), st.sampled_from(sorted(DTYPES)))
def test_a_list_is_sent_exactly_or_each_element_that_changes_is_named(values, datatype):
    bad = [at for at, number in enumerate(values) if not fits(number, datatype)]
    if bad:
        assert [path for path, _ in refusals(values, datatype)] == [f"inputs.x[{at}]" for at in bad]
    else:
        with np.errstate(over="ignore"):
            expected = [DTYPES[datatype].type(number) for number in values]
        np.testing.assert_array_equal(sent(values, datatype), np.array(expected, dtype=DTYPES[datatype]))


@given(
    hnp.arrays(
        st.sampled_from([np.int8, np.uint16, np.int64, np.uint64, np.float16, np.float32, np.float64, np.bool_]),
        st.integers(1, 5),
    ),
    st.sampled_from(sorted(DTYPES)),
)
def test_an_array_is_judged_like_the_list_of_its_elements(array, datatype):
    bad = [at for at, number in enumerate(array.tolist()) if not fits(number, datatype)]
    if bad:
        assert [path for path, _ in refusals(array, datatype)] == [f"inputs.x[{at}]" for at in bad]
    else:
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(sent(array, datatype), array.astype(DTYPES[datatype]))


@pytest.mark.parametrize(
    "value, datatype",
    [
        (1.5, "INT64"),
        (300, "UINT8"),
        (-1, "UINT64"),
        (2**53 + 1, "FP64"),
        (2**24 + 1, "FP32"),
        (1e39, "FP32"),
        (70000, "FP16"),
        (2, "BOOL"),
        (math.nan, "INT32"),
        (2**63, "INT64"),
        (float(2**63), "INT64"),
        ("1", "FP32"),
        (None, "FP32"),
        (10**400, "FP64"),
        (257, "BF16"),
        (1e39, "BF16"),
        ("1", "BF16"),
        (7, "BYTES"),
        ("\ud800", "BYTES"),
    ],
)
def test_a_value_that_would_change_is_refused(value, datatype):
    ((path, reason),) = refusals([value], datatype)
    assert path == "inputs.x[0]"
    assert datatype in reason


def test_floats_are_rounded_to_the_nearest():
    np.testing.assert_array_equal(sent([0.1, 1e-50, math.inf], "FP32"), np.float32([0.1, 0.0, math.inf]))


def test_a_mixed_list_keeps_its_large_whole_numbers():
    assert refusals([2**53 + 1, 0.5], "FP64") == [("inputs.x[0]", f"{2**53 + 1} does not fit in FP64 unchanged")]
    np.testing.assert_array_equal(sent([2**63, 0], "UINT64"), np.array([2**63, 0], dtype=np.uint64))


def test_a_mixed_list_for_bf16_keeps_its_whole_numbers():
    assert refusals([257, 0.1], "BF16") == [("inputs.x[0]", "257 does not fit in BF16 unchanged")]
    assert sent([256, 257.0], "BF16").tolist() == [256.0, 256.0]


def test_a_flat_list_is_a_column_where_the_model_takes_one():
    assert sent([1, 2, 3], "FP32", (-1, 1)).tolist() == [[1.0], [2.0], [3.0]]
    assert sent(["a", "b"], "BYTES", (-1, 1)).tolist() == [[b"a"], [b"b"]]
    assert sent([], "FP32", (-1, 1)).shape == (0, 1)


def test_a_wrong_rank_is_named_with_what_was_expected():
    assert refusals([1.0, 2.0], "FP32", (-1, 4)) == [
        ("inputs.x", "expected 2 axes, as in [-1, 4], got 1, as in [2]"),
    ]


def test_rank_and_values_are_refused_together():
    assert [path for path, _ in refusals([1.5, 2.5], "INT8", (-1, 4))] == ["inputs.x", "inputs.x[0]", "inputs.x[1]"]


@pytest.mark.parametrize("datatype", ["FP32", "BYTES", "BF16"])
def test_ragged_rows_are_refused(datatype):
    assert refusals([[1, 2], [3]], datatype, (-1, -1)) == [("inputs.x", "its rows differ in length")]


def test_the_elements_that_are_named_are_limited_and_the_rest_is_counted():
    named = refusals([0.5] * 1000, "INT8")
    assert len(named) == 11
    assert named[-1] == ("inputs.x", "990 more elements likewise")


def test_scalars_and_empty_tensors_keep_their_shape():
    assert sent(3, "INT32", ()).shape == ()
    assert sent(np.zeros((0, 4), dtype=np.float32), "FP32", (-1, 4)).shape == (0, 4)
    assert sent(np.zeros((2, 0)), "BF16", (-1, -1)).shape == (2, 0)


def test_the_layout_of_an_array_in_memory_does_not_matter():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(sent(np.asfortranarray(array), "FP32", (-1, 3)), array)
    np.testing.assert_array_equal(sent(array.astype(">f4"), "FP32", (-1, 3)), array)
    np.testing.assert_array_equal(sent(array[:, ::-1], "BF16", (-1, 3)), array[:, ::-1])


@given(st.lists(st.binary() | st.text(st.characters(codec="utf-8"))))
def test_bytes_keep_every_byte(elements):
    expected = [element.encode() if isinstance(element, str) else element for element in elements]
    assert sent(elements, "BYTES").tolist() == expected


def test_numpy_text_and_byte_strings_are_bytes():
    assert sent(np.array(["ä", "b"]), "BYTES").tolist() == ["ä".encode(), b"b"]
    assert sent(np.array([b"x\0y"]), "BYTES").tolist() == [b"x\0y"]
    assert sent(np.array([["a"], [b"\xff"]], dtype=object), "BYTES", (-1, 1)).tolist() == [[b"a"], [b"\xff"]]


@given(hnp.arrays(np.float32, st.integers(0, 20)))
def test_bf16_rounds_like_ml_dtypes(values):
    with np.errstate(over="ignore", invalid="ignore"):
        expected = values.astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(from_bf16_bits(to_bf16_bits(values)), expected)


def test_bf16_takes_bits_and_ml_dtypes_as_they_are():
    assert sent(np.array([0x3F80, 0xC000], dtype=np.uint16), "BF16").tolist() == [1.0, -2.0]
    assert sent(np.array([1.0, -2.0], dtype=ml_dtypes.bfloat16), "BF16").tolist() == [1.0, -2.0]
    assert sent(np.array([1.0, -2.0], dtype=ml_dtypes.bfloat16), "FP32").tolist() == [1.0, -2.0]


def test_an_unknown_datatype_is_refused():
    assert refusals([1], "FP4") == [("inputs.x", "its datatype is FP4, which this client does not know")]


@given(hnp.arrays(np.float16, st.integers(0, 8)))
def test_half_precision_travels_bit_for_bit(values):
    assert sent(values, "FP16").tobytes() == struct.pack(f"<{len(values)}e", *values) or np.isnan(values).any()
