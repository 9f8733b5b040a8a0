"""What is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What came of a monitor that was applied."""

    route: str
    revision: int
    document: Mapping[str, Any]
    content: Mapping[str, Any]
    has_changed: bool
    given_up: str = ""
    """What the gateway gives up because the monitor's memory is short, in a sentence."""
