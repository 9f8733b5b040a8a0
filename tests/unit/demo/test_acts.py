import pytest
import yaml

from tidegate.config import load
from tidegate.demo import acts
from tidegate.demo.acts import ACTS, WATCHED
from tidegate.demo.gateway import STATE


@pytest.fixture(params=[*ACTS, WATCHED], ids=lambda act: act.file)
def document(request, tmp_path):
    path = tmp_path / request.param.file
    path.write_text(request.param.document)
    return load(path)


def test_every_document_is_good_and_changes_what_may_change(document):
    first = yaml.safe_load(ACTS[0].document)
    written = yaml.safe_load(document.path.read_text())
    assert {**written, "routes": 0, "monitors": 0} == {**first, "routes": 0, "monitors": 0}
    assert document.state_dir.name == STATE


def test_the_documents_ask_for_what_the_tables_show():
    splits = [yaml.safe_load(act.document)["routes"][acts.ROUTE]["split"] for act in ACTS]
    assert splits == [acts.FIRST_SPLIT, acts.SECOND_SPLIT, acts.SECOND_SPLIT]
    routes = yaml.safe_load(ACTS[-1].document)["routes"]
    assert routes[acts.ROUTE]["segments"][0]["name"] == acts.SEGMENT
    assert set(routes) == {acts.ROUTE, acts.SOUND_ROUTE, acts.BROKEN_ROUTE}


def test_the_acts_come_in_order_and_before_the_end():
    starts = [act.begins_at for act in ACTS]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert starts[-1] < 1


def test_the_last_document_watches_a_route_of_one_version_by_the_time_of_the_flights():
    written = yaml.safe_load(WATCHED.document)
    assert written["routes"][acts.YEAR_ROUTE]["split"] == {acts.CANDIDATE: 1}
    [(route, monitor)] = written["monitors"].items()
    assert route == acts.YEAR_ROUTE
    assert monitor["observe"]["clock"] == f'metadata["{acts.EVENT_TIME_METADATA}"]'
    assert monitor["windows"] == ["1d", "1mo"]
