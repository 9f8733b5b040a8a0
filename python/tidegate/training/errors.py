# ruff: noqa: N818  # the names say what happened; that they are errors is their package and their root
"""Why a training run is not taken as it is told."""

from __future__ import annotations

from tidegate.errors import TidegateError, Violation


class TrainingRefused(TidegateError):
    """What a training run was told cannot be kept; `violations` are all places, where there are some."""

    def __init__(self, message: str, violations: tuple[Violation, ...] = ()) -> None:
        super().__init__(message)
        self.violations = violations
