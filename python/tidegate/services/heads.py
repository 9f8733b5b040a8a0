"""The one way in which a route or a monitor becomes another: a swap of its head, with its place in history."""

from dataclasses import dataclass
from typing import Any

from tidegate.core.canonical import digest_of
from tidegate.core.revisions import Cause, check_hold
from tidegate.errors import ChangeConflict
from tidegate.services.registry import Change
from tidegate.stores import heads
from tidegate.stores.heads import Head, StoredRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What a scope is to be."""

    scope: str
    cause: Cause
    expected: int | None = None
    """The generation that the caller has seen; None if any will do, 0 for a scope that is new."""
    hold: str | None = None
    """Why nobody may change it from then on."""
    releases_hold: bool = False


def revise(change: Change, swap: Swap, document: dict[str, Any], content: dict[str, Any]) -> Head:
    """Makes a revision, and the head of it.

    Raises:
        ChangeConflict: The scope changed meanwhile.
        ChangeRefused: It is held.
        Forbidden: The caller may not.
    """
    number = heads.newest_revision(change.connection, swap.scope) + 1
    head, seq = _swap(change, swap, number, content)
    # A change is named by the entry that began it; its steps will carry the name on.
    revision = StoredRevision(
        scope=swap.scope,
        number=number,
        cause=swap.cause,
        change=str(seq),
        document=document,
        content=content,
        digest=digest_of(content),
        create_us=change.now_us,
        seq=seq,
    )
    heads.add_revision(change.connection, revision)
    return head


def repoint(change: Change, swap: Swap, number: int) -> Head:
    """Has the head be a revision that is there.

    Raises:
        Missing: There is no such revision.
        ChangeConflict: The scope changed meanwhile.
        ChangeRefused: It is held.
        Forbidden: The caller may not.
    """
    head, _ = _swap(change, swap, number, heads.revision_of(change.connection, swap.scope, number).content)
    return head


def _swap(change: Change, swap: Swap, number: int, content: dict[str, Any]) -> tuple[Head, int]:
    known = heads.get(change.connection, swap.scope)
    generation = 0 if known is None else known.generation
    if swap.expected is not None and swap.expected != generation:
        raise ChangeConflict(
            f"{swap.scope} is at generation {generation}, not {swap.expected}: somebody changed it. Look again.",
            reason="GENERATION_STALE",
            resource=swap.scope,
            generation=str(generation),
        )
    # A rollback and a quarantine make things safe: no hold stands in their way.
    if known is not None and swap.cause not in (Cause.ROLLBACK, Cause.QUARANTINE):
        check_hold(swap.scope, known.hold, change.caller.actor, releases=swap.releases_hold)
    before = None
    if known is not None:
        before = _shown(
            known.revision, heads.revision_of(change.connection, swap.scope, known.revision).content, known.hold
        )
    seq = change.enter(
        f"{_collection(swap.scope)}.{swap.cause.value}",
        swap.scope,
        before=before,
        after=_shown(number, content, swap.hold),
    )
    head = Head(scope=swap.scope, generation=generation + 1, revision=number, hold=swap.hold, seq=seq)
    if not heads.swap(change.connection, head, expected=generation):
        raise ChangeConflict(
            f"{swap.scope} changed meanwhile: look again.", reason="GENERATION_STALE", resource=swap.scope
        )
    heads.begin_tenure(change.connection, head, swap.cause, change.now_us)
    return head, seq


def _shown(revision: int, content: dict[str, Any], hold: str | None) -> dict[str, Any]:
    return {"revision": revision, "hold": hold, "content": content}


def _collection(scope: str) -> str:
    return scope.rsplit("/", 2)[1]
