import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.canonical import canonical, digest_of
from tidegate.core.patches import apply, diff

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON)
def test_a_patch_makes_the_new_of_the_old(before, after):
    assert canonical(apply(diff(before, after), before)) == canonical(after)


@given(JSON)
def test_what_is_the_same_needs_no_patch(value):
    assert diff(value, value) == []


@given(JSON, JSON)
def test_equal_digests_are_equal_values(one, other):
    assert (digest_of(one) == digest_of(other)) is (diff(one, other) == [])


def test_a_patch_names_what_changed_and_nothing_else():
    before = {"split": {"m/1": 9, "m/2": 1}, "salt": "a"}
    after = {"split": {"m/1": 8, "m/2": 1, "m/3": 1}, "salt": "a"}
    assert diff(before, after) == [
        {"op": "replace", "path": "/split/m~11", "value": 8},
        {"op": "add", "path": "/split/m~13", "value": 1},
    ]


def test_true_is_not_one():
    assert diff({"a": True}, {"a": 1}) == [{"op": "replace", "path": "/a", "value": 1}]
    assert diff([True], [1]) == [{"op": "replace", "path": "", "value": [1]}]


@pytest.mark.parametrize("value", [{}, {"b": 1}, [], None])
def test_a_patch_for_another_value_is_refused(value):
    with pytest.raises(ValueError, match="another form"):
        apply([{"op": "replace", "path": "/a", "value": 1}], value)
