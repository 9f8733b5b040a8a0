"""A path of a document is written as the native core writes it, and knows everything around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.documents import fill_in
from tidegate.core.paths import extend_path, lineage
from tidegate.errors import DocumentRefused


@given(key=st.text(min_size=1, max_size=8))
def test_a_key_is_written_as_the_core_writes_it(key):
    with pytest.raises(DocumentRefused) as refused:
        fill_in({"limits": {f"{key}?": 1}})
    assert refused.value.violations[0].path == extend_path("limits", f"{key}?")


@pytest.mark.parametrize(
    "path, around",
    [
        ("", [""]),
        ("routes", ["routes", ""]),
        ('routes.r.split["m/1"]', ['routes.r.split["m/1"]', "routes.r.split", "routes.r", "routes", ""]),
        ('["a b"].c', ['["a b"].c', '["a b"]', ""]),
        ("a[0][1]", ["a[0][1]", "a[0]", "a", ""]),
    ],
)
def test_everything_around_a_path_is_known_the_nearest_first(path, around):
    assert list(lineage(path)) == around
