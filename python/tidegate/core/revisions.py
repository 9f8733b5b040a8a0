"""The revisions of a route: what it may be rolled back to, and who may change it when it is held."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

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
class Revision:
    """What rollback looks at of a revision."""

    number: int
    change: str
    """Shared by all steps of one change."""
    versions: tuple[str, ...]
    """Everything that it needs loaded, by short name."""


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


def rollback_target(
    tenures: Sequence[Tenure],
    revisions: Mapping[int, Revision],
    *,
    now_us: int,
    min_bake_us: int,
    why_not: Callable[[Revision], str | None],
) -> Target:
    """The newest revision of an earlier change that has proven itself and can still be served.

    Proven: it was the head for `min_bake_us` without a break, and its time did not end in a rollback or a quarantine.

    Args:
        tenures: Every time of the route, oldest first; the last one goes on.
        revisions: Every revision that they name, by number.
        now_us: The time.
        min_bake_us: How long a revision must have been the head.
        why_not: Why a revision cannot be served now, such as a quarantined version; None if it can.

    Raises:
        ChangeRefused: There is none; the reasons are named revision by revision.
    """
    current = revisions[tenures[-1].revision].change
    ends = [*(tenure.begin_us for tenure in tenures[1:]), now_us]
    successors: list[Cause | None] = [*(tenure.cause for tenure in tenures[1:]), None]
    times: dict[int, list[tuple[int, Cause | None]]] = {}
    for tenure, end_us, successor in zip(tenures, ends, successors, strict=True):
        times.setdefault(tenure.revision, []).append((end_us - tenure.begin_us, successor))
    passed_over: list[Violation] = []
    for number in sorted(times, reverse=True):
        if revisions[number].change == current:
            continue
        reason = _doubt(times[number], min_bake_us) or why_not(revisions[number])
        if reason is None:
            return Target(revision=number, passed_over=tuple(passed_over))
        passed_over.append(Violation(f"revision {number}", reason))
    reasons = "; ".join(f"{path}: {reason}" for path, reason in passed_over) or "it was never changed"
    raise ChangeRefused(
        f"There is nothing to roll back to ({reasons}). Name one with --to.",
        reason="NO_ROLLBACK_TARGET",
        violations=tuple(passed_over),
    )


def _doubt(times: Sequence[tuple[int, Cause | None]], min_bake_us: int) -> str | None:
    _, end = times[-1]
    if end in AWAY:
        return f"its time ended in a {end.value}"
    longest = max(length for length, _ in times)
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
