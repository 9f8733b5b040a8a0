"""What the admin API refuses, and what callers read of it: a code, one reason, and the details that go with it."""

import threading
import uuid

import pytest

from support.admin import MODEL, PATIENCE_S, model_file
from tidegate.client.registry import Registry, calls
from tidegate.errors import (
    AlreadyThere,
    ChangeConflict,
    ChangeRefused,
    Forbidden,
    InputRefused,
    Missing,
    RegistryError,
)
from tidegate.v1 import (
    model_service_pb2,
    principal_service_pb2,
    route_service_pb2,
    version_service_pb2,
)

VERSION = f"{MODEL}/versions/1"
SPLIT = {"route": "fraud", "split": {"fraud/1": 1}}


@pytest.fixture
def registry(admin):
    with admin.client() as client:
        yield client


def test_a_repeated_request_is_answered_as_the_first_time(admin, tmp_path):
    request = route_service_pb2.PlanRouteRequest(
        parent="projects/default/environments/default", request_id=str(uuid.uuid4())
    )
    request.document.update(SPLIT)
    plan = admin.ask(calls.PLAN_ROUTE, request)
    assert admin.ask(calls.PLAN_ROUTE, request) == plan
    apply = route_service_pb2.ApplyRouteRequest(plan=plan.name, request_id=str(uuid.uuid4()))
    first = admin.ask(calls.APPLY_ROUTE, apply)
    assert admin.ask(calls.APPLY_ROUTE, apply) == first
    assert first.changed


def test_a_request_id_of_another_request_is_refused(admin):
    request = version_service_pb2.RetireVersionRequest(name=VERSION, request_id=str(uuid.uuid4()))
    admin.ask(calls.RETIRE_VERSION, request)
    request.name = f"{MODEL}/versions/2"
    refusal = admin.refusal(calls.RETIRE_VERSION, request)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert refusal.info.metadata["request_id"] == request.request_id


def test_a_token_is_not_shown_twice(admin):
    request = principal_service_pb2.CreateTokenRequest(
        principal_id="nightly", kind="AUTOMATION", request_id=str(uuid.uuid4())
    )
    admin.ask(calls.CREATE_TOKEN, request)
    refusal = admin.refusal(calls.CREATE_TOKEN, request)
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "TOKEN_SHOWN")
    with admin.client() as registry, pytest.raises(AlreadyThere, match="another name"):
        registry.create_token("nightly", "person")


def test_a_stale_etag_is_refused(admin, registry):
    stale = registry.show("fraud/1").etag
    registry.retire("fraud/1", etag=stale)
    with pytest.raises(ChangeConflict) as refused:
        registry.release("fraud/1", etag=stale)
    assert refused.value.reason == "ETAG_STALE"
    assert refused.value.metadata == {"resource": VERSION, "etag": registry.show("fraud/1").etag}
    for act in (registry.quarantine, registry.retire):
        with pytest.raises(ChangeConflict):
            act("fraud/1", etag=stale)
    registry.apply(registry.plan({"route": "fraud", "split": {"fraud/2": 1}}))
    with pytest.raises(ChangeConflict):
        registry.rollback("fraud", etag=stale)
    with pytest.raises(ChangeConflict):
        registry.set_alias("fraud@a", "fraud/2", etag=stale)
    update = model_service_pb2.UpdateModelRequest()
    update.model.name, update.model.owner, update.model.etag = MODEL, "x", stale
    assert admin.refusal(calls.UPDATE_MODEL, update).reason == "ETAG_STALE"


def test_a_mask_names_what_can_be_changed(admin):
    request = model_service_pb2.UpdateModelRequest()
    request.model.name = MODEL
    request.update_mask.paths.extend(["owner", "latest_version"])
    refusal = admin.refusal(calls.UPDATE_MODEL, request)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "MASK_REFUSED")
    assert [each.field for each in refusal.detail("BadRequest").field_violations] == ["update_mask.paths[1]"]


def test_a_document_is_refused_by_all_its_places(registry):
    with pytest.raises(InputRefused) as refused:
        registry.plan({"route": "fraud", "split": {"fraud/9": 1, "other@x": -1}, "keep_warm_s": "long"})
    assert refused.value.reason == "ROUTE_REFUSED"
    with pytest.raises(InputRefused) as refused:
        registry.plan({"route": "fraud", "split": {"fraud/9": 1, "other@x": 1}})
    assert [path for path, _ in refused.value.violations] == ["split.fraud/9", "split.other@x"]
    with pytest.raises(InputRefused, match="no value of JSON"):
        registry.plan({"route": "fraud", "split": {"fraud/1": 1}, "since": object()})


def test_a_route_is_in_the_environment_that_the_request_names(admin, registry):
    prod = "projects/default/environments/prod"
    request = route_service_pb2.PlanRouteRequest(parent=prod)
    request.document.update(SPLIT)
    plan = admin.ask(calls.PLAN_ROUTE, request)
    assert plan.name.startswith(f"{prod}/routes/fraud/plans/")
    applied = registry.apply(plan.name)
    assert applied.route.name == f"{prod}/routes/fraud"
    with pytest.raises(Missing):
        registry.route("fraud")
    again = registry.plan({**SPLIT, "route": f"{prod}/routes/fraud"})
    assert (again.route, again.changes) == (f"{prod}/routes/fraud", ())
    request.document.update({"route": "projects/default/environments/test/routes/fraud"})
    assert admin.refusal(calls.PLAN_ROUTE, request).detail("BadRequest").field_violations[0].field == "document.route"
    elsewhere = plan.name.replace("/prod/", "/default/")
    refusal = admin.refusal(calls.APPLY_ROUTE, route_service_pb2.ApplyRouteRequest(plan=elsewhere))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "PLAN_MISSING")


@pytest.mark.parametrize("state", ["retired", "quarantined"])
def test_a_route_does_not_name_what_must_not_answer(registry, state):
    {"retired": registry.retire, "quarantined": registry.quarantine}[state]("fraud/1")
    with pytest.raises(InputRefused, match=state) as refused:
        registry.plan(SPLIT)
    assert refused.value.violations[0].path == "split.fraud/1"


def test_a_plan_is_applied_only_as_long_as_nothing_has_changed(admin, registry):
    first, second = registry.plan(SPLIT), registry.plan({"route": "fraud", "split": {"fraud/2": 1}})
    registry.apply(first)
    with pytest.raises(ChangeConflict) as refused:
        registry.apply(second)
    assert refused.value.reason == "PLAN_STALE"
    third = registry.plan({"route": "fraud", "split": {"fraud/2": 1}})
    admin.clock.move(hours=2)
    with pytest.raises(ChangeConflict) as refused:
        registry.apply(third)
    assert refused.value.reason == "PLAN_EXPIRED"


def test_callers_are_not_broken_unless_somebody_says_so(admin, registry, tmp_path):
    from support import models

    (tmp_path / "strings.onnx").write_bytes(models.strings().SerializeToString())
    other = registry.register("texts", tmp_path / "strings.onnx").version.name
    registry.apply(registry.plan(SPLIT))
    plan = registry.plan({"route": "fraud", "split": {other: 1}})
    assert plan.breaking
    with pytest.raises(ChangeRefused) as refused:
        registry.apply(plan)
    assert refused.value.reason == "SIGNATURE_BREAKS"
    assert refused.value.violations == plan.breaking
    assert registry.apply(plan, allow_breaking=True).has_changed


def test_a_version_in_use_does_not_retire(admin, registry):
    registry.apply(registry.plan(SPLIT))
    refusal = admin.refusal(calls.RETIRE_VERSION, version_service_pb2.RetireVersionRequest(name=VERSION))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "VERSION_IN_USE")
    [violation] = refusal.detail("PreconditionFailure").violations
    assert (violation.type, violation.subject) == ("VERSION_IN_USE", "fraud")
    assert registry.journal(resource=VERSION)[0].is_refused
    with pytest.raises(ChangeRefused):
        registry.retire("fraud/1")
    assert [entry.is_refused for entry in registry.journal(resource=VERSION, limit=2)] == [True, True]


def test_nothing_to_roll_back_to_is_said_revision_by_revision(registry):
    registry.apply(registry.plan(SPLIT))
    registry.apply(registry.plan({"route": "fraud", "split": {"fraud/2": 1}}))
    with pytest.raises(ChangeRefused) as refused:
        registry.rollback("fraud")
    assert refused.value.reason == "NO_ROLLBACK_TARGET"
    assert [path for path, _ in refused.value.violations] == ["revision 1"]


@pytest.mark.parametrize("who, reason", [("bot", "FOR_PEOPLE"), ("gate", "GATEWAY_READS_ONLY")])
def test_who_may_not_is_told_so_and_entered_into_the_journal(admin, registry, tmp_path, who, reason):
    with admin.client(who) as theirs:
        assert theirs.show("fraud/1").name == "fraud/1"
        with pytest.raises(Forbidden) as refused:
            theirs.create_token("mine", "person")
        assert refused.value.reason == reason
        if who == "gate":
            with pytest.raises(Forbidden):
                theirs.plan(SPLIT)
            with pytest.raises(Forbidden):
                theirs.register("fraud", model_file(tmp_path, 9))
    [entry] = registry.journal(resource="principals/mine")
    assert (entry.principal, entry.action, entry.is_refused) == (who, "tokens.create", True)
    assert all(entry.is_refused for entry in registry.journal(limit=3) if entry.principal == who)


def test_what_nobody_meant_leaves_with_an_id_and_without_its_text(admin, monkeypatch, caplog):
    def broken(*_arguments, **_named):
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("tidegate.services.versions.show", broken)
    refusal = admin.refusal(calls.GET_VERSION, version_service_pb2.GetVersionRequest(name=VERSION))
    error_id = refusal.info.metadata["error_id"]
    assert (refusal.code, refusal.reason) == ("INTERNAL", "UNEXPECTED")
    assert error_id in refusal.message
    assert "secret" not in str(refusal)
    [record] = [each for each in caplog.records if error_id in each.getMessage()]
    assert "a secret" in str(record.exc_info[1])
    with admin.client() as registry, pytest.raises(RegistryError) as raised:
        registry.show("fraud/1")
    assert raised.value.reason == "UNEXPECTED"


def test_ten_thousand_reasons_fit_into_what_a_client_takes(admin, tmp_path):
    request = version_service_pb2.RegisterVersionRequest(parent=MODEL)
    for number in range(10_000):
        request.files.add(
            path=f"../{number}", digest=f"sha256:{number:064x}", size_bytes=1, media_type="application/x-pickle"
        )
    refusal = admin.refusal(calls.REGISTER_VERSION, request)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "BYTES_MISSING")
    assert refusal.detail("BadRequest").field_violations[-1].description.startswith("and ")


def test_of_eight_who_apply_at_once_one_wins(admin, registry):
    plans = [registry.plan({"route": "fraud", "split": {"fraud/1": number, "fraud/2": 1}}) for number in range(1, 9)]
    outcomes: list[str] = []

    def apply(plan):
        with Registry(admin.target, token=admin.tokens["ann"], timeout=PATIENCE_S) as theirs:
            try:
                theirs.apply(plan)
                outcomes.append("won")
            except ChangeConflict as conflict:
                outcomes.append(conflict.reason)

    threads = [threading.Thread(target=apply, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PLAN_STALE"] * 7 + ["won"]
    assert registry.verify().broken_entry is None


def test_a_pickle_and_a_path_out_of_the_folder_are_refused(admin, registry, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    model_file(folder, 1)
    (folder / "link.bin").symlink_to("/etc/passwd")
    with pytest.raises(InputRefused) as refused:
        registry.register("fraud", folder)
    assert [path for path, _ in refused.value.violations] == ["link.bin"]
    known = registry.show("fraud/1").files[0]
    for path, media_type in (
        ("../model.onnx", "application/vnd.onnx.external-data"),
        ("/etc/passwd", "application/vnd.onnx.external-data"),
        ("a/../../b", "application/vnd.onnx.external-data"),
        ("model.pkl", "application/x-pickle"),
    ):
        request = version_service_pb2.RegisterVersionRequest(parent=MODEL)
        request.files.add(
            path="model.onnx", digest=known.digest, size_bytes=known.size_bytes, media_type=known.media_type
        )
        request.files.add(path=path, digest=known.digest, size_bytes=known.size_bytes, media_type=media_type)
        refusal = admin.refusal(calls.REGISTER_VERSION, request)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "FILES_REFUSED")
        assert [each.field for each in refusal.detail("BadRequest").field_violations] == [path]
