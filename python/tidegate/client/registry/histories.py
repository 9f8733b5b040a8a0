"""What an alias pointed to, and which states a version was in: read from the journal, which has all of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.client.registry.names import alias_name, version_name

if TYPE_CHECKING:
    from tidegate.client.registry.answers import Entry
    from tidegate.client.registry.facade import Registry

_STATES = frozenset(
    ("versions.register", "versions.quarantine", "versions.release", "versions.retire", "versions.restore")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A time in which something was as somebody had made it."""

    start_time: dt.datetime
    end_time: dt.datetime | None
    """None while it goes on."""
    was: str | None
    """A version such as `fraud/3`, or a state such as `retired`; None for an alias that pointed nowhere."""
    principal: str
    reason: str
    entry: int
    """Its number in the journal."""


def alias_history(registry: Registry, alias: str, *, limit: int = 50) -> list[Past]:
    """What an alias such as `fraud@champion` pointed to and from when to when, the newest first; empty if it never was.

    Args:
        registry: Which has it, or had it once.
        alias: `model@alias`.
        limit: At most so many times.
    """
    model = alias.rpartition("@")[0]

    def read(entry: Entry) -> str | None:
        number = _after(entry, "version")
        return None if number is None else f"{model}/{number:.0f}"

    return _history(registry, alias_name(alias), lambda entry: entry.action.startswith("aliases."), read, limit)


def state_history(registry: Registry, version: str, *, limit: int = 50) -> list[Past]:
    """Which states a version such as `fraud/3` was in and from when to when, the newest first.

    Args:
        registry: Which has it.
        version: Its name, as :meth:`Registry.show` gives it; no alias and no digest.
        limit: At most so many times.
    """
    return _history(
        registry, version_name(version), lambda entry: entry.action in _STATES, lambda e: _after(e, "state"), limit
    )


def _history(
    registry: Registry,
    resource: str,
    is_change: Callable[[Entry], bool],
    read: Callable[[Entry], str | None],
    limit: int,
) -> list[Past]:
    wanted = max(limit, 1)
    while True:
        entries = registry.journal(resource=resource, limit=wanted)
        changes = [entry for entry in entries if not entry.is_refused and is_change(entry)]
        # Refusals and evidence stand between them: more is read until there are enough, or no more.
        if len(changes) >= limit or len(entries) < wanted:
            break
        wanted *= 4
    ends = [None, *(entry.time for entry in changes)]
    return [
        Past(
            start_time=entry.time,
            end_time=end,
            was=read(entry),
            principal=entry.principal,
            reason=entry.reason,
            entry=entry.number,
        )
        for entry, end in zip(changes[:limit], ends, strict=False)
    ]


def _after(entry: Entry, field: str) -> Any:
    """What a field is after a change: said alone, or with the whole of what is new; None where it is gone."""
    for step in entry.patch:
        if step["path"] == f"/{field}":
            return step.get("value")
        if step["path"] == "" and isinstance(step.get("value"), Mapping):
            return step["value"][field]
    return None
