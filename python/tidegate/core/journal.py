"""The journal: who changed what, when and why, in a chain that shows when anything in it was altered.

An entry's hash is SHA-256(0x01 ‖ hash of the entry before ‖ SHA-256(0x00 ‖ canonical bytes)): leaves and links cannot be
taken for one another (RFC 6962, section 2.1). Entries are numbered without gaps from 1.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tidegate.core.canonical import canonical, digest_of
from tidegate.core.patches import diff

FIRST = bytes(32)
"""What stands for the hash of the entry before the first."""
MOST_REASON_CHARS = 2_000
"""Longest reason: a sentence and a ticket, not a document."""


class Kind(Enum):
    """What a principal is."""

    PERSON = "person"
    AUTOMATION = "automation"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks."""

    name: str
    kind: Kind


class Outcome(Enum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did, or was refused, before it has a place in the chain."""

    actor: Actor
    action: str
    """A verb, such as `routes.apply`."""
    resource: str
    """The full name of what it was done to."""
    outcome: Outcome = Outcome.DONE
    reason: str = ""
    """Why, as the actor says; why not, of a refusal."""
    before: Any = None
    """The resource as JSON; None where there was none."""
    after: Any = None
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A deed in its place."""

    seq: int
    body: bytes
    """The canonical bytes that are hashed."""
    previous: bytes
    hash: bytes


def enter(deed: Deed, *, seq: int, time_us: int, previous: bytes) -> Entry:
    """Puts a deed behind the entry with the hash `previous`.

    Args:
        deed: What happened.
        seq: Its number, one above that of the entry before.
        time_us: When, in microseconds since 1970.
        previous: The hash of the entry before; :data:`FIRST` if there is none.
    """
    body = canonical(
        {
            "seq": seq,
            "time_us": time_us,
            "actor": {"name": deed.actor.name, "kind": deed.actor.kind.value},
            "action": deed.action,
            "resource": deed.resource,
            "outcome": deed.outcome.value,
            "reason": deed.reason[:MOST_REASON_CHARS],
            "request_id": deed.request_id,
            "before": None if deed.before is None else digest_of(deed.before),
            "after": None if deed.after is None else digest_of(deed.after),
            "patch": diff(deed.before, deed.after),
        }
    )
    return Entry(seq=seq, body=body, previous=previous, hash=link(previous, body))


def link(previous: bytes, body: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x01" + previous + hashlib.sha256(b"\x00" + body).digest()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first place at which a chain does not hold."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is known of a chain after all of it was read."""

    entries: int
    last: bytes
    """The hash of the last entry that holds."""
    broken: Break | None


def verify(rows: Iterable[tuple[Entry, Mapping[str, Any]]], *, head: tuple[int, bytes]) -> Verified:
    """Reads a chain from its first entry and says where it breaks.

    Args:
        rows: All entries in their order, each with what stands beside its body for searching, under the names of the
            body; it must say the same.
        head: The number and the hash of the last entry, as they are kept elsewhere: an end that was cut off shows.
    """
    previous, seq = FIRST, 0
    for entry, beside in rows:
        seq += 1
        reason = _fault(entry, beside, seq, previous)
        if reason:
            return Verified(entries=seq - 1, last=previous, broken=Break(seq=entry.seq, reason=reason))
        previous = entry.hash
    if (seq, previous) != head:
        reason = f"the registry ends with entry {head[0]}, the journal with {seq}: entries are missing or were added"
        return Verified(entries=seq, last=previous, broken=Break(seq=min(seq, head[0]) + 1, reason=reason))
    return Verified(entries=seq, last=previous, broken=None)


def _fault(entry: Entry, beside: Mapping[str, Any], seq: int, previous: bytes) -> str:
    if entry.seq != seq:
        return f"entry {seq} is missing"
    if entry.previous != previous:
        return "it follows another entry than the one before it"
    if entry.hash != link(previous, entry.body):
        return "its bytes are not those that were hashed"
    # The body is what was written, so it can be read.
    said = read(entry.body)
    wrong = [name for name, value in beside.items() if said.get(name) != value]
    return f"its columns say otherwise than its bytes: {', '.join(wrong)}" if wrong else ""


def read(body: bytes) -> dict[str, Any]:
    """What an entry says, as it stands beside its bytes: `actor` is a name, and `kind` the actor's."""
    said = json.loads(body)
    return {**said, "actor": said["actor"]["name"], "kind": said["actor"]["kind"]}
