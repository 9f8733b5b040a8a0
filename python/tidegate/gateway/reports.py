"""What became of a document that a gateway was given."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """What became of one part of a document."""

    CURRENT = "current"
    """It is served."""
    UNCHANGED = "unchanged"
    """It was served before."""
    REMOVED = "removed"
    """It is gone, as the document wants."""
    REFUSED = "refused"
    """It cannot be served; what was served before still is."""
    SUPERSEDED = "superseded"
    """A newer document came before it was ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of one part of a document."""

    subject: str
    """Such as `routes.flight-delay` or `versions["flight-delay/2"]`."""
    outcome: Outcome
    reason: str | None
    """Why it is not what the document says, or does not do all of what one may think."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of every part of a document."""

    epoch: int
    """What is served once everything is settled."""
    settlements: tuple[Settlement, ...]

    @property
    def is_in_force(self) -> bool:
        """Whether the gateway serves what the document says, all of it."""
        return all(settled.outcome not in (Outcome.REFUSED, Outcome.SUPERSEDED) for settled in self.settlements)

    @classmethod
    def read(cls, answer: Any) -> Self:
        """What a gateway says, as JSON has it.

        Raises:
            KeyError, TypeError, ValueError: It says something else.
        """
        settlements = (
            Settlement(subject=found["subject"], outcome=Outcome(found["outcome"]), reason=found["reason"])
            for found in answer["settlements"]
        )
        return cls(epoch=answer["epoch"], settlements=tuple(settlements))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a gateway is with the newest document."""

    epoch: int
    pending: Mapping[str, str]
    """Routes that wait for versions to load, with what they wait for."""
    refused: Mapping[str, str]
    """Routes that are not served as the document says, with the reasons; what they were before is served."""
    given_up: Mapping[str, str]
    """Of watched routes what their monitors give up for want of memory, in a sentence."""
