"""Aliases, and what came of setting one."""

from __future__ import annotations

from dataclasses import dataclass


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
