"""The root of all errors, and one place that breaks a rule."""

from typing import NamedTuple


class TidegateError(Exception):
    """The root of all errors that Tidegate raises on purpose."""


class Violation(NamedTuple):
    """One place of a request or a document that breaks a rule."""

    path: str
    """Where, such as `inputs.dep_hour[3]`; empty for the whole."""

    reason: str
    """What was expected and what came."""
