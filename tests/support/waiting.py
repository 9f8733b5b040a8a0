"""Waiting for what must come: a condition is asked again until it holds or its time is up, and nothing sleeps blindly."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 20.0
_BETWEEN_S = 0.005


def until(condition: Callable[[], T], *, limit_s: float = LIMIT_S, what: str = "") -> T:
    """Asks `condition` until it says something true, and returns that; fails with `what` when it never does."""
    pause = threading.Event()
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what or condition}"
        pause.wait(_BETWEEN_S)
    return found
