"""What nothing needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What goes, or would go."""

    blobs: tuple[tuple[str, int], ...]
    """Digest and size; of very many the first."""
    count: int
    size_bytes: int
    missing: tuple[str, ...]
    """What versions need and is not there: damage, not garbage."""
    cut_off_count: int
    """Uploads that did not end."""
    cut_off_bytes: int
    """What they have left behind."""
