"""Every verb of the admin API, over a real server on loopback, through the client that people have."""

import datetime as dt
import json

import pytest

from support.admin import BEGIN, MODEL, ROUTE, model_file
from tidegate.client.registry import calls
from tidegate.core.canonical import digest_of
from tidegate.core.journal import link
from tidegate.core.names import RouteName
from tidegate.errors import ChangeConflict, ChangeRefused, Forbidden, InputRefused, Missing
from tidegate.services import journal, routes
from tidegate.v1 import (
    alias_service_pb2,
    journal_service_pb2,
    model_service_pb2,
    monitor_service_pb2,
    route_service_pb2,
)
from tidegate.v1.documents import document_of

SPLIT_1 = {"route": "fraud", "split": {"fraud/1": 1}}
SPLIT_2 = {"route": "fraud", "split": {"fraud/1": 9, "fraud/2": 1}}


@pytest.fixture
def registry(admin):
    with admin.client() as client:
        yield client


def test_a_version_is_registered_with_everything_that_is_said_about_it(admin, registry, tmp_path):
    made = registry.register(
        "flight-delay",
        model_file(tmp_path, 0.5),
        run={"name": "nightly", "params": {"depth": 7}, "seed": 3},
        metrics={"auc": 0.71},
        card="# Delays\nIn minutes.",
        datasets=[{"name": "flights", "digest": f"sha256:{'a' * 64}", "rows": 3, "columns": []}],
        owner="ops",
        contact="ops@example.com",
        runbook="wiki/delays",
        reason="RISK-1",
    )
    assert made.is_new
    assert (made.version.name, made.version.state, len(made.attached)) == ("flight-delay/1", "registered", 4)
    shown = registry.show("flight-delay/1")
    assert shown == made.version
    assert [(spec.name, spec.datatype, spec.shape) for spec in shown.inputs] == [("x", "FP32", (-1, 4))]
    assert sorted(each.kind for each in shown.evidence) == ["card", "dataset", "metrics", "run"]
    assert [file.path for file in shown.files] == ["model.onnx"]
    assert shown.size_bytes == (tmp_path / "model.onnx").stat().st_size
    [model] = [each for each in registry.list_models() if each.name == "flight-delay"]
    assert (model.owner, model.contact, model.runbook, model.latest_version) == (
        "ops",
        "ops@example.com",
        "wiki/delays",
        1,
    )
    [entry] = [each for each in registry.journal() if each.action == "versions.register"][:1]
    assert (entry.principal, entry.kind, entry.reason) == ("ann", "person", "RISK-1")
    content = b"".join(
        answer.chunk for answer in registry._connection.receive(calls.DOWNLOAD_BLOB, _download(shown.files[0].digest))
    )
    assert content == (tmp_path / "model.onnx").read_bytes()


def test_the_same_bytes_are_the_same_version_and_new_evidence_is_attached(registry, tmp_path):
    again = registry.register("fraud", model_file(tmp_path, 1), metrics={"auc": 0.1}, card="new")
    assert (again.is_new, again.version.name, len(again.attached)) == (False, "fraud/1", 1)
    assert [each.kind for each in again.version.evidence] == ["metrics", "card"]


def test_versions_are_told_apart(registry):
    difference = registry.diff("fraud/1", "fraud/2")
    assert [violation.path for violation in difference.files] == ["model.onnx"]
    assert difference.signature == ()
    assert [violation.path for violation in difference.evidence] == ["metrics"]


def test_a_version_is_found_by_number_alias_and_digest(registry):
    registry.set_alias("fraud@champion", "fraud/2")
    by_number = registry.show("fraud/2")
    assert by_number.aliases == ("champion",)
    assert registry.show("fraud@champion") == by_number
    assert registry.show(f"fraud@{by_number.digest}") == by_number
    assert registry.show(f"{MODEL}/versions/2") == by_number


def test_an_alias_moves_and_names_the_routes_that_did_not(admin, registry):
    first = registry.set_alias("fraud@champion", "fraud/1", reason="best so far")
    assert (first.name, first.version, first.previous, first.routes) == ("fraud@champion", "fraud/1", None, ())
    registry.apply(registry.plan({"route": "fraud", "split": {"fraud@champion": 1}}))
    moved = registry.set_alias("fraud@champion", "fraud/2")
    assert (moved.previous, moved.routes) == ("fraud/1", ("fraud",))
    assert [route.name for route in registry.list_routes()] == ["fraud"]
    [listed] = admin.ask(calls.LIST_ALIASES, alias_service_pb2.ListAliasesRequest(parent=MODEL)).aliases
    assert (listed.name, listed.version) == (f"{MODEL}/aliases/champion", f"{MODEL}/versions/2")
    gone = admin.ask(
        calls.DELETE_ALIAS, alias_service_pb2.DeleteAliasRequest(name=listed.name, etag=listed.etag, reason="done")
    )
    assert gone.previous_version == f"{MODEL}/versions/2"
    with pytest.raises(Missing):
        registry.show("fraud@champion")
    registry.set_alias("fraud@old", "fraud/1")
    registry.remove_alias("fraud@old")
    assert registry.show("fraud/1").aliases == ()


def test_a_plan_shows_what_would_change_and_changes_nothing(admin, registry):
    plan = registry.plan(SPLIT_1)
    assert (plan.route, plan.replaced_revision, plan.breaking) == ("fraud", None, ())
    assert [name for name, _ in plan.loads] == ["fraud/1"]
    assert plan.changes
    assert plan.digest == digest_of(plan.content)
    assert plan.expire_time == BEGIN + dt.timedelta(hours=1)
    with pytest.raises(Missing):
        registry.route("fraud")
    assert (
        admin.ask(calls.LIST_ROUTES, route_service_pb2.ListRoutesRequest(parent=ROUTE.partition("/routes")[0])).routes
        == []
    )


def test_a_change_is_planned_applied_and_rolled_back(admin, registry):
    applied = registry.apply(registry.plan(SPLIT_1), reason="RISK-1432")
    assert (applied.has_changed, applied.route.revision, applied.route.hold) == (True, 1, None)
    assert applied.route.document == SPLIT_1
    admin.clock.move(minutes=30)
    plan = registry.plan(SPLIT_2)
    assert (plan.replaced_revision, [name for name, _ in plan.loads]) == (1, ["fraud/2"])
    assert registry.apply(plan.name.rpartition("/")[2]).route.revision == 2
    assert registry.plan(SPLIT_2).changes == ()
    assert not registry.apply(registry.plan(SPLIT_2)).has_changed

    admin.clock.move(seconds=5)
    back = registry.rollback("fraud", reason="too many alarms")
    assert (back.route.revision, back.route.generation, back.passed_over) == (1, 3, ())
    assert back.route.hold == "rolled back by ann: too many alarms"
    with pytest.raises(ChangeRefused) as refused:
        registry.apply(registry.plan(SPLIT_2))
    assert refused.value.reason == "ROUTE_HELD"
    assert registry.apply(registry.plan(SPLIT_2), release_hold=True).route.hold is None


def test_a_rollback_leads_to_the_revision_that_is_named(registry):
    for document in (SPLIT_1, SPLIT_2):
        registry.apply(registry.plan(document))
    assert registry.rollback("fraud", to=1).route.revision == 1


def test_a_preview_is_switched_to_and_back(admin, registry):
    preview = {"name": "preview", "when": 'metadata["x-preview"] == "1"', "split": {"fraud/2": 1}}
    registry.apply(registry.plan({**SPLIT_1, "segments": [preview]}))
    etag = registry.route("fraud").etag
    admin.clock.move(minutes=30)
    switched = registry.switch("fraud", reason="seen by ten people", etag=etag)
    assert (switched.revision, switched.content["route"]["split"]) == (2, {"fraud/2": 1})
    with pytest.raises(ChangeConflict):
        registry.switch("fraud", etag=etag)
    with pytest.raises(InputRefused, match="preview"):
        registry.switch("fraud")
    assert registry.rollback("fraud").route.revision == 1
    assert [time.cause for time in registry.history("fraud")] == ["rollback", "switch", "apply"]


def test_history_says_what_a_route_was_at_a_time(admin, registry):
    registry.apply(registry.plan(SPLIT_1))
    admin.clock.move(minutes=30)
    registry.apply(registry.plan(SPLIT_2))
    admin.clock.move(minutes=1)
    registry.rollback("fraud")
    past = registry.history("fraud")
    assert [(time.generation, time.revision, time.cause) for time in past] == [
        (3, 1, "rollback"),
        (2, 2, "apply"),
        (1, 1, "apply"),
    ]
    assert [time.end_time for time in past] == [None, past[0].start_time, past[1].start_time]
    [then] = registry.history("fraud", BEGIN + dt.timedelta(minutes=30, seconds=1))
    assert (then.revision, then.document["split"]) == (2, SPLIT_2["split"])
    assert [time.generation for time in registry.history("fraud", limit=1)] == [3]
    with pytest.raises(Missing):
        registry.history("fraud", BEGIN - dt.timedelta(days=1))


def test_a_quarantine_takes_a_version_out_of_every_route(admin, registry):
    registry.apply(registry.plan(SPLIT_1))
    admin.clock.move(minutes=30)
    registry.apply(registry.plan(SPLIT_2))
    registry.apply(registry.plan({"route": "only", "split": {"fraud/2": 1}}))
    assert registry.show("fraud/2").routes == ("fraud", "only")
    out = registry.quarantine("fraud/2", reason="learned from labels")
    assert out.routes == {"fraud": 1, "only": None}
    assert (out.version.state, out.version.state_reason) == ("quarantined", "learned from labels")
    assert registry.show("fraud/2").routes == ()
    assert registry.release("fraud/2").state == "registered"


def test_a_version_that_nobody_needs_retires_and_its_bytes_go(admin, registry):
    blob = registry.show("fraud/3").files[0].digest
    assert registry.retire("fraud/3", reason="old").state == "retired"
    admin.clock.now = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    would_go = registry.garbage()
    assert blob in dict(would_go.blobs)
    assert admin.blobs.has(blob)
    assert registry.garbage(dry_run=False, reason="weekly") == would_go
    assert not admin.blobs.has(blob)
    assert registry.garbage().count == 0


def test_a_model_gets_another_owner(admin):
    request = model_service_pb2.UpdateModelRequest(reason="handed over")
    request.model.name, request.model.owner = MODEL, "fraud team"
    changed = admin.ask(calls.UPDATE_MODEL, request)
    assert (changed.owner, changed.latest_version) == ("fraud team", 3)
    request.model.owner = ""
    request.update_mask.paths.append("owner")
    assert admin.ask(calls.UPDATE_MODEL, request).owner == ""
    assert admin.ask(calls.GET_MODEL, model_service_pb2.GetModelRequest(name=MODEL)).owner == ""


def test_a_monitor_is_revisioned_apart_from_its_route(admin):
    name = ROUTE.replace("/routes/", "/monitors/")
    request = monitor_service_pb2.ApplyMonitorRequest(name=name)
    request.document.update({"windows": ["1h"]})
    first = admin.ask(calls.APPLY_MONITOR, request)
    assert (first.changed, first.monitor.revision) == (True, 1)
    assert document_of(first.monitor.document) == {"windows": ["1h"]}
    assert not admin.ask(calls.APPLY_MONITOR, request).changed


def test_a_backup_has_everything_up_to_its_moment(admin, registry, tmp_path):
    from tidegate.services.registry import Registry as Services
    from tidegate.stores import open_store

    registry.apply(registry.plan(SPLIT_1))
    registry.backup(tmp_path / "copy.db", reason="nightly")
    registry.apply(registry.plan(SPLIT_2))
    store = open_store(f"sqlite:{tmp_path / 'copy.db'}")
    copy = Services(store, admin.clock, instance="another")
    assert routes.get(copy, RouteName.parse("fraud"))[0].revision == 1
    assert journal.check(copy).broken is None
    assert journal.page(copy, limit=1)[0].body["action"] == "registry.backup"
    store.close()
    with pytest.raises(FileExistsError):
        registry.backup(tmp_path / "copy.db")
    with admin.client("bot") as theirs, pytest.raises(Forbidden):
        theirs.backup(tmp_path / "theirs.db")


def test_tokens_are_made_shown_once_and_revoked(admin, registry):
    token = registry.create_token("nightly", "automation", reason="for the nightly run")
    admin.tokens["nightly"] = token
    with admin.client("nightly") as theirs:
        assert theirs.show("fraud/1").name == "fraud/1"
    assert token not in json.dumps([str(entry) for entry in registry.journal(limit=1000)])
    assert registry.revoke_token("nightly").revoke_time == admin.clock.now
    assert [each.name for each in registry.list_principals() if each.revoke_time] == ["nightly"]
    assert admin.server.door.strangers.count == 0


def test_the_journal_can_be_verified_by_whoever_reads_it(admin, registry):
    assert registry.verify().entries == len(registry.journal(limit=1000))
    entries = admin.ask(calls.LIST_ENTRIES, journal_service_pb2.ListEntriesRequest(page_size=1000)).entries
    hash_ = bytes(32)
    for entry in reversed(entries):
        hash_ = link(hash_, entry.body)
        assert entry.hash == hash_
    assert registry.verify().last_hash == hash_.hex()


def test_the_journal_tells_of_one_resource(registry):
    registry.apply(registry.plan(SPLIT_1), reason="RISK-7")
    [entry] = registry.journal(resource=ROUTE)
    assert (entry.action, entry.reason, entry.is_refused) == ("routes.apply", "RISK-7", False)
    assert entry.patch[0]["op"] == "replace"


def test_a_journal_that_was_tampered_with_is_named(admin, registry):
    import sqlite3

    with sqlite3.connect(admin.folder / "registry.db") as raw:
        [(trigger,)] = raw.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='journal' AND sql LIKE '%UPDATE%'"
        ).fetchall()[:1]
        raw.execute(f"DROP TRIGGER {trigger}")
        raw.execute("UPDATE journal SET resource = 'somebody else' WHERE seq = 2")
    raw.close()
    found = registry.verify()
    assert (found.entries, found.broken_entry) == (1, 2)
    assert "resource" in found.broken_reason


def _download(digest):
    from tidegate.v1.blob_service_pb2 import DownloadBlobRequest

    return DownloadBlobRequest(name=f"blobs/{digest}")
