"""Metadata of a call, refused with everything that HTTP/2 cannot carry before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tidegate.client import failures
from tidegate.client.values import path_of
from tidegate.errors import Violation

Metadata = Mapping[str, str | bytes]
MetadataPairs = Sequence[tuple[str, str | bytes]]

_KEY = re.compile(r"[0-9a-z_.-]+")
_TEXT = re.compile(r"[ -~]*")
_BINARY = "-bin"


def pairs(metadata: Metadata | None) -> MetadataPairs:
    """Metadata as grpc takes it: keys in lower case, bytes under keys that end in `-bin` and text under the others.

    Raises:
        InvalidRequest: With every pair that cannot be sent, under the reason `UNFIT_INPUT`.
    """
    found: list[tuple[str, str | bytes]] = []
    violations: list[Violation] = []
    for name, value in (metadata or {}).items():
        key = str(name).lower()
        if reason := _reason(key, value):
            violations.append(Violation(path_of("metadata", str(name)), reason))
        found.append((key, value))
    if violations:
        raise failures.from_violations(violations)
    return tuple(found)


def _reason(key: str, value: object) -> str:
    """What is wrong with a pair; empty if nothing is."""
    if not _KEY.fullmatch(key):
        return "expected a name of ASCII letters, digits, '_', '-' and '.'"
    if key.endswith(_BINARY):
        return "" if isinstance(value, bytes) else f"expected bytes under a name in -bin, got {type(value).__name__}"
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return ""
    got = "text with others" if isinstance(value, str) else type(value).__name__
    return f"expected text of printable ASCII characters, got {got}: bytes go under a name that ends in -bin"
