"""Reading the journal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.journal import Entry, Verified, verify
from tidegate.errors import Missing
from tidegate.services.registry import Registry
from tidegate.stores import journal
from tidegate.stores.journal import End

MOST_ENTRIES = 1_001
"""Of one page, and one more that tells whether there is another."""


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
        limit: At most so many; more than 1,001 are never given at once.
    """
    return told(entries(registry, resource=resource, before=before, until_us=until_us, limit=limit))


def entries(
    registry: Registry,
    *,
    resource: str | None = None,
    before: int | None = None,
    until_us: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """As :func:`page`, with the bytes that are hashed."""
    with registry.reading() as connection:
        return journal.page(
            connection, resource=resource, before=before, until_us=until_us, limit=min(limit, MOST_ENTRIES)
        )


def get(registry: Registry, seq: int) -> Entry:
    """An entry.

    Raises:
        Missing: There is none of this number.
    """
    found = entries(registry, before=seq + 1, limit=1)
    if not found or found[0].seq != seq:
        raise Missing(f"The journal has no entry {seq}.", reason="ENTRY_MISSING", entry=str(seq))
    return found[0]


def end(registry: Registry) -> End:
    """Where the journal ends now, and whose it is."""
    with registry.reading() as connection:
        return journal.end(connection)


def told(entries: Sequence[Entry]) -> list[Told]:
    """Entries as they are read."""
    return [Told(seq=entry.seq, body=json.loads(entry.body), hash=entry.hash.hex()) for entry in entries]


def check(registry: Registry) -> Verified:
    """Reads the whole chain and says where it breaks, if it does."""
    with registry.reading() as connection:
        last = journal.end(connection)
        return verify(journal.walk(connection), head=(last.seq, last.hash))


def after(registry: Registry, seq: int, *, limit: int) -> list[Entry]:
    """The entries that follow a number, the oldest first."""
    with registry.reading() as connection:
        return journal.after(connection, seq, limit=limit)
