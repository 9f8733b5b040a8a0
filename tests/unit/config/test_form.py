"""The form is a first look: whatever it refuses, the core refuses too, and says better why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.config.form import Decision, DocumentForm, Route, Segment, Shadow, find_form_violations
from tidegate.core.documents import fill_in
from tidegate.errors import DocumentRefused

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**64 - 1), st.text(max_size=5), st.sampled_from(["on", "m/1"])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["m/1", "split", "mode", "max", "grpc", "requests", "r"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(fields=st.dictionaries(st.sampled_from([*DocumentForm.model_fields, "rotes"]), values, max_size=3))
def test_the_core_refuses_whatever_has_not_the_form(fields):
    if find_form_violations(fields):
        with pytest.raises(DocumentRefused):
            fill_in(fields)


route_names = st.sampled_from(
    [name for form in (Route, Segment, Shadow, Decision) for name in form.model_fields] + ["m/1", "oops"]
)
route_scalars = st.one_of(
    st.booleans(),
    st.integers(-5, 2**32),
    st.floats(-5, 5),
    st.sampled_from(["allow", "deny", "m/1", "true", "params.a"]),
)
route_values = st.recursive(
    route_scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(route_names, inner, max_size=4)),
    max_leaves=8,
)


@given(fields=st.dictionaries(st.sampled_from([*Route.model_fields, "oops"]), route_values, max_size=4))
def test_the_core_refuses_a_route_that_has_not_the_form(fields):
    document = {"routes": {"r": {"split": {"m/1": 1}, **fields}}}
    if find_form_violations(document):
        with pytest.raises(DocumentRefused):
            fill_in(document)
