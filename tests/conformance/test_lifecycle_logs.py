"""The log has one line for each thing that happens to a gateway, and nothing of what callers send."""

import json
import re
import signal

import numpy as np
import pytest

from support.asking import Asker, asked, failure
from support.gateway import start_gateway
from support.patience import begin_and_queue, begin_and_wait, lasting, patient_gateway

SECRET = "s3cr3t-t0k3n"
EVENTS = ("load", "start", "shed", "drain", "end")


def a_whole_life(models, **document) -> list[str]:
    """Start, answers, refusals, an overload and an end; returns the log."""
    with patient_gateway(models, queue={"requests": 1}, **document) as gateway, Asker(gateway.grpc_address) as asker:
        metadata = (("authorization", f"Bearer {SECRET}"), ("x-secret", SECRET))
        running = begin_and_wait(gateway, asker, 0.5)
        waiting = begin_and_queue(gateway, asker, 1)
        assert failure(asker.begin(lasting(0), metadata=metadata))[1] == "QUEUE_FULL"
        assert failure(asker.begin(asked(SECRET, {}), metadata=metadata))[1] == "UNKNOWN_MODEL"
        assert failure(asker.begin(SECRET.encode(), metadata=metadata))[1] == "MALFORMED_MESSAGE"
        wrong = asked("add_one", {"x": np.float32([[1]]), SECRET: np.float32([[1]])}, id=SECRET)
        assert failure(asker.begin(wrong, metadata=metadata))[0] == "INVALID_ARGUMENT"
        bad_index = asked("gather", {"index": np.int64([[424_242]])}, id=SECRET)
        assert failure(asker.begin(bad_index, metadata=metadata))[1] == "MODEL_FAILED"
        assert [call.exception() for call in (running, *waiting)] == [None, None]
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        return gateway.log.splitlines()


def test_the_text_log_has_a_line_for_each_event_and_no_secret(patient_models):
    lines = a_whole_life(patient_models)
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) +([a-z_]+)( .+)?")
    events = [found[2] for line in lines if (found := form.fullmatch(line))]
    assert len(events) == len(lines), "every line has the form of the log"
    assert {event: events.count(event) for event in EVENTS} == dict.fromkeys(EVENTS, 1) | {"load": 6}
    assert SECRET not in "\n".join(lines)


def test_the_json_log_is_json_line_by_line_and_says_the_same(patient_models):
    lines = a_whole_life(patient_models, log={"format": "json"})
    entries = [json.loads(line) for line in lines]
    assert all({"time", "level", "event"} <= entry.keys() for entry in entries)
    events = [entry["event"] for entry in entries]
    assert {event: events.count(event) for event in EVENTS} == dict.fromkeys(EVENTS, 1) | {"load": 6}
    loads = {entry["version"]: entry for entry in entries if entry["event"] == "load"}
    assert loads["patient/1"]["digest"].startswith("sha256:")
    shed = next(entry for entry in entries if entry["event"] == "shed")
    assert (shed["reason"], shed["route"], shed["level"]) == ("QUEUE_FULL", "patient", "warning")
    assert SECRET not in "\n".join(lines)


@pytest.mark.parametrize("level, lowest", [("warning", {"warning", "error"}), ("error", {"error"})])
def test_the_level_keeps_quiet_what_is_below_it(patient_models, level, lowest):
    lines = a_whole_life(patient_models, log={"format": "json", "level": level})
    assert {json.loads(line)["level"] for line in lines} <= lowest


def test_what_is_refused_in_the_repository_is_said_once(models):
    with start_gateway({"versions": {"slow/1": {"batching": "off"}}}, models) as gateway:
        lines = gateway.log.splitlines()
    for version in ("broken/1", "zipmap/1"):
        assert sum(f"{version} is not served" in line for line in lines) == 1
