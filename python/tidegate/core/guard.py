"""The one place that says who may do what. Approvals and roles will be rules here, and nowhere else."""

from collections.abc import Mapping
from typing import Any

from tidegate.core.journal import Actor, Kind
from tidegate.errors import Forbidden

# What undoes a decision of people, or makes new principals, is for people.
_FOR_PEOPLE = ("tokens.", "versions.release", "registry.")


def allow(
    principal: Actor, action: str, resource: str, *, before: Any, after: Any, evidence: Mapping[str, Any] | None = None
) -> None:
    """Lets an action pass, or says why it may not.

    It is asked inside the transaction of the change, so that what it looks at is what is changed.

    Args:
        principal: Who asks.
        action: A verb, such as `routes.apply`.
        resource: The full name of what is changed.
        before: The resource as it is; None if it is new.
        after: The resource as it is to be; None if it is to go.
        evidence: What else speaks for the change.

    Raises:
        Forbidden: The principal may not.
    """
    del before, after, evidence  # for the rules to come
    if principal.kind is Kind.GATEWAY:
        raise Forbidden(
            f"{principal.name} is a gateway, and gateways change nothing: use a token of a person or an automation.",
            reason="GATEWAY_READS_ONLY",
            principal=principal.name,
            action=action,
            resource=resource,
        )
    if principal.kind is Kind.AUTOMATION and action.startswith(_FOR_PEOPLE):
        raise Forbidden(
            f"{principal.name} is an automation, and {action} is for people: ask one of them.",
            reason="FOR_PEOPLE",
            principal=principal.name,
            action=action,
            resource=resource,
        )
