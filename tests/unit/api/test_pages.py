import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api.pages import page_of
from tidegate.errors import InputRefused
from tidegate.v1.journal_service_pb2 import ListEntriesRequest
from tidegate.v1.model_service_pb2 import ListModelsRequest


@given(st.sets(st.text("abcxyz", min_size=1, max_size=4)), st.lists(st.integers(1, 7), min_size=60, max_size=60))
def test_pages_of_any_sizes_are_the_whole_list_once(names, sizes):
    everything, seen = sorted(names), []
    request = ListModelsRequest(parent="projects/p")
    for size in sizes:
        request.page_size = size
        page = page_of(request, most=5)
        found = [name for name in everything if name > page.key][: page.size + 1]
        kept, request.page_token = page.cut(found, lambda name: name)
        assert len(kept) <= min(size, 5)
        seen += kept
        if not request.page_token:
            break
    assert seen == everything


def test_a_size_that_is_not_said_is_the_default():
    assert page_of(ListModelsRequest(), most=1000).size == 50
    assert page_of(ListModelsRequest(), most=20).size == 20


def test_a_token_of_a_list_by_numbers_has_a_number():
    token = page_of(ListEntriesRequest(), most=10).token("x")
    with pytest.raises(InputRefused, match="none of ours"):
        page_of(ListEntriesRequest(page_token=token), most=10, by_number=True)
    token = page_of(ListEntriesRequest(), most=10).token("17")
    assert page_of(ListEntriesRequest(page_token=token), most=10, by_number=True).number == 17


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text):
    if text:
        with pytest.raises(InputRefused):
            page_of(ListEntriesRequest(page_token=text), most=10, by_number=True)


def test_a_token_is_that_of_one_kind_of_list():
    token = page_of(ListModelsRequest(), most=10).token("17")
    with pytest.raises(InputRefused, match="another request"):
        page_of(ListEntriesRequest(page_token=token), most=10)
