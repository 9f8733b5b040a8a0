import pytest

from tidegate.core.journal import Actor, Kind
from tidegate.core.revisions import Cause, Tenure, check_hold, lives_of, rollback_target
from tidegate.errors import ChangeRefused

BAKE = 600


def history(*times):
    """`(revision, cause, begin)` each."""
    return [
        Tenure(generation=at, revision=revision, cause=cause, begin_us=begin)
        for at, (revision, cause, begin) in enumerate(times, start=1)
    ]


def revisions(**changes):
    return {int(name[1:]): change for name, change in changes.items()}


def target(times, known, *, now, why_not=lambda _: None):
    lives = lives_of(times, now)
    return rollback_target(lives, known, current=times[-1].revision, min_bake_us=BAKE, why_not=why_not)


def test_it_is_the_newest_one_that_has_baked():
    times = history((1, Cause.APPLY, 0), (2, Cause.APPLY, 1000), (3, Cause.APPLY, 1100))
    found = target(times, revisions(r1="a", r2="b", r3="c"), now=5000)
    assert found.revision == 1
    assert [path for path, _ in found.passed_over] == ["revision 2"]


def test_steps_of_the_current_change_are_not_earlier():
    times = history((1, Cause.APPLY, 0), (2, Cause.STEP, 1000), (3, Cause.STEP, 9000))
    assert target(times, revisions(r1="a", r2="b", r3="b"), now=20000).revision == 1


def test_what_ended_in_a_rollback_is_not_gone_back_to():
    times = history((1, Cause.APPLY, 0), (2, Cause.APPLY, 1000), (1, Cause.ROLLBACK, 9000), (3, Cause.APPLY, 20000))
    found = target(times, revisions(r1="a", r2="b", r3="c"), now=30000)
    assert found.revision == 1
    assert found.passed_over[0] == ("revision 2", "its time ended in a rollback")


def test_what_cannot_be_served_is_passed_over():
    times = history((1, Cause.APPLY, 0), (2, Cause.APPLY, 1000), (3, Cause.APPLY, 9000))
    why = {2: "m/2 is quarantined"}
    found = target(times, revisions(r1="a", r2="b", r3="c"), now=30000, why_not=why.get)
    assert found.revision == 1


def test_two_short_times_are_not_one_long_one():
    times = history(
        (1, Cause.APPLY, 0),
        (2, Cause.APPLY, 1000),
        (1, Cause.APPLY, 1400),
        (2, Cause.APPLY, 3000),
        (3, Cause.APPLY, 3400),
    )
    assert target(times, revisions(r1="a", r2="b", r3="c"), now=9000).revision == 1


def test_nothing_to_go_back_to_names_every_reason():
    times = history((1, Cause.APPLY, 0), (2, Cause.APPLY, 10))
    with pytest.raises(ChangeRefused) as refused:
        target(times, revisions(r1="a", r2="b"), now=20)
    assert refused.value.reason == "NO_ROLLBACK_TARGET"
    assert "--to" in refused.value.message
    assert refused.value.violations[0].path == "revision 1"


def test_a_hold_stops_automation_always_and_people_unless_they_say_so():
    person, robot = Actor(name="ann", kind=Kind.PERSON), Actor(name="ci", kind=Kind.AUTOMATION)
    check_hold("r", None, robot, releases=False)
    check_hold("r", "why", person, releases=True)
    for actor, releases in ((robot, True), (robot, False), (person, False)):
        with pytest.raises(ChangeRefused, match="held"):
            check_hold("r", "why", actor, releases=releases)
