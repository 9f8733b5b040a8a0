# ruff: noqa: N818  # the names say what happened, as in tidegate.errors
"""What cannot be made, compared or checked: one class a reason, one sentence a person can act on."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.errors import TidegateError, Violation


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
    """A profile, or what should become one, is not about the tensors of this model."""

    def __init__(self, reasons: Sequence[str], *, profile: Sequence[str], model: Sequence[str]) -> None:
        """Keep the facts.

        Args:
            reasons: What does not fit, one sentence each.
            profile: The tensors or columns on the profile's side.
            model: The tensors of the model.
        """
        lists = (f"the profile has {_listed(profile)}", f"the model has {_listed(model)}")
        super().__init__("\n".join((*reasons, *lists)))
        self.reasons = tuple(reasons)
        self.profile = tuple(profile)
        self.model = tuple(model)


class ModelUnusable(DriftError):
    """A model cannot be read, or cannot be run on these rows."""


class NothingToCompare(DriftError):
    """Two tables, or a table and a profile, have nothing in common that could drift."""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
