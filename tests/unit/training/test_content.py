"""The digest of a table's content says what stands in it, and nothing of how it lies in memory."""

import decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.training.content import NoDigest, column_digest, content_digest, type_name

VALUES = {
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.timestamp("us"): st.integers(0, 2**40),
    pa.date32(): st.integers(0, 2**15),
    pa.decimal128(12, 2): st.decimals(-9999, 9999, places=2),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.list_(pa.string()): st.lists(st.none() | st.text(max_size=3), max_size=3),
    pa.list_(pa.int8(), 2): st.lists(st.integers(-9, 9), min_size=2, max_size=2),
    pa.struct([("a", pa.int8()), ("b", pa.string())]): st.fixed_dictionaries(
        {"a": st.none() | st.integers(-9, 9), "b": st.none() | st.text(max_size=3)}
    ),
    pa.null(): st.none(),
}


@st.composite
def columns(draw):
    """A type with an array of it that has nulls."""
    kind = draw(st.sampled_from(list(VALUES)))
    return pa.array(draw(st.lists(st.none() | VALUES[kind], max_size=30)), type=kind)


@given(array=columns(), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_chunks_change_nothing(array, cuts):
    ends = sorted({0, len(array), *(min(cut, len(array)) for cut in cuts)})
    chunks = [array.slice(begin, end - begin) for begin, end in pairwise(ends)]
    assert column_digest(pa.chunked_array(chunks, type=array.type)) == column_digest(array)


@given(array=columns(), before=columns(), behind=st.integers(0, 3))
def test_the_offset_of_a_slice_changes_nothing(array, before, behind):
    padded = pa.concat_arrays([array.slice(0, 3), array, array.slice(0, behind)])
    begin = min(3, len(array))
    assert column_digest(padded.slice(begin, len(array))) == column_digest(array)


@given(array=columns())
def test_a_dictionary_and_runs_are_ways_to_keep_values(array):
    if pa.types.is_nested(array.type) or pa.types.is_null(array.type):
        return
    assert column_digest(array.dictionary_encode()) == column_digest(array)
    if not pa.types.is_decimal(array.type):
        assert column_digest(pa.compute.run_end_encode(array)) == column_digest(array)


@given(values=st.lists(st.none() | st.text(max_size=5), max_size=20))
def test_the_width_of_offsets_and_views_change_nothing(values):
    plain = column_digest(pa.array(values, pa.string()))
    assert column_digest(pa.array(values, pa.large_string())) == plain
    assert column_digest(pa.array(values, pa.string_view())) == plain
    listed = column_digest(pa.array([values], pa.list_(pa.string())))
    assert column_digest(pa.array([values], pa.large_list(pa.large_string()))) == listed


@given(array=columns(), other=columns())
def test_other_values_have_another_digest(array, other):
    # By their text, in which NaN is itself.
    is_same = (array.type, repr(array.to_pylist())) == (other.type, repr(other.to_pylist()))
    assert (column_digest(array) == column_digest(other)) is is_same


def test_what_lies_under_a_null_is_no_content():
    valid = pa.array([True, False, True]).buffers()[1]
    numbers = [pa.array(values, pa.int32()).buffers()[1] for values in ([1, 2, 3], [1, 9, 3])]
    found = {column_digest(pa.Array.from_buffers(pa.int32(), 3, [valid, data])) for data in numbers}
    texts = pa.array(["a", "xyz", "b"])
    hidden = pa.Array.from_buffers(pa.string(), 3, [valid, *texts.buffers()[1:]])
    assert found == {column_digest(pa.array([1, None, 3], pa.int32()))}
    assert column_digest(hidden) == column_digest(pa.array(["a", None, "b"]))
    inner, ends = pa.array([1, 8, 9, 2]), pa.array([0, 1, 3, 4], pa.int32())
    lists = pa.ListArray.from_arrays(ends, inner, mask=pa.array([False, True, False]))
    assert column_digest(lists) == column_digest(pa.array([[1], None, [2]]))


def test_every_nan_is_the_same_and_null_is_another():
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64).view(np.float64)
    assert column_digest(pa.array(odd)) == column_digest(pa.array([float("nan")] * 2))
    assert column_digest(pa.array([float("nan")])) != column_digest(pa.array([None], pa.float64()))
    assert column_digest(pa.array([0.0])) != column_digest(pa.array([-0.0]))


@pytest.mark.parametrize(
    "one, other",
    [
        (pa.array([["a"], ["b", "c"]]), pa.array([["a", "b"], ["c"]])),
        (pa.array(["ab", "c"]), pa.array(["a", "bc"])),
        (pa.array([1], pa.int32()), pa.array([1], pa.int64())),
        (pa.array([1], pa.timestamp("s")), pa.array([1], pa.timestamp("s", "UTC"))),
        (pa.array([None], pa.string()), pa.array([""])),
        (pa.array([], pa.string()), pa.array([], pa.int8())),
        (pa.array([decimal.Decimal("1.0")]), pa.array([decimal.Decimal("1.00")])),
    ],
)
def test_what_looks_alike_is_told_apart(one, other):
    assert column_digest(one) != column_digest(other)


def test_names_and_their_order_are_content():
    column = pa.chunked_array([[1, 2]])
    found = {
        content_digest(2, [("a", column), ("b", column)]),
        content_digest(2, [("b", column), ("a", column)]),
        content_digest(2, [("ab", column), ("", column)]),
    }
    assert len(found) == 3


def test_a_digest_is_for_ever():
    table = pa.table({"a": [1, None], "b": ["x", "yz"]})
    digest = content_digest(2, zip(table.column_names, table.columns, strict=True))
    assert digest == "sha256:f114d7ad72f53f8091a83beb2fc9e3d61d035be02b25c3a82fb6bd078234b33f"


def test_a_type_without_a_digest_is_refused():
    with pytest.raises(NoDigest, match="map"):
        column_digest(pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())))
    assert type_name(pa.dictionary(pa.int8(), pa.large_string())) == "string"
