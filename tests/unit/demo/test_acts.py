import pytest
import yaml

from tidegate.config import load
from tidegate.demo import acts
from tidegate.demo.acts import ACTS
from tidegate.demo.gateway import STATE


@pytest.fixture(params=ACTS, ids=lambda act: act.file)
def document(request, tmp_path):
    path = tmp_path / request.param.file
    path.write_text(request.param.document)
    return load(path)


def test_every_document_is_good_and_only_its_routes_change(document):
    first = yaml.safe_load(ACTS[0].document)
    written = yaml.safe_load(document.path.read_text())
    assert {**written, "routes": 0} == {**first, "routes": 0}
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
