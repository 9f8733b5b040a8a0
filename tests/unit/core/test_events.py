"""Events are made of what they tell of and of nothing else, so that what is told again is known."""

import pytest

from tidegate.core.events import event_of_transition

CHANGE = {
    "route": "flight-delay",
    "version": "flight-delay/3",
    "version_digest": "sha256:aa",
    "profile_digest": "sha256:bb",
    "against": None,
    "split": None,
    "tensor": "x",
    "direction": "input",
    "feature": "dep_hour",
    "window": "1d",
    "from": "ok",
    "to": "drift",
    "at_s": 1_365_206_400,
    "evidence": {"psi": 0.5, "cause": {"kind": "unit_change", "factor": 60.0, "offset": 0.0}},
}


def test_an_event_has_the_form_of_cloudevents():
    event = event_of_transition(CHANGE)
    assert event["type"] == "dev.tidegate.drift.transition.v1"
    assert (event["source"], event["subject"]) == ("//tidegate/routes/flight-delay", "dep_hour")
    assert event["time"] == "2013-04-06T00:00:00+00:00"
    assert event["data"]["evidence"]["cause"]["sentence"] == "values are 60 times what they were: another unit?"
    assert event["data"]["evidence"]["psi"] == 0.5


def test_evidence_is_no_part_of_the_id():
    again = {**CHANGE, "evidence": {"psi": 0.4999, "cause": None}}
    assert event_of_transition(again)["id"] == event_of_transition(CHANGE)["id"]
    assert event_of_transition({**CHANGE, "evidence": None})["data"]["evidence"] is None


@pytest.mark.parametrize("field", [name for name in CHANGE if name != "evidence"])
def test_everything_else_is(field):
    other = {**CHANGE, field: 1 if field == "at_s" else "other"}
    assert event_of_transition(other)["id"] != event_of_transition(CHANGE)["id"]
