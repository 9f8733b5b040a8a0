"""The state of a version: what may still be done with it. Where it serves is another thing, and follows from routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tidegate.core.names import VersionName
from tidegate.errors import ChangeRefused, Violation


class State(Enum):
    """What may still be done with a version."""

    REGISTERED = "registered"
    """Routes may name it."""
    RETIRED = "retired"
    """Nobody needs it any more; routes may not name it, and its bytes may go."""
    QUARANTINED = "quarantined"
    """It must not answer: it was taken out of every route, and no route may name it."""


_NEXT = {
    State.REGISTERED: {State.RETIRED, State.QUARANTINED},
    State.RETIRED: {State.REGISTERED, State.QUARANTINED},
    State.QUARANTINED: {State.REGISTERED, State.RETIRED},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a version when its state is to change."""

    version: VersionName
    state: State
    served_by: Sequence[str]
    """Routes whose head needs it loaded, by name."""
    rolled_back_to_by: Sequence[str] = ()
    """Routes that would roll back to it."""


def check_move(standing: Standing, to: State) -> None:
    """Whether a version may get another state.

    Raises:
        ChangeRefused: It may not; everything in the way is named.
    """
    version = standing.version.short
    if to not in _NEXT[standing.state]:
        raise ChangeRefused(
            f"{version} is {standing.state.value}; from there it becomes "
            f"{' or '.join(sorted(state.value for state in _NEXT[standing.state]))}.",
            reason="STATE_UNREACHABLE",
            version=str(standing.version),
            state=standing.state.value,
        )
    # A quarantine takes it out of routes by itself.
    if to is State.RETIRED:
        in_the_way = [Violation(route, "answers with it, or copies to it") for route in standing.served_by]
        in_the_way += [Violation(route, "would be rolled back to it") for route in standing.rolled_back_to_by]
        if in_the_way:
            names = ", ".join(violation.path for violation in in_the_way)
            raise ChangeRefused(
                f"{version} cannot retire while routes need it ({names}): give them other versions first.",
                reason="VERSION_IN_USE",
                violations=tuple(in_the_way),
                version=str(standing.version),
            )


def check_servable(version: VersionName, state: State) -> str | None:
    """Why no route may name a version in this state; None if one may."""
    match state:
        case State.REGISTERED:
            return None
        case State.RETIRED:
            return f"{version.short} is retired: bring it back with `tidegate models restore {version.short}`"
        case State.QUARANTINED:
            return f"{version.short} is quarantined: no route may name it until it is released"
