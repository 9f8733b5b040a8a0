"""The revisions of a route: what it may be rolled back to, and who may change it when it is held."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tidegate.core.journal import Actor, Kind
from tidegate.errors import ChangeRefused, Violation

MIN_BAKE_US = 600 * 1_000_000
"""How long a revision must have been live before one rolls back to it by itself, where nobody says otherwise."""


class Cause(Enum):
    """Why a revision became the head."""

    APPLY = "apply"
    STEP = "step"
    """One move of a guarded change."""
    SWITCH = "switch"
    """What was a preview answers now."""
    ROLLBACK = "rollback"
    QUARANTINE = "quarantine"
    """A version was taken out of every route."""


AWAY = (Cause.ROLLBACK, Cause.QUARANTINE)
"""Causes that say that what was there before was bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A time in which a revision was the head."""

    generation: int
    revision: int
    cause: Cause
    begin_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a rollback leads to, and what was passed over on the way."""

    revision: int
    passed_over: tuple[Violation, ...]
    """Newer revisions with the reasons why they were not taken."""


class Lived(NamedTuple):
    """For how long a revision was the head without a break, and why it was not any more; None if it still is."""

    us: int
    successor: Cause | None


def lives_of(tenures: Sequence[Tenure], now_us: int) -> dict[int, list[Lived]]:
    """The lives of each revision in their order, by its number; the last tenure goes on."""
    ends = [*((tenure.begin_us, tenure.cause) for tenure in tenures[1:]), (now_us, None)]
    lives: dict[int, list[Lived]] = {}
    for tenure, (end_us, successor) in zip(tenures, ends, strict=True):
        lives.setdefault(tenure.revision, []).append(Lived(end_us - tenure.begin_us, successor))
    return lives


def rollback_target(
    lives: Mapping[int, Sequence[Lived]],
    changes: Mapping[int, str],
    *,
    current: int,
    min_bake_us: int,
    why_not: Callable[[int], str | None],
) -> Target:
    """The newest revision of an earlier change that has proven itself and can still be served.

    Proven: it was the head for `min_bake_us` without a break, and its time did not end in a rollback or a quarantine.

    Args:
        lives: Of every revision that may be the target, by its number.
        changes: What each of them and the current one is a part of: all steps of one change share that.
        current: The revision that is the head.
        min_bake_us: How long a revision must have been the head.
        why_not: Why a revision cannot be served now, such as a quarantined version; None if it can.

    Raises:
        ChangeRefused: There is none; the reasons are named revision by revision.
    """
    passed_over: list[Violation] = []
    for number in sorted(lives, reverse=True):
        if changes[number] == changes[current]:
            continue
        reason = _doubt(lives[number], min_bake_us) or why_not(number)
        if reason is None:
            return Target(revision=number, passed_over=tuple(passed_over))
        passed_over.append(Violation(f"revision {number}", reason))
    reasons = "; ".join(f"{path}: {reason}" for path, reason in passed_over) or "it was never changed"
    raise ChangeRefused(
        f"There is nothing to roll back to ({reasons}). Name one with --to.",
        reason="NO_ROLLBACK_TARGET",
        violations=tuple(passed_over),
    )


def _doubt(lives: Sequence[Lived], min_bake_us: int) -> str | None:
    end = lives[-1].successor
    if end in AWAY:
        return f"its time ended in a {end.value}"
    longest = max(life.us for life in lives)
    if longest < min_bake_us:
        return f"it was live for {longest / 1e6:.0f} s, and {min_bake_us / 1e6:.0f} s are asked for"
    return None


def check_hold(scope: str, hold: str | None, actor: Actor, *, releases: bool) -> None:
    """Whether somebody may change what is held.

    Raises:
        ChangeRefused: It is held, and the actor is no person, or did not say that the hold ends.
    """
    if hold is None:
        return
    if actor.kind is not Kind.PERSON:
        raise ChangeRefused(
            f"{scope} is held ({hold}): no automation changes it until a person releases the hold.",
            reason="ROUTE_HELD",
            resource=scope,
            hold=hold,
        )
    if not releases:
        raise ChangeRefused(
            f"{scope} is held ({hold}): say --release-hold if it may change again.",
            reason="ROUTE_HELD",
            resource=scope,
            hold=hold,
        )
