"""Between routes, revisions and plans of core and those of `tidegate.v1`."""

from tidegate.api.values import fill_findings
from tidegate.core.names import VersionName
from tidegate.core.patches import Operation
from tidegate.core.revisions import Cause
from tidegate.core.serving import Serving, ServingState
from tidegate.services.plans import Planned
from tidegate.services.routes import Past
from tidegate.stores.heads import Head, StoredRevision
from tidegate.v1 import route_pb2 as messages
from tidegate.v1.documents import fill_struct, fill_value

_CAUSES = {
    Cause.APPLY: messages.APPLY,
    Cause.STEP: messages.STEP,
    Cause.SWITCH: messages.SWITCH,
    Cause.ROLLBACK: messages.ROLLBACK,
    Cause.QUARANTINE: messages.QUARANTINE,
}

_STATES = {
    ServingState.UNKNOWN: messages.Serving.STATE_UNSPECIFIED,
    ServingState.SERVED: messages.Serving.SERVED,
    ServingState.PENDING: messages.Serving.PENDING,
    ServingState.REFUSED: messages.Serving.REFUSED,
}


def route_message(head: Head, revision: StoredRevision | None = None, serving: Serving | None = None) -> messages.Route:
    """A route; without its revision as lists have it."""
    message = messages.Route(
        name=head.scope,
        revision=_revision_name(head.scope, head.revision),
        generation=head.generation,
        hold=head.hold or "",
        etag=str(head.seq),
    )
    if revision is not None:
        fill_struct(message.document, revision.document)
        fill_struct(message.content, revision.content)
    if serving is not None:
        message.serving.state = _STATES[serving.state]
        message.serving.reason = serving.reason
        message.serving.given_up = serving.given_up
    return message


def revision_message(revision: StoredRevision) -> messages.Revision:
    """A revision."""
    message = messages.Revision(
        name=_revision_name(revision.scope, revision.number),
        cause=_CAUSES[revision.cause],
        change=revision.change,
        digest=revision.digest,
    )
    fill_struct(message.document, revision.document)
    fill_struct(message.content, revision.content)
    message.create_time.FromMicroseconds(revision.create_us)
    return message


def tenure_message(past: Past) -> messages.Tenure:
    """A time of a route."""
    message = messages.Tenure(
        name=f"{past.revision.scope}/tenures/{past.tenure.generation}",
        revision=revision_message(past.revision),
        cause=_CAUSES[past.tenure.cause],
    )
    message.start_time.FromMicroseconds(past.tenure.begin_us)
    if past.end_us is not None:
        message.end_time.FromMicroseconds(past.end_us)
    return message


def plan_message(planned: Planned, min_bake_us: int) -> messages.Plan:
    """A plan."""
    plan = planned.plan
    message = messages.Plan(
        name=f"{plan.scope}/plans/{plan.id}",
        base_generation=plan.base_generation,
        digest=plan.digest,
        replaced_revision=planned.replaces or 0,
    )
    fill_struct(message.document, plan.document)
    fill_struct(message.content, plan.content)
    for operation in planned.changes:
        fill_operation(message.changes.add(), operation)
    for version, size_bytes in planned.loads:
        message.loads.add(version=str(VersionName.parse(version)), size_bytes=size_bytes)
    fill_findings(message.breaking, planned.breaking)
    message.expire_time.FromMicroseconds(plan.expire_us)
    message.min_bake.FromMicroseconds(min_bake_us)
    return message


def fill_operation(message: messages.Operation, operation: Operation) -> None:
    """Writes one step of a patch."""
    message.op = operation["op"]
    message.path = operation["path"]
    if "value" in operation:
        fill_value(message.value, operation["value"])


def _revision_name(scope: str, number: int) -> str:
    return f"{scope}/revisions/{number}"
