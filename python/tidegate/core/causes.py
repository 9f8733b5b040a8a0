"""What has likely happened to a feature that drifted, as the core names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CauseKind(StrEnum):
    """The few things that happen often."""

    MISSING_BURST = "missing_burst"
    NEW_CATEGORY = "new_category"
    STUCK_VALUE = "stuck_value"
    UNIT_CHANGE = "unit_change"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What has likely happened."""

    kind: CauseKind
    facts: Mapping[str, Any]
    """What it rests on, such as the factor of another unit."""
    sentence: str
    """For people."""


def read_cause(found: Mapping[str, Any] | None) -> Cause | None:
    """The cause that the core has named, if it has."""
    if found is None:
        return None
    facts = {name: fact for name, fact in found.items() if name != "kind"}
    kind = CauseKind(found["kind"])
    return Cause(kind=kind, facts=facts, sentence=_sentence(kind, facts))


def _sentence(kind: CauseKind, facts: Mapping[str, Any]) -> str:
    match kind:
        case CauseKind.MISSING_BURST:
            return f"{facts['current']:.2%} are missing, {facts['reference']:.2%} were".replace("%", " %")
        case CauseKind.NEW_CATEGORY:
            return f"{facts['share']:.2%} are of categories that the reference does not know".replace("%", " %")
        case CauseKind.STUCK_VALUE:
            return f"every value is {facts['value']:g}: is the source stuck?"
        case CauseKind.UNIT_CHANGE:
            more = (
                f" and {abs(facts['offset']):g} {'more' if facts['offset'] > 0 else 'less'}" if facts["offset"] else ""
            )
            return f"values are {facts['factor']:.6g} times what they were{more}: another unit?"
        case CauseKind.SWAPPED:
            return f"its values are like those of {facts['with']}, and the other way round: swapped columns?"
