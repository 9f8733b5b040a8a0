"""Columns become exactly what their tensor would hold, or are refused."""

import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.profiles import Strings
from tidegate.datatypes import DTYPES, to_bf16_bits
from tidegate.drift.columns import read_values, read_whole
from tidegate.drift.errors import ColumnsUnusable
from tidegate.drift.tables import read_table


def column(*parts, kind=None):
    """A table of one column `x` that comes in parts."""
    return read_table(pa.table({"x": pa.chunked_array([pa.array(part, kind) for part in parts], kind)}), name="table")


def texts(values):
    return [bytes(values.data[begin:end]) for begin, end in zip(values.offsets, values.offsets[1:], strict=False)]


@given(st.lists(st.floats(width=32), min_size=1))
def test_a_double_is_rounded_where_its_tensor_would_round_it(numbers):
    exact = np.array(numbers, dtype=np.float64)
    with np.errstate(over="ignore"):
        for datatype in ("FP16", "FP32", "FP64"):
            found = read_whole(column(exact), "x", datatype)
            np.testing.assert_array_equal(found, exact.astype(DTYPES[datatype]))
        np.testing.assert_array_equal(read_whole(column(exact), "x", "BF16"), to_bf16_bits(exact.astype(np.float32)))


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64(), pa.float32(), pa.bool_(), pa.decimal128(5, 2)])
@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64", "UINT8", "INT16"])
def test_numbers_of_any_kind_become_those_of_the_tensor(kind, datatype):
    one = {pa.bool_(): True, pa.decimal128(5, 2): decimal.Decimal(1)}.get(kind, 1)
    numbers = [one, one - one if kind != pa.bool_() else False]
    found = read_whole(column(numbers, kind=kind), "x", datatype)
    assert found.dtype == DTYPES[datatype]
    assert found.tolist() == [1, 0]


def test_nothing_is_nan_in_floats_whatever_it_was():
    for values in ([1.5, None], [1, None], [True, None], [None, None]):
        found = read_whole(column(values), "x", "FP32")
        assert np.isnan(found[-1])


def test_nothing_in_integers_is_the_sentinel_or_refused():
    for numbers in ([1, None, 3], [1.0, float("nan"), 3.0]):
        assert read_whole(column(numbers), "x", "INT32", sentinel=-1).tolist() == [1, -1, 3]
        with pytest.raises(ColumnsUnusable, match=r"1 values are null, which INT32 .* --sentinel name=-1"):
            read_whole(column(numbers), "x", "INT32")


@pytest.mark.parametrize(
    "numbers, datatype, reason",
    [
        ([1, 300], "UINT8", "1 values would change in UINT8, such as 300"),
        ([0.5, 1.5], "INT64", "2 values would change in INT64, such as 0.5"),
        ([float("inf")], "INT64", "1 values would change in INT64, such as inf"),
        ([2], "BOOL", "1 values would change in BOOL, such as 2"),
        (["a"], "FP32", "expected numbers for FP32, got a column of string"),
        ([1], "BYTES", "expected text or bytes for BYTES, got a column of int64"),
        ([[1]], "FP32", "got a column of list"),
    ],
)
def test_what_the_tensor_has_no_value_for_is_refused_with_an_example(numbers, datatype, reason):
    with pytest.raises(ColumnsUnusable, match=reason):
        read_whole(column(numbers), "x", datatype)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view(), pa.binary_view()]
)
def test_texts_of_any_kind_are_offsets_and_data_with_nothing_empty(kind):
    as_given = ["UA", None, "", "Ünï"]
    values = [text if text is None or "string" in str(kind) else text.encode() for text in as_given]
    found = read_whole(column(values, values, kind=kind), "x", "BYTES")
    assert isinstance(found, Strings)
    assert texts(found) == [b"UA", b"", b"", "Ünï".encode()] * 2


def test_texts_of_a_dictionary_and_of_a_slice_are_their_own_only():
    whole = pa.array(["a", "bb", "ccc", "bb"]).dictionary_encode()
    assert texts(read_whole(column(whole), "x", "BYTES")) == [b"a", b"bb", b"ccc", b"bb"]
    table = read_table(pa.table({"x": pa.array(["a", "bb", "ccc", "bb"])}).slice(1, 2), name="table")
    (part,) = read_values(table, "x", "BYTES")
    assert texts(part) == [b"bb", b"ccc"]


def test_parts_without_values_add_nothing():
    assert texts(read_whole(column([], ["a"], [], kind=pa.string()), "x", "BYTES")) == [b"a"]
    assert read_whole(column([], [3], [], kind=pa.int64()), "x", "FP16").tolist() == [3]
