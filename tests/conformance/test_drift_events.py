"""Changes of drift states as events: each once with its evidence, whatever becomes of sinks, and the gateway goes on."""

import json
import signal

import numpy as np
import pytest

from support import models as small_models
from support.applying import serving
from support.asking import Asker
from support.drifting import CLOCK, DAY, DAY_S, ask, judged_day, profile
from support.gateway import refused_start
from support.ups import CONFIG, command, up
from support.waiting import until
from support.watching import metric

ROUTES = {"sum": {"split": {"add/1": 1}}}
MONITORS = {"sum": {"windows": ["1d"], **CLOCK}}
TYPE = "dev.tidegate.drift.transition.v1"
FEATURES = {f"{tensor}{column}" for tensor in "xy" for column in range(4)}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    small_models.save(folder, "add", 1, small_models.add(1))
    (folder / "add/1/profile.json").write_text(json.dumps(profile()))
    return folder


def shifted():
    """Rows of a day whose third column has moved."""
    rows = np.random.default_rng(5).normal(size=(4_000, 4)).astype(np.float32)
    rows[:, 2] += np.float32(0.6)
    return rows


def a_day(gateway, day=DAY, rows=None):
    """A day of traffic, and the first request of the next one, which closes it."""
    with Asker(gateway.grpc_address) as calls:
        ask(calls, {"x": shifted() if rows is None else rows}, day)
        ask(calls, {"x": np.zeros((1, 4), np.float32)}, day + DAY_S)
    judged_day(gateway, day)


def told(path):
    """The events of drift in a file, each with what it is about."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (event["subject"], event["data"]["to"], event["data"]["at_s"]): event
        for event in events
        if event["type"] == TYPE
    }


def lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_each_change_is_an_event_with_its_evidence(repository, tmp_path):
    path = tmp_path / "made/for/it/events.jsonl"
    with serving(repository, ROUTES, monitors=MONITORS, sinks=[f"file:{path}"]) as gateway:
        a_day(gateway)
        until(lambda: lines(path) == len(FEATURES), what="an event of each feature")
        assert " drift " not in gateway.log, "the log is no sink of the document"
        until(lambda: metric(gateway, "tidegate_drift_transitions_delivered_total") == len(FEATURES), what="a receipt")
        assert metric(gateway, "tidegate_drift_transitions_waiting", sink=f"file:{path}") == 0
    found = told(path)
    assert {subject for subject, to, at_s in found if at_s == DAY + DAY_S} == FEATURES
    event = found["x2", "drift", DAY + DAY_S]
    assert (event["specversion"], event["source"], event["time"]) == (
        "1.0",
        "//tidegate/routes/sum",
        "2013-04-06T00:00:00+00:00",
    )
    said, seen = event["data"], event["data"]["evidence"]
    assert (said["version"], said["tensor"], said["direction"], said["window"]) == ("add/1", "x", "input", "1d")
    assert (said["from"], said["against"]) == ("warming", None)
    assert (seen["n"], seen["m"], seen["from_s"], seen["until_s"]) == (20_000, 4_000, DAY, DAY + DAY_S)
    assert seen["psi"] > seen["page"]["threshold"] > seen["expected"] > 0
    assert seen["psi"] > seen["threshold"] > seen["tolerated"]
    assert max(seen["q"], seen["p_no_drift"], seen["p_tolerated"]) < 1e-6
    # A normal feature's mean has moved by 0.6 deviations; the outermost bins hide a part of it.
    assert 0.4 < seen["sigma_shift"] < 0.7
    assert seen["omega"] == 0
    assert len(seen["moved"]) == seen["bins"] == 6
    terms = [each["term"] for each in seen["moved"]]
    assert terms == sorted(terms, reverse=True)
    outermost = next(each for each in seen["moved"] if each["bin"] == 5)
    assert (outermost["above"], outermost["to"]) == (1.0, None)
    assert outermost["current_share"] == pytest.approx((shifted()[:, 2] > 1).mean())


def test_the_log_and_a_file_are_told_once_each(repository):
    with serving(repository, ROUTES, monitors=MONITORS, sinks=["log:", "file:events.jsonl"]) as gateway:
        a_day(gateway)
        path = gateway.document_path.with_name("events.jsonl")
        until(lambda: lines(path) == len(FEATURES), what="an event of each feature")
        assert gateway.log.count('feature="x2"') == 1


def test_an_orderly_restart_tells_nothing_twice_and_forgets_nothing(repository, tmp_path):
    path, state = tmp_path / "events.jsonl", str(tmp_path / "state")
    document = {"monitors": MONITORS, "sinks": [f"file:{path}"], "state_dir": state}
    with serving(repository, ROUTES, **document) as gateway:
        a_day(gateway)
    # The end waits for sinks that are on their way.
    assert lines(path) == len(told(path)) == len(FEATURES)
    with serving(repository, ROUTES, **document) as gateway:
        a_day(gateway, DAY + 2 * DAY_S, np.random.default_rng(6).normal(size=(4_000, 4)).astype(np.float32))
    found = told(path)
    assert lines(path) == len(found)
    assert len({event["id"] for event in found.values()}) == len(found)
    assert ("x2", "clearing", DAY + 3 * DAY_S) in found


def test_a_kill_leaves_each_event_in_the_file_once(repository, tmp_path):
    path, state = tmp_path / "events.jsonl", str(tmp_path / "state")
    document = {"monitors": MONITORS, "sinks": [f"file:{path}"], "state_dir": state}
    with serving(repository, ROUTES, **document) as gateway:
        a_day(gateway)
        until(lambda: lines(path) == len(FEATURES), what="an event of each feature")
        gateway.signal(signal.SIGKILL)
        assert gateway.wait() == -signal.SIGKILL
    # Whatever of the day was stored, its rows come again, as from a client that was not answered.
    with serving(repository, ROUTES, **document) as gateway:
        a_day(gateway)
    found = told(path)
    assert lines(path) == len(found)
    assert {subject for subject, _, at_s in found if at_s == DAY + DAY_S} == FEATURES


def test_a_sink_that_fails_holds_up_nobody_and_is_told_after_the_next_start(repository, tmp_path):
    good, failing = tmp_path / "good.jsonl", tmp_path / "failing.jsonl"
    failing.symlink_to("/dev/full")
    sinks = [f"file:{failing}", f"file:{good}"]
    document = {"monitors": MONITORS, "sinks": sinks, "state_dir": str(tmp_path / "state")}
    with serving(repository, ROUTES, **document) as gateway:
        a_day(gateway)
        until(lambda: lines(good) == len(FEATURES), what="the other sink")
        failures = "tidegate_drift_transitions_failures_total"
        until(lambda: metric(gateway, failures, sink=sinks[0]) >= 2, what="another try")
        assert metric(gateway, failures, sink=sinks[1]) == 0
        assert metric(gateway, "tidegate_drift_transitions_waiting", sink=sinks[0]) == len(FEATURES)
        assert "delivery_failed" in gateway.log
        assert "No space left on device" in gateway.log
        a_day(gateway, DAY + 2 * DAY_S)
    failing.unlink()
    with serving(repository, ROUTES, **document):
        until(lambda: failing.exists() and lines(failing) == lines(good), what="what had waited")
    assert failing.read_text() == good.read_text()


@pytest.mark.parametrize(
    "sink, sentence",
    [
        ("kafka:events", "<scheme>:<where>, of file, log"),
        ("log:elsewhere", "there is one log"),
        ("file:/proc/version", "cannot be opened"),
        ("file:gateway.yaml", "is no event: name another file"),
    ],
)
def test_a_sink_that_cannot_be_is_refused_at_the_start(repository, sink, sentence):
    code, said = refused_start({"routes": ROUTES, "sinks": ["log:", sink]}, repository)
    assert code == 2
    assert "sinks[1]" in said
    assert sentence in said
    assert "Traceback" not in said


def test_up_tells_of_changes_and_of_drift_in_one_file(tmp_path):
    path = tmp_path / "events.jsonl"

    def types():
        return [json.loads(line)["type"] for line in path.read_text().splitlines()] if path.exists() else []

    (tmp_path / "add.onnx").write_bytes(small_models.add(1).SerializeToString())
    with up(tmp_path, "--events", f"file:{path}") as running:
        version = running.registry.register("add", tmp_path / "add.onnx", profile=profile()).version.name
        running.apply("sum", (version, 1))
        running.registry.watch("sum", MONITORS["sum"])
        with Asker(running.grpc) as calls:
            ask(calls, {"x": shifted()}, DAY)
            ask(calls, {"x": shifted()[:1]}, DAY + DAY_S)
        until(lambda: types().count(TYPE) == len(FEATURES), what="an event of each feature")
        assert " drift " not in running.log
    assert types()[-1] == TYPE, "what the journal has is looked for behind it"
    before = types()
    with up(tmp_path, "--events", f"file:{path}") as running:
        running.apply("again", (version, 1))
        until(lambda: len(types()) > len(before), what="the next change")
    assert types()[: len(before)] == before
    assert TYPE not in types()[len(before) :]
    changes = [json.loads(line) for line in path.read_text().splitlines()]
    numbers = [int(event["sequence"]) for event in changes if event["type"] != TYPE]
    assert numbers == list(range(1, len(numbers) + 1))


def test_up_takes_the_sinks_of_its_document_and_refuses_what_is_none(tmp_path):
    config = tmp_path / "settings/gateway.yaml"
    config.parent.mkdir()
    config.write_text(CONFIG + "sinks: ['file:told.jsonl']\n")
    with up(tmp_path, "--config", str(config)) as running:
        running.register("add", small_models.add(1))
        path = config.with_name("told.jsonl")
        until(lambda: "versions.register" in path.read_text(), what="a change in the file")
    said = ("up", "--data", tmp_path / "tidegate-data", "--config", config, "--admin", "127.0.0.1:0")
    refused = command(*said, "--events", "kafka:x")
    assert (refused.returncode, "no address of a sink" in refused.stderr) == (2, True), refused.stderr
