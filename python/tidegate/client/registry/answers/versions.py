"""Versions, and what is said about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.client.specs import TensorSpec
from tidegate.errors import Violation


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
class Quarantined:
    """What came of a quarantine."""

    version: Version
    routes: Mapping[str, int | None]
    """The revision that each route has now; None where it is closed."""
