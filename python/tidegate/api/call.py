"""One call, as servicers see it: who asks, and how services are told."""

from dataclasses import dataclass
from typing import Any

from tidegate.core.canonical import digest
from tidegate.core.journal import Actor
from tidegate.services.registry import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that was let in."""

    actor: Actor

    def caller(self, request: Any, action: str, resource: str) -> Caller:
        """Who asks for a change, and what for.

        Args:
            request: The request; it may have `reason` and `request_id`.
            action: The verb under which a refusal is entered into the journal, such as `routes.apply`.
            resource: What is to be changed, as the caller has named it.
        """
        request_id = getattr(request, "request_id", "")
        asked = type(request)()
        asked.CopyFrom(request)
        if request_id:
            # The id names the request; it is no part of what is asked.
            asked.ClearField("request_id")
        return Caller(
            actor=self.actor,
            reason=getattr(request, "reason", ""),
            request_id=request_id,
            method=action,
            body=digest(asked.SerializeToString(deterministic=True)),
            resource=resource,
        )
