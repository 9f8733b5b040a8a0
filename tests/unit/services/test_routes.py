import pytest

from support import models
from support.registries import HOUR_US, ROBOT
from tidegate.core.names import ModelName, RouteName
from tidegate.errors import ChangeConflict, ChangeRefused, InputRefused, Missing
from tidegate.services import aliases, journal, monitors, plans, quarantine, routes
from tidegate.services.publications import Publications
from tidegate.services.registry import Registry

SUM = RouteName.parse("sum")


def document(*arms, **more):
    return {"route": "sum", "split": dict(arms), **more}


def apply_each(kept, *documents):
    """Applies documents with an hour between them, so that each has proven itself."""
    for written in documents:
        kept.apply(written)
        kept.clock.pass_hours(1)


def served(kept):
    return Publications(kept.registry, "default", "default").newest()


def test_a_plan_says_what_it_would_change_and_changes_nothing(kept):
    kept.register_some("m", 2)
    kept.apply(document(("m/1", 1)))
    planned = plans.plan(kept.registry, kept.caller, document(("m/1", 9), ("m/2", 1)))
    paths = [operation["path"] for operation in planned.changes]
    assert "/route/split/m~12" in paths
    assert [version for version, _ in planned.loads] == ["m/2"]
    assert served(kept).routes["sum"]["split"] == {"m/1": 1}


def test_references_are_resolved_when_it_is_planned_and_stay_so(kept):
    kept.register_some("m", 2)
    m = ModelName.parse("m")
    aliases.set_alias(kept.registry, kept.caller, m, "champion", "m/1")
    kept.apply(document(("m@champion", 1)))
    receipt = aliases.set_alias(kept.registry, kept.caller, m, "champion", "m/2")
    assert receipt["routes"] == [str(SUM)], "what still serves the old one is named"
    assert served(kept).routes["sum"]["split"] == {"m/1": 1}
    assert kept.apply(document(("m@champion", 1)))["changed"]
    assert served(kept).routes["sum"]["split"] == {"m/2": 1}


def test_a_plan_is_stale_once_an_alias_that_it_names_has_moved(kept):
    kept.register_some("m", 2)
    m = ModelName.parse("m")
    aliases.set_alias(kept.registry, kept.caller, m, "champion", "m/1")
    planned = plans.plan(kept.registry, kept.caller, document(("m@champion", 1)))
    aliases.set_alias(kept.registry, kept.caller, m, "champion", "m/2")
    with pytest.raises(ChangeConflict) as stale:
        plans.apply(kept.registry, kept.caller, planned.plan.id)
    assert stale.value.reason == "PLAN_STALE"


def test_of_two_plans_on_one_head_the_second_is_stale(kept):
    kept.register_some("m", 3)
    kept.apply(document(("m/1", 1)))
    one, two = (plans.plan(kept.registry, kept.caller, document((f"m/{n}", 1))) for n in (2, 3))
    plans.apply(kept.registry, kept.caller, one.plan.id)
    with pytest.raises(ChangeConflict):
        plans.apply(kept.registry, kept.caller, two.plan.id)


def test_a_plan_is_over_after_an_hour(kept):
    kept.register_some("m", 1)
    planned = plans.plan(kept.registry, kept.caller, document(("m/1", 1)))
    kept.clock.pass_hours(1)
    with pytest.raises(ChangeConflict) as over:
        plans.apply(kept.registry, kept.caller, planned.plan.id)
    assert over.value.reason == "PLAN_EXPIRED"


def test_a_document_that_changes_nothing_makes_no_revision(kept):
    kept.register_some("m", 1)
    kept.apply(document(("m/1", 1)))
    assert kept.apply(document(("m/1", 1))) == {"revision": 1, "generation": 1, "changed": False}


def test_walking_a_ramp_back_restores_the_table(kept):
    kept.register_some("m", 2)
    kept.apply(document(("m/1", 9), ("m/2", 1)))
    before = served(kept).routes["sum"]["ranges"]
    kept.apply(document(("m/1", 5), ("m/2", 5)))
    assert served(kept).routes["sum"]["ranges"] != before
    kept.apply(document(("m/1", 9), ("m/2", 1)))
    assert served(kept).routes["sum"]["ranges"] == before


def test_a_rollback_goes_back_to_what_has_proven_itself_and_holds(kept):
    kept.register_some("m", 3)
    apply_each(kept, document(("m/1", 1)), document(("m/2", 1)))
    kept.apply(document(("m/3", 1)))
    found = routes.rollback(kept.registry, kept.caller, SUM)
    assert (found["revision"], found["generation"]) == (2, 4)
    assert served(kept).routes["sum"]["split"] == {"m/2": 1}
    with pytest.raises(ChangeRefused) as held:
        kept.apply(document(("m/3", 1)))
    assert held.value.reason == "ROUTE_HELD"
    planned = plans.plan(kept.registry, kept.by(ROBOT), document(("m/3", 1)))
    with pytest.raises(ChangeRefused, match="no automation"):
        plans.apply(kept.registry, kept.by(ROBOT), planned.plan.id, release_hold=True)
    assert kept.apply(document(("m/3", 1)), release_hold=True)["generation"] == 5


def test_two_rollbacks_go_two_changes_back(kept):
    kept.register_some("m", 3)
    apply_each(kept, *(document((f"m/{n}", 1)) for n in (1, 2, 3)))
    assert routes.rollback(kept.registry, kept.caller, SUM)["revision"] == 2
    kept.clock.pass_hours(1)
    assert routes.rollback(kept.registry, kept.caller, SUM)["revision"] == 1


def test_a_rollback_may_name_its_target(kept):
    kept.register_some("m", 2)
    kept.apply(document(("m/1", 1)))
    kept.apply(document(("m/2", 1)))
    with pytest.raises(ChangeRefused) as nothing:
        routes.rollback(kept.registry, kept.caller, SUM)
    assert nothing.value.reason == "NO_ROLLBACK_TARGET"
    assert routes.rollback(kept.registry, kept.caller, SUM, to=1)["revision"] == 1
    with pytest.raises(Missing):
        routes.rollback(kept.registry, kept.caller, SUM, to=9)


def test_what_a_rollback_needs_stays_loaded_for_as_long_as_the_document_says(kept):
    kept.register_some("m", 2)
    apply_each(kept, document(("m/1", 1)), document(("m/2", 1), keep_warm_s=7200))
    assert set(served(kept).versions) == {"m/1", "m/2"}
    kept.clock.pass_hours(1.5)
    assert set(served(kept).versions) == {"m/2"}


def test_history_says_what_was_at_a_time(kept):
    kept.register_some("m", 2)
    apply_each(kept, document(("m/1", 1)), document(("m/2", 1)))
    at = kept.clock.us - int(1.5 * 3600e6)
    [past] = routes.history(kept.registry, SUM, at_us=at)
    assert past.revision.content["route"]["split"] == {"m/1": 1}
    assert [time.revision.number for time in routes.history(kept.registry, SUM)] == [2, 1]
    with pytest.raises(Missing):
        routes.history(kept.registry, SUM, at_us=1)


def test_callers_that_would_break_are_told_of_first(kept):
    kept.register("m", models.add(1))
    kept.register("m", models.identity("FP64"))
    kept.apply(document(("m/1", 1)))
    with pytest.raises(ChangeRefused) as breaks:
        kept.apply(document(("m/1", 9), ("m/2", 1)))
    assert breaks.value.reason == "SIGNATURE_BREAKS"
    assert {violation.path for violation in breaks.value.violations} >= {"m/2: inputs.x"}
    assert kept.apply(document(("m/1", 9), ("m/2", 1)), allow_breaking=True)["changed"]


def test_a_quarantine_takes_a_version_out_of_every_route_at_once(kept):
    kept.register_some("m", 2)
    apply_each(kept, document(("m/1", 1)), document(("m/1", 5), ("m/2", 5)))
    kept.apply({"route": "other", "split": {"m/1": 1, "m/2": 1}})
    kept.apply({"route": "alone", "split": {"m/2": 1}})
    kept.apply({"route": "apart", "split": {"m/1": 1}})
    found = quarantine.quarantine(kept.registry, kept.caller, "m/2")
    assert {change["route"].rpartition("/")[2]: change["is_closed"] for change in found["routes"]} == {
        "sum": False,
        "other": False,
        "alone": True,
    }
    now = served(kept)
    assert set(now.routes) == {"sum", "other", "apart"}
    assert all(route["split"] == {"m/1": 1} for route in now.routes.values())
    assert "m/2" not in now.versions
    with pytest.raises(InputRefused, match="quarantined"):
        kept.apply(document(("m/2", 1)))
    with pytest.raises(ChangeRefused):
        routes.rollback(kept.registry, kept.caller, SUM, to=2)
    quarantine.release(kept.registry, kept.caller, "m/2")
    assert kept.apply(document(("m/2", 1)), release_hold=True)["changed"]


def test_a_version_retires_when_nobody_needs_it(kept):
    kept.register_some("m", 3)
    apply_each(kept, document(("m/1", 1)), document(("m/2", 1)))
    for needed in ("m/1", "m/2"):
        with pytest.raises(ChangeRefused) as refused:
            quarantine.retire(kept.registry, kept.caller, needed)
        assert refused.value.reason == "VERSION_IN_USE"
    quarantine.retire(kept.registry, kept.caller, "m/3")
    with pytest.raises(InputRefused, match="retired"):
        kept.apply(document(("m/3", 1)))


@pytest.mark.parametrize(
    "written, paths",
    [
        ({}, {"route"}),
        (
            {"route": "a/b", "keep_warm_s": -1, "versions": [], "owner": 1},
            {"route", "keep_warm_s", "versions", "owner"},
        ),
        ({"route": "r", "split": {"m/9": 1, "m@none": 1, "x": 1}}, {"split.m/9", "split.m@none", "split.x"}),
        ({"route": "r", "split": {"m/1": -1}, "sticky": "X"}, {"sticky", "split"}),
        ({"route": "r", "split": [1], "segments": 3, "shadow": {"to": 1}}, {"split", "segments", "shadow"}),
        ({"route": "r", "split": {"m/1": 1}, "sticki": 1}, {"sticki"}),
    ],
)
def test_a_bad_document_is_refused_by_all_its_places(kept, written, paths):
    kept.register_some("m", 1)
    with pytest.raises(InputRefused) as refused:
        plans.plan(kept.registry, kept.caller, written)
    found = {violation.path for violation in refused.value.violations}
    assert all(any(path in one for one in found) for path in paths), found


def test_every_change_and_every_refusal_is_in_the_journal(kept):
    kept.register_some("m", 2)
    apply_each(kept, document(("m/1", 1)), document(("m/2", 1)))
    routes.rollback(kept.registry, kept.caller, SUM)
    with pytest.raises(ChangeRefused):
        kept.apply(document(("m/2", 1)))
    told = journal.page(kept.registry, resource=str(SUM))
    assert [(entry.body["action"], entry.body["outcome"]) for entry in told][:4] == [
        ("test", "refused"),
        ("routes.rollback", "done"),
        ("routes.apply", "done"),
        ("routes.apply", "done"),
    ]
    assert journal.check(kept.registry).broken is None


def test_a_publication_is_the_same_however_it_came_about(kept):
    """What reads each change as it comes says the same as what reads everything at once."""
    kept.register_some("m", 3)
    following = Publications(kept.registry, "default", "default")
    steps = [
        lambda: kept.apply(document(("m/1", 1))),
        lambda: kept.apply({"route": "other", "split": {"m/2": 1}}),
        lambda: kept.apply(document(("m/1", 1), ("m/3", 1))),
        lambda: monitors.apply(kept.registry, kept.caller, SUM, {"windows": ["1h"]}),
        lambda: routes.rollback(kept.registry, kept.caller, SUM),
        lambda: quarantine.quarantine(kept.registry, kept.caller, "m/3"),
        lambda: quarantine.quarantine(kept.registry, kept.caller, "m/2"),
    ]
    for step in steps:
        step()
        kept.clock.pass_hours(1)
        assert following.newest() == served(kept)
    assert set(served(kept).routes) == {"sum"}
    assert set(served(kept).monitors) == {"sum"}
    kept.clock.pass_hours(48)
    assert following.newest() == served(kept)


def test_how_long_a_revision_must_have_been_live_is_a_setting_of_the_registry(kept):
    kept.register_some("m", 3)
    hasty = Registry(kept.store, kept.clock, instance="test", min_bake_us=0)
    slow = Registry(kept.store, kept.clock, instance="test", min_bake_us=2 * HOUR_US)
    apply_each(kept, document(("m/1", 1)), document(("m/2", 1)))
    kept.apply(document(("m/3", 1)))
    with pytest.raises(ChangeRefused, match="and 7200 s are asked for"):
        routes.rollback(slow, kept.caller, SUM)
    closed = quarantine.quarantine(slow, kept.caller, "m/3")["routes"]
    assert [each["is_closed"] for each in closed] == [True], "nothing has proven itself for so long"
    kept.apply(document(("m/1", 1)), release_hold=True)
    kept.apply(document(("m/2", 1)))
    assert set(Publications(hasty, "default", "default").newest().versions) == {"m/1", "m/2"}
    assert routes.rollback(hasty, kept.caller, SUM)["revision"] == 5
