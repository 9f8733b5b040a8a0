"""Messages of `tidegate.v1` as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.client.registry import answers
from tidegate.client.registry.names import short_name
from tidegate.client.specs import TensorSpec
from tidegate.errors import Violation
from tidegate.v1 import (
    alias_pb2,
    alias_service_pb2,
    journal_pb2,
    journal_service_pb2,
    model_pb2,
    monitor_service_pb2,
    principal_pb2,
    registry_service_pb2,
    route_pb2,
    route_service_pb2,
    version_pb2,
    version_service_pb2,
)
from tidegate.v1.documents import document_of, value_of


def model(message: model_pb2.Model) -> answers.Model:
    """A model."""
    return answers.Model(
        name=short_name(message.name),
        owner=message.owner,
        contact=message.contact,
        runbook=message.runbook,
        latest_version=message.latest_version,
        create_time=_time(message.create_time),
        etag=message.etag,
    )


def version(message: version_pb2.Version) -> answers.Version:
    """A version."""
    return answers.Version(
        name=short_name(message.name),
        digest=message.digest,
        files_digest=message.files_digest,
        inputs=_tensors(message.signature.inputs),
        outputs=_tensors(message.signature.outputs),
        state=version_pb2.Version.State.Name(message.state).lower(),
        state_reason=message.state_reason,
        create_time=_time(message.create_time),
        size_bytes=message.size_bytes,
        files=tuple(_file(file) for file in message.files),
        evidence=tuple(
            answers.Evidence(
                kind=version_pb2.Evidence.Kind.Name(each.kind).lower(),
                file=_file(each.file),
                digest=each.digest,
                create_time=_time(each.create_time),
            )
            for each in message.evidence
        ),
        edges=tuple(answers.Edge(source=edge.source, role=edge.role, target=edge.target) for edge in message.edges),
        aliases=tuple(message.aliases),
        routes=tuple(short_name(name) for name in message.routes),
        etag=message.etag,
    )


def difference(message: version_service_pb2.DiffVersionsResponse) -> answers.Difference:
    """What two versions differ in."""
    return answers.Difference(
        files=findings(message.files), signature=findings(message.signature), evidence=findings(message.evidence)
    )


def quarantined(message: version_service_pb2.QuarantineVersionResponse) -> answers.Quarantined:
    """What came of a quarantine."""
    return answers.Quarantined(
        version=version(message.version),
        routes={short_name(left.route): None if left.closed else left.revision for left in message.routes},
    )


_SERVING = {
    route_pb2.Serving.SERVED: "served",
    route_pb2.Serving.PENDING: "pending",
    route_pb2.Serving.REFUSED: "refused",
}


def route(message: route_pb2.Route) -> answers.Route:
    """A route."""
    return answers.Route(
        name=short_name(message.name),
        revision=int(message.revision.rpartition("/")[2]),
        generation=message.generation,
        hold=message.hold or None,
        document=document_of(message.document),
        content=document_of(message.content),
        etag=message.etag,
        serving=answers.Serving(
            state=_SERVING.get(message.serving.state, "unknown"),
            reason=message.serving.reason,
            given_up=message.serving.given_up,
        ),
    )


def plan(message: route_pb2.Plan) -> answers.Plan:
    """A plan."""
    return answers.Plan(
        name=message.name,
        route=short_name(message.name.rpartition("/plans/")[0]),
        changes=_patch(message.changes),
        loads=tuple((short_name(load.version), load.size_bytes) for load in message.loads),
        breaking=findings(message.breaking),
        replaced_revision=message.replaced_revision or None,
        document=document_of(message.document),
        content=document_of(message.content),
        digest=message.digest,
        expire_time=_time(message.expire_time),
        min_bake_s=message.min_bake.ToMicroseconds() / 1e6,
    )


def rolled_back(message: route_service_pb2.RollbackRouteResponse) -> answers.RolledBack:
    """What came of a rollback."""
    return answers.RolledBack(route=route(message.route), passed_over=findings(message.passed_over))


def tenure(message: route_pb2.Tenure) -> answers.Tenure:
    """A time of a route."""
    return answers.Tenure(
        generation=int(message.name.rpartition("/")[2]),
        revision=int(message.revision.name.rpartition("/")[2]),
        cause=route_pb2.Cause.Name(message.cause).lower(),
        start_time=_time(message.start_time),
        end_time=_time(message.end_time) if message.HasField("end_time") else None,
        document=document_of(message.revision.document),
        content=document_of(message.revision.content),
        digest=message.revision.digest,
    )


def entry(message: journal_pb2.Entry) -> answers.Entry:
    """An entry of the journal."""
    return answers.Entry(
        number=int(message.name.rpartition("/")[2]),
        time=_time(message.create_time),
        principal=message.principal.removeprefix("principals/"),
        kind=principal_pb2.Principal.Kind.Name(message.principal_kind).lower(),
        action=message.action,
        resource=message.resource,
        is_refused=message.outcome == journal_pb2.Entry.REFUSED,
        reason=message.reason,
        patch=_patch(message.patch),
        before_digest=message.before_digest,
        after_digest=message.after_digest,
        hash=message.hash.hex(),
        request_id=message.request_id,
    )


def principal(message: principal_pb2.Principal) -> answers.Principal:
    """Somebody who may ask, or might once."""
    return answers.Principal(
        name=message.name.removeprefix("principals/"),
        kind=principal_pb2.Principal.Kind.Name(message.kind).lower(),
        create_time=_time(message.create_time),
        revoke_time=_time(message.revoke_time) if message.HasField("revoke_time") else None,
        etag=message.etag,
    )


def findings(messages: Iterable[version_pb2.Finding]) -> tuple[Violation, ...]:
    """Places with what is said of them."""
    return tuple(Violation(each.path, each.description) for each in messages)


def alias(message: alias_pb2.Alias) -> answers.Alias:
    """An alias."""
    return answers.Alias(name=short_name(message.name), version=short_name(message.version), etag=message.etag)


def watched(message: monitor_service_pb2.ApplyMonitorResponse) -> answers.Watched:
    """What came of a monitor that was applied."""
    return answers.Watched(
        route=short_name(message.monitor.name),
        revision=message.monitor.revision,
        document=document_of(message.monitor.document),
        content=document_of(message.monitor.content),
        has_changed=message.changed,
        given_up=message.given_up,
    )


def alias_set(message: alias_service_pb2.SetAliasResponse) -> answers.AliasSet:
    """An alias that was set."""
    return answers.AliasSet(
        name=short_name(message.alias.name),
        version=short_name(message.alias.version),
        previous=short_name(message.previous_version) or None,
        routes=tuple(short_name(name) for name in message.routes),
    )


def verified(message: journal_service_pb2.VerifyJournalResponse) -> answers.Verified:
    """What is known of the journal."""
    is_broken = message.HasField("broken")
    return answers.Verified(
        entries=message.verified_count,
        last_hash=message.last_hash.hex(),
        broken_entry=message.broken.entry if is_broken else None,
        broken_reason=message.broken.description,
    )


def garbage(message: registry_service_pb2.CollectGarbageResponse) -> answers.Garbage:
    """What goes, or would go."""
    return answers.Garbage(
        blobs=tuple((blob.name.removeprefix("blobs/"), blob.size_bytes) for blob in message.blobs),
        count=message.blob_count,
        size_bytes=message.size_bytes,
        missing=tuple(message.missing),
        cut_off_count=message.cut_off_count,
        cut_off_bytes=message.cut_off_bytes,
    )


def _patch(operations: Iterable[route_pb2.Operation]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "op": operation.op,
            "path": operation.path,
            **({"value": value_of(operation.value)} if operation.HasField("value") else {}),
        }
        for operation in operations
    )


def _tensors(messages: Iterable[version_pb2.Tensor]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name=each.name, datatype=each.datatype, shape=tuple(each.shape)) for each in messages)


def _file(message: version_pb2.File) -> answers.File:
    return answers.File(
        path=message.path, digest=message.digest, size_bytes=message.size_bytes, media_type=message.media_type
    )


def _time(timestamp: Any) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=timestamp.ToMicroseconds())
