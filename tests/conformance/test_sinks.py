"""What every sink promises."""

import json

import pytest

from support.registries import open_registry
from support.waiting import until
from tidegate.core.journal import Kind
from tidegate.errors import InputRefused, RegistryDamaged
from tidegate.loops.deliver import Deliveries
from tidegate.services import tokens
from tidegate.sinks import open_sink


@pytest.fixture
def kept(tmp_path):
    kept = open_registry(tmp_path)
    yield kept
    kept.store.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


def told(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def delivering(kept, path, problems=None):
    deliveries = Deliveries(kept.registry, open_sink(f"file:{path}"), lambda *said: (problems or []).append(said))
    kept.registry.listen(deliveries.notice)
    deliveries.start()
    return deliveries


def change(kept, name):
    tokens.create(kept.registry, kept.caller, name, Kind.PERSON)


def test_every_change_is_told_once_in_its_order_over_restarts(kept, path):
    change(kept, "before")
    for run in range(3):
        deliveries = delivering(kept, path)
        change(kept, f"in-{run}")
        until(lambda run=run: path.exists() and len(told(path)) == 2 + 2 * run)
        deliveries.stop()
        change(kept, f"between-{run}")
    deliveries = delivering(kept, path)
    until(lambda: len(told(path)) == 7)
    deliveries.stop()
    assert [event["sequence"] for event in told(path)] == [str(number) for number in range(1, 8)]


def test_an_event_has_the_form_of_cloudevents(kept, path):
    deliveries = delivering(kept, path)
    change(kept, "bob")
    until(lambda: path.exists() and told(path))
    deliveries.stop()
    [event] = told(path)
    assert event["specversion"] == "1.0"
    assert event["type"] == "dev.tidegate.registry.tokens.create.done.v1"
    assert event["subject"] == "principals/bob"
    assert event["data"]["reason"] == "because"
    assert {"id", "source", "time", "datacontenttype"} <= set(event)


def test_a_line_that_was_torn_is_told_again(kept, path):
    change(kept, "one")
    change(kept, "two")
    delivering(kept, path).stop()
    deliveries = delivering(kept, path)
    until(lambda: len(told(path)) == 2)
    deliveries.stop()
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    deliveries = delivering(kept, path)
    until(lambda: path.read_bytes() == whole)
    deliveries.stop()


@pytest.mark.parametrize("content", ["not an event\n", "not an event, and torn", "{}\n"])
def test_a_file_of_somebody_else_is_left_alone(path, content):
    path.write_text(content)

    def look():
        sink = open_sink(f"file:{path}")
        try:
            sink.last()
        finally:
            sink.close()

    with pytest.raises(RegistryDamaged):
        look()
    assert path.read_text() == content


def test_a_log_keeps_nothing_and_wants_what_is_new():
    assert open_sink("log:").last() is None


@pytest.mark.parametrize("address", ["", "file", "kafka:there", "log"])
def test_an_unknown_sink_names_those_that_there_are(address):
    with pytest.raises(InputRefused, match="file, log"):
        open_sink(address)
