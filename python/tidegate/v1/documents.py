"""Documents as protobuf carries them: JSON in a `google.protobuf.Struct`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tidegate.errors import InputRefused, Violation

MOST_WHOLE = (1 << 53) - 1
"""Largest whole number that no reader rounds."""


def document_of(struct: Any) -> dict[str, Any]:
    """A struct as JSON, in the order of its keys; numbers without a fraction are whole, as they were written.

    Raises:
        InputRefused: A number is none of JSON.
    """
    # A map has no order on its way: sorted, the same document is the same each time.
    return {key: value_of(value, key) for key, value in sorted(struct.fields.items())}


def value_of(value: Any, path: str = "") -> Any:
    """A `google.protobuf.Value` as JSON.

    Raises:
        InputRefused: A number is none of JSON.
    """
    match value.WhichOneof("kind"):
        case "number_value":
            return _number(value.number_value, path)
        case "struct_value":
            fields = sorted(value.struct_value.fields.items())
            return {key: value_of(item, f"{path}.{key}") for key, item in fields}
        case "list_value":
            return [value_of(item, f"{path}[{at}]") for at, item in enumerate(value.list_value.values)]
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def fill_struct(struct: Any, document: Mapping[str, Any]) -> None:
    """Writes JSON into a struct.

    Raises:
        InputRefused: A value is none of JSON, or a whole number that readers would round; every place is named.
    """
    violations: list[Violation] = []
    _check(document, "", violations)
    if violations:
        sentences = "; ".join(f"{path}: {reason}" for path, reason in violations)
        raise InputRefused(f"This is no JSON: {sentences}.", reason="DOCUMENT_NO_JSON", violations=tuple(violations))
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


def _number(number: float, path: str) -> int | float:
    if not math.isfinite(number):
        raise InputRefused(
            f"{path} is {number}, which is no number of JSON.",
            reason="DOCUMENT_NO_JSON",
            violations=(Violation(path, f"must be finite, got {number}"),),
        )
    return int(number) if number.is_integer() and abs(number) <= MOST_WHOLE else number


def _check(value: Any, path: str, violations: list[Violation]) -> None:
    match value:
        case None | bool() | str():
            return
        case int():
            if abs(value) > MOST_WHOLE:
                violations.append(Violation(path, f"{value} is beyond 2⁵³ - 1: write it as text"))
        case float():
            if not math.isfinite(value):
                violations.append(Violation(path, f"must be finite, got {value}"))
        case Mapping():
            for key, item in value.items():
                below = f"{path}.{key}" if path else str(key)
                if not isinstance(key, str):
                    violations.append(Violation(below, f"a key must be text, got {type(key).__name__}"))
                _check(item, below, violations)
        case list() | tuple():
            for at, item in enumerate(value):
                _check(item, f"{path}[{at}]", violations)
        case _:
            violations.append(Violation(path, f"{type(value).__name__} is no value of JSON"))
