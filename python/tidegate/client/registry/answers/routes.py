"""Routes: what they are, were and may become."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.errors import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How far the gateway is with a route."""

    state: str
    """`served`, `pending`, `refused`, or `unknown` where nobody can be asked."""
    reason: str
    """What is waited for, or why it is refused."""
    given_up: str = ""
    """What the route's monitor gives up for want of memory, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The public name that callers ask for."""

    name: str
    revision: int
    generation: int
    hold: str | None
    """Why nobody may change it by the way."""
    document: Mapping[str, Any]
    content: Mapping[str, Any]
    etag: str
    serving: Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A change that was looked at."""

    name: str
    """The full name, which `apply` takes."""
    route: str
    changes: tuple[Mapping[str, Any], ...]
    """Steps of a JSON patch (RFC 6902); empty if nothing changes."""
    loads: tuple[tuple[str, int], ...]
    """Versions that no route of the environment needs now, with their size in bytes."""
    breaking: tuple[Violation, ...]
    replaced_revision: int | None
    document: Mapping[str, Any]
    content: Mapping[str, Any]
    digest: str
    expire_time: dt.datetime
    min_bake_s: float
    """How long a revision must have been live before a rollback leads to it by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What came of a change."""

    route: Route
    has_changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What came of a rollback."""

    route: Route
    passed_over: tuple[Violation, ...]
    """Newer revisions with the reasons why they were not taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A time in which a revision was served."""

    generation: int
    revision: int
    cause: str
    start_time: dt.datetime
    end_time: dt.datetime | None
    document: Mapping[str, Any]
    content: Mapping[str, Any]
    digest: str
