# ruff: noqa: N818  # the names say what happened, as in tidegate.errors
"""What cannot be made, compared or checked: one class a reason, one sentence a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidegate.errors import TidegateError, Violation

MOST_LISTED = 50


class DriftError(TidegateError):
    """The root of what goes wrong with tables, profiles and comparisons."""


class TableUnreadable(DriftError):
    """A table cannot be read, or is none."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source} cannot be read as a table: {reason}.")
        self.source = source
        self.reason = reason


class ColumnsUnusable(DriftError):
    """Columns of a table are missing, or hold what their tensor cannot; every one is named."""

    def __init__(self, source: str, violations: Sequence[Violation]) -> None:
        super().__init__("\n".join(f"{source}: {path}: {reason}." for path, reason in violations))
        self.source = source
        self.violations = tuple(violations)


class ProfileMisfit(DriftError):
    """A profile, a model or a table is not about the same things as another of them; both lists are shown."""

    def __init__(self, reasons: Sequence[str], **lists: Iterable[str]) -> None:
        """Keep the facts.

        Args:
            reasons: What does not fit, one sentence each.
            lists: What each side has, by the word for the side: `model`, `profile` or `table`.
        """
        self.reasons = tuple(reasons)
        self.lists = {side: tuple(names) for side, names in lists.items()}
        shown = (f"the {side} has {listed(names)}" for side, names in self.lists.items())
        super().__init__("\n".join(f"{line}." for line in (*reasons, *shown)))


class ModelUnusable(DriftError):
    """A model cannot be read, or cannot be run on these rows."""


class NothingToCompare(DriftError):
    """Two tables, or a table and a profile, have nothing in common that could drift."""


def listed(names: Iterable[str]) -> str:
    """Names as a sentence lists them; of very many, the first."""
    names = list(names)
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more or "nothing"
