"""Between the values of core and those of protobuf: times, findings."""

from collections.abc import Iterable
from typing import Any

from tidegate.errors import InputRefused, Violation


def micros_of(timestamp: Any, field: str) -> int:
    """A `google.protobuf.Timestamp` as microseconds since 1970.

    Raises:
        InputRefused: It is none of the years 1 to 9999.
    """
    try:
        return int(timestamp.ToMicroseconds())
    except ValueError as error:
        raise InputRefused(
            f"{field} is no time: {error}.", reason="REQUEST_REFUSED", violations=(Violation(field, str(error)),)
        ) from None


def fill_findings(findings: Any, violations: Iterable[Violation]) -> None:
    """Writes violations into a repeated `Finding`."""
    for path, reason in violations:
        findings.add(path=path, description=reason)
