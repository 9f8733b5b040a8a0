# ruff: noqa: N818  # the names say what happened; that they are errors is their package and their root
"""Why a document is refused."""

from __future__ import annotations

from typing import NamedTuple

from tidegate.errors.root import TidegateError


class DocumentViolation(NamedTuple):
    """One place of a document, a gateway's or a profile, that breaks a rule."""

    path: str
    """Where, such as `routes.flight-delay.split["flight-delay/2"]`; empty for the whole."""

    reason: str
    """What was expected and what came."""

    line: int | None = None
    """The line in the file, counted from 1; none when the file could not be read that far."""


class DocumentRefused(TidegateError):
    """A document, a gateway's or a profile, breaks rules; `violations` are all of them, and the text is one line for each."""

    def __init__(self, source: str, violations: tuple[DocumentViolation, ...]) -> None:
        super().__init__(source, violations)
        self.source = source
        self.violations = violations

    def __str__(self) -> str:
        """One line a violation, such as `gateway.yaml:12: routes.x.split: the weights add up to 0`."""
        return "\n".join(self._sentence(violation) for violation in self.violations)

    def _sentence(self, violation: DocumentViolation) -> str:
        place = self.source if violation.line is None else f"{self.source}:{violation.line}"
        return ": ".join(part for part in (place, violation.path, violation.reason) if part)
