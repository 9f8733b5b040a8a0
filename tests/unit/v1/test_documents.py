import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.canonical import canonical
from tidegate.errors import InputRefused
from tidegate.v1.documents import MOST_WHOLE, document_of, fill_struct, value_of
from tidegate.v1.route_pb2 import Plan

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-MOST_WHOLE, MOST_WHOLE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
DOCUMENTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_size=4,
)


@given(DOCUMENTS)
def test_a_document_comes_back_as_the_same_json(document):
    message = Plan()
    fill_struct(message.document, document)
    read = document_of(Plan.FromString(message.SerializeToString()).document)
    assert canonical(read) == canonical(document)


@given(DOCUMENTS)
def test_a_document_comes_back_in_one_order(document):
    message = Plan()
    fill_struct(message.document, document)
    read = document_of(message.document)
    assert list(read) == sorted(read)


def test_a_whole_number_stays_whole():
    struct = Struct()
    struct.update({"weight": 90, "share": 0.5})
    assert [type(value) for value in document_of(struct).values()] == [float, int]


@pytest.mark.parametrize(
    "value, path",
    [
        ({"a": {"b": [1, object()]}}, "a.b[1]"),
        ({"a": float("nan")}, "a"),
        ({"a": 1 << 53}, "a"),
        ({"a": {1: 2}}, "a.1"),
        ({"since": __import__("datetime").date(2026, 1, 1)}, "since"),
    ],
)
def test_what_is_no_json_is_refused_by_its_place(value, path):
    with pytest.raises(InputRefused) as refused:
        fill_struct(Struct(), value)
    assert [violation.path for violation in refused.value.violations] == [path]


def test_a_number_that_is_none_of_json_is_refused():
    struct = Struct()
    struct.fields["a"].number_value = float("inf")
    with pytest.raises(InputRefused):
        document_of(struct)


def test_a_value_that_is_not_set_is_nothing():
    assert value_of(Struct().fields["a"]) is None
