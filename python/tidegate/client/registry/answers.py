"""What a registry says, as plain values. Names are as people write them: `fraud/3`, without the project `default`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.client.specs import TensorSpec
from tidegate.errors import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A trained thing that has versions."""

    name: str
    owner: str
    contact: str
    runbook: str
    latest_version: int
    create_time: dt.datetime
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a version, or the content of a piece of evidence."""

    path: str
    digest: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A piece of what is said about a version."""

    kind: str
    """`profile`, `metrics`, `card`, `run` or `dataset`."""
    file: File
    digest: str
    create_time: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """That one thing was made of another."""

    source: str
    role: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable release of a model; lists leave out what is set to be empty here."""

    name: str
    """Such as `fraud/3`."""
    digest: str
    files_digest: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    state: str
    """`registered`, `retired` or `quarantined`."""
    state_reason: str
    create_time: dt.datetime
    size_bytes: int = 0
    files: tuple[File, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    edges: tuple[Edge, ...] = ()
    aliases: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What came of a registration."""

    version: Version
    is_new: bool
    attached: tuple[str, ...]
    """Digests of the evidence that is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two versions differ in, seen from the first one."""

    files: tuple[Violation, ...]
    signature: tuple[Violation, ...]
    evidence: tuple[Violation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name that points to a version."""

    name: str
    """Such as `fraud@champion`."""
    version: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasSet:
    """An alias that was set."""

    name: str
    """Such as `fraud@champion`."""
    version: str
    previous: str | None
    routes: tuple[str, ...]
    """Those that were written with the alias and still serve another version."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What came of a change."""

    route: Route
    has_changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What came of a monitor that was applied."""

    route: str
    revision: int
    document: Mapping[str, Any]
    content: Mapping[str, Any]
    has_changed: bool
    given_up: str = ""
    """What the gateway gives up because the monitor's memory is short, in a sentence."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """What came of a quarantine."""

    version: Version
    routes: Mapping[str, int | None]
    """The revision that each route has now; None where it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What somebody did, or was refused."""

    number: int
    time: dt.datetime
    principal: str
    kind: str
    action: str
    resource: str
    is_refused: bool
    reason: str
    patch: tuple[Mapping[str, Any], ...]
    before_digest: str
    after_digest: str
    hash: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is known of the journal after all of it was read."""

    entries: int
    last_hash: str
    broken_entry: int | None
    broken_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who may ask, or might once."""

    name: str
    kind: str
    create_time: dt.datetime
    revoke_time: dt.datetime | None
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What goes, or would go."""

    blobs: tuple[tuple[str, int], ...]
    """Digest and size; of very many the first."""
    count: int
    size_bytes: int
    missing: tuple[str, ...]
    """What versions need and is not there: damage, not garbage."""
