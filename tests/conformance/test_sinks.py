"""What every sink promises."""

import json
import threading

import pytest

from support.registries import open_registry
from support.waiting import until
from tidegate.core.journal import Kind
from tidegate.errors import InputRefused, RegistryDamaged
from tidegate.loops import deliver
from tidegate.loops.changes import Changes
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
    sink = open_sink(f"file:{path}")
    changes = Changes(kept.registry, sink)
    deliveries = deliver.Deliveries(sink, [changes], lambda *said: (problems or []).append(said))
    kept.registry.listen(changes.notice)
    kept.registry.listen(lambda _entries: deliveries.wake())
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


class Moody:
    """A sink that takes nothing for some tries."""

    def __init__(self, failures):
        self.failures, self.taken = failures, []

    def last(self):
        return 0

    def known(self):
        return frozenset()

    def deliver(self, events):
        if self.failures:
            self.failures -= 1
            raise OSError("not now")
        self.taken += events

    def close(self):
        pass


def test_a_sink_that_fails_is_asked_again_and_has_everything_in_the_end(kept, monkeypatch):
    monkeypatch.setattr(deliver, "PAUSES_S", (0.01,))
    sink, problems = Moody(failures=3), []
    changes = Changes(kept.registry, sink)
    deliveries = deliver.Deliveries(sink, [changes], lambda *said: problems.append(said))
    change(kept, "one")
    change(kept, "two")
    deliveries.start()
    until(lambda: len(sink.taken) == 2)
    assert deliveries.stop()
    assert [event["subject"] for event in sink.taken] == ["principals/one", "principals/two"]
    assert problems == [("delivery_failed", "Moody: not now")] * 3


class Hung(Moody):
    """A sink that does not come back until it is let go."""

    def __init__(self):
        super().__init__(failures=0)
        self.is_asked, self.may_go = threading.Event(), threading.Event()

    def deliver(self, events):
        self.is_asked.set()
        self.may_go.wait()
        super().deliver(events)


def test_the_end_does_not_wait_for_a_sink_that_hangs(kept, monkeypatch):
    monkeypatch.setattr(deliver, "STOP_S", 0.05)
    sink = Hung()
    change(kept, "one")
    deliveries = deliver.Deliveries(sink, [Changes(kept.registry, sink)], lambda *_: None)
    deliveries.start()
    assert sink.is_asked.wait(20)
    assert not deliveries.stop()
    sink.may_go.set()
    assert deliveries.stop()


def test_what_a_file_could_not_take_whole_is_taken_back(path, monkeypatch):
    sink = open_sink(f"file:{path}")
    first, second = ({"specversion": "1.0", "id": name, "type": "dev.tidegate.x"} for name in ("1", "2"))
    sink.deliver([first])
    before = path.read_bytes()

    def fail(_descriptor):
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="gone"):
            sink.deliver([second, second])
    assert path.read_bytes() == before
    sink.deliver([second])
    assert [event["id"] for event in told(path)] == ["1", "2"]
    assert sink.known() == {"1", "2"}
    sink.close()


def test_the_sequence_is_found_behind_any_number_of_other_events(path):
    sink = open_sink(f"file:{path}")
    registry = {
        "specversion": "1.0",
        "id": "r-7",
        "type": "dev.tidegate.registry.tokens.create.done.v1",
        "sequence": "7",
    }
    sink.deliver([registry])
    other = {"specversion": "1.0", "id": "d", "type": "dev.tidegate.drift.transition.v1", "data": "x" * 100_000}
    sink.deliver([other] * 50)
    assert sink.last() == 7
    sink.close()
