"""Reading the journal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.journal import Entry, Verified, verify
from tidegate.services.registry import Registry
from tidegate.stores import journal

MOST_ENTRIES = 1_000
"""Of one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An entry as it is read."""

    seq: int
    body: dict[str, Any]
    hash: str


def page(
    registry: Registry,
    *,
    resource: str | None = None,
    before: int | None = None,
    until_us: int | None = None,
    limit: int = 50,
) -> list[Told]:
    """Entries, the newest first.

    Args:
        registry: The registry.
        resource: The full name of what they are about; of everything without it.
        before: Only entries before this number.
        until_us: Only entries up to this time.
        limit: At most so many; more than 1,000 are never given at once.
    """
    with registry.reading() as connection:
        found = journal.page(
            connection, resource=resource, before=before, until_us=until_us, limit=min(limit, MOST_ENTRIES)
        )
    return told(found)


def told(entries: Sequence[Entry]) -> list[Told]:
    """Entries as they are read."""
    return [Told(seq=entry.seq, body=json.loads(entry.body), hash=entry.hash.hex()) for entry in entries]


def check(registry: Registry) -> Verified:
    """Reads the whole chain and says where it breaks, if it does."""
    with registry.reading() as connection:
        end = journal.end(connection)
        return verify(journal.walk(connection), head=(end.seq, end.hash))
