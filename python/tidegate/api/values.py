"""Between the values of core and those of protobuf: documents, times, findings."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.errors import InputRefused, Violation

_MOST_WHOLE = (1 << 53) - 1
"""Largest whole number that a JSON reader does not round."""


def document_of(struct: Any) -> dict[str, Any]:
    """A `google.protobuf.Struct` as JSON; numbers without a fraction are whole, as they were written.

    Raises:
        InputRefused: A number is none of JSON.
    """
    return {key: _value(f"{key}", value) for key, value in struct.fields.items()}


def fill_struct(struct: Any, document: Mapping[str, Any]) -> None:
    """Writes JSON into a `google.protobuf.Struct`."""
    struct.update(document)


def fill_value(value: Any, content: Any) -> None:
    """Writes JSON into a `google.protobuf.Value`."""
    match content:
        case None:
            value.null_value = 0
        case bool():
            value.bool_value = content
        case int() | float():
            value.number_value = content
        case str():
            value.string_value = content
        case Mapping():
            value.struct_value.Clear()
            value.struct_value.update(content)
        case _:
            value.list_value.Clear()
            value.list_value.extend(content)


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


def _value(path: str, value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            return _number(path, value.number_value)
        case "struct_value":
            return {key: _value(f"{path}.{key}", item) for key, item in value.struct_value.fields.items()}
        case "list_value":
            return [_value(f"{path}[{at}]", item) for at, item in enumerate(value.list_value.values)]
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _number(path: str, number: float) -> int | float:
    if not math.isfinite(number):
        raise InputRefused(
            f"{path} is {number}, which is no number of JSON.",
            reason="REQUEST_REFUSED",
            violations=(Violation(path, f"must be finite, got {number}"),),
        )
    return int(number) if number.is_integer() and abs(number) <= _MOST_WHOLE else number
