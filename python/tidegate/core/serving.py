"""How far gateways are with what a route is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tidegate.core.names import RouteName


class ServingState(Enum):
    """How far a gateway is with a route."""

    UNKNOWN = "unknown"
    """There is no gateway that could be asked."""
    SERVED = "served"
    PENDING = "pending"
    """Versions load; until they have, what the route was before is served."""
    REFUSED = "refused"
    """It cannot be served; what the route was before is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How far a gateway is with a route, and why it is no farther."""

    state: ServingState
    reason: str = ""
    given_up: str = ""
    """What the monitor of a served route gives up for want of memory, in a sentence."""


Follow: TypeAlias = Callable[[RouteName, int, float], Serving]
"""Says how far a route is with the change of a journal entry, after waiting for so many seconds at most."""


def follow_nobody(_name: RouteName, _seq: int, _timeout_s: float) -> Serving:
    """Without a gateway nobody knows."""
    return Serving(state=ServingState.UNKNOWN)
