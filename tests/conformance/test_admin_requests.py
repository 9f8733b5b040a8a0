"""Requests that the admin API does not begin with: of nobody, of no form, with names that mean nothing."""

import grpc
import pytest

from support.admin import MODEL, PATIENCE_S, ROUTE, Refusal
from tidegate.client.registry import calls
from tidegate.errors import NameRefused, Unidentified
from tidegate.v1 import (
    alias_service_pb2,
    blob_service_pb2,
    journal_service_pb2,
    model_service_pb2,
    principal_service_pb2,
    registry_service_pb2,
    route_service_pb2,
    version_service_pb2,
)

VERSION = f"{MODEL}/versions/1"


@pytest.fixture
def registry(admin):
    with admin.client() as client:
        yield client


@pytest.mark.parametrize(
    "metadata, reason",
    [
        ([], "TOKEN_MISSING"),
        ([("authorization", "Basic YTpi")], "TOKEN_MISSING"),
        ([("authorization", "Bearer tg_wrong")], "TOKEN_UNKNOWN"),
        ([("authorization", "Bearer ")], "TOKEN_UNKNOWN"),
    ],
)
def test_a_call_of_nobody_is_refused_before_it_is_read(admin, registry, metadata, reason):
    call = admin.channel.unary_unary(calls.GET_VERSION.path)
    with pytest.raises(grpc.RpcError) as refused:
        call(b"\xff no message", timeout=PATIENCE_S, metadata=metadata)
    refusal = Refusal.of(refused.value)
    assert (refusal.code, refusal.reason, refusal.info.domain) == ("UNAUTHENTICATED", reason, "tidegate.dev")
    assert admin.server.door.strangers.count == 1
    assert not registry.journal(limit=1)[0].is_refused


def test_a_revoked_token_is_nobodys(admin, registry):
    registry.revoke_token("bot")
    with admin.client("bot") as theirs, pytest.raises(Unidentified, match="was revoked"):
        theirs.show("fraud/1")


def test_bytes_that_are_no_message_are_refused(admin):
    call = admin.channel.unary_unary(calls.GET_VERSION.path)
    with pytest.raises(grpc.RpcError) as refused:
        call(b"\xff\xff\xff", timeout=PATIENCE_S, metadata=[("authorization", f"Bearer {admin.tokens['ann']}")])
    refusal = Refusal.of(refused.value)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "MESSAGE_MALFORMED")


@pytest.mark.parametrize(
    "method, request_, path",
    [
        (calls.GET_VERSION, version_service_pb2.GetVersionRequest(), "name"),
        (calls.LIST_MODELS, model_service_pb2.ListModelsRequest(parent="projects/default", page_size=-1), "page_size"),
        (calls.CHECK_BLOBS, blob_service_pb2.CheckBlobsRequest(digests=["sha256:0"]), "digests[0]"),
        (calls.RETIRE_VERSION, version_service_pb2.RetireVersionRequest(name=VERSION, request_id="1"), "request_id"),
        (calls.RETIRE_VERSION, version_service_pb2.RetireVersionRequest(name=VERSION, reason="x" * 2001), "reason"),
        (
            calls.CREATE_TOKEN,
            principal_service_pb2.CreateTokenRequest(principal_id="a/b", kind="PERSON"),
            "principal_id",
        ),
        (calls.CREATE_TOKEN, principal_service_pb2.CreateTokenRequest(principal_id="a"), "kind"),
        (calls.COLLECT_GARBAGE, registry_service_pb2.CollectGarbageRequest(name="mine"), "name"),
        (
            calls.PLAN_ROUTE,
            route_service_pb2.PlanRouteRequest(parent="projects/default/environments/default"),
            "document",
        ),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_by_field(admin, method, request_, path):
    refusal = admin.refusal(method, request_)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "REQUEST_REFUSED")
    assert [violation.field for violation in refusal.detail("BadRequest").field_violations] == [path]


@pytest.mark.parametrize(
    "name", ["projects/default/models/a/versions/01", "fraud", "fraud@../x", "models/fraud/versions/1", "fraud/latest"]
)
def test_what_is_no_name_is_refused(registry, name):
    with pytest.raises(NameRefused):
        registry.show(name)


@pytest.mark.parametrize(
    "method, request_, reason, kind",
    [
        (calls.GET_VERSION, version_service_pb2.GetVersionRequest(name="fraud/9"), "VERSION_MISSING", "Version"),
        (calls.GET_VERSION, version_service_pb2.GetVersionRequest(name="fraud@best"), "VERSION_MISSING", "Version"),
        (calls.GET_MODEL, model_service_pb2.GetModelRequest(name="projects/p/models/m"), "MODEL_MISSING", "Model"),
        (
            calls.LIST_VERSIONS,
            version_service_pb2.ListVersionsRequest(parent="projects/p/models/m"),
            "MODEL_MISSING",
            "Model",
        ),
        (calls.GET_ROUTE, route_service_pb2.GetRouteRequest(name=ROUTE), "ROUTE_MISSING", "Route"),
        (calls.APPLY_ROUTE, route_service_pb2.ApplyRouteRequest(plan=f"{ROUTE}/plans/a"), "PLAN_MISSING", "Plan"),
        (calls.ROLLBACK_ROUTE, route_service_pb2.RollbackRouteRequest(name=ROUTE), "ROUTE_MISSING", "Route"),
        (
            calls.REVOKE_TOKEN,
            principal_service_pb2.RevokeTokenRequest(name="principals/x"),
            "PRINCIPAL_MISSING",
            "Principal",
        ),
        (
            calls.SET_ALIAS,
            alias_service_pb2.SetAliasRequest(name=f"{MODEL}/aliases/a", version="fraud/9"),
            "VERSION_MISSING",
            "Version",
        ),
    ],
)
def test_what_is_not_there_is_named(admin, method, request_, reason, kind):
    refusal = admin.refusal(method, request_)
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", reason)
    assert refusal.detail("ResourceInfo").resource_type == f"tidegate.dev/{kind}"
    assert refusal.detail("ResourceInfo").resource_name in refusal.info.metadata.values()


def test_a_page_follows_the_page_before_and_no_other(admin):
    request = version_service_pb2.ListVersionsRequest(parent=MODEL, page_size=2)
    first = admin.ask(calls.LIST_VERSIONS, request)
    assert [each.name.rpartition("/")[2] for each in first.versions] == ["3", "2"]
    request.page_token, request.page_size = first.next_page_token, 1000
    second = admin.ask(calls.LIST_VERSIONS, request)
    assert [each.name.rpartition("/")[2] for each in second.versions] == ["1"]
    assert second.next_page_token == ""
    for stolen in (
        version_service_pb2.ListVersionsRequest(
            parent=MODEL.replace("fraud", "other"), page_token=first.next_page_token
        ),
        version_service_pb2.ListVersionsRequest(parent=MODEL, page_token=first.next_page_token[:-4] + "AAA="),
        version_service_pb2.ListVersionsRequest(parent=MODEL, page_token="%%%"),
    ):
        refusal = admin.refusal(calls.LIST_VERSIONS, stolen)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_REFUSED")
    refusal = admin.refusal(
        calls.LIST_ENTRIES, journal_service_pb2.ListEntriesRequest(page_token=first.next_page_token)
    )
    assert refusal.reason == "PAGE_TOKEN_REFUSED"


def test_a_page_beyond_the_most_is_the_most(admin, registry):
    for number in range(3):
        registry.create_token(f"p{number}", "gateway")
    answer = admin.ask(calls.LIST_PRINCIPALS, principal_service_pb2.ListPrincipalsRequest(page_size=1_000_000))
    assert len(answer.principals) == 6
