"""What changed between two JSON values, as a patch (RFC 6902) that a person can read and a machine can apply."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from tidegate.core.canonical import canonical


class Operation(TypedDict, total=False):
    """One step of a patch."""

    op: str
    """`add`, `remove` or `replace`."""
    path: str
    """A JSON pointer (RFC 6901); empty for the whole."""
    value: Any


def diff(before: Any, after: Any) -> list[Operation]:
    """The patch that makes `after` of `before`: key by key in mappings, everything else as a whole.

    Lists are replaced as a whole: a change in the middle of one is not told apart from the moves of all that follow.
    """
    return _diff("", before, after)


def _diff(path: str, before: Any, after: Any) -> list[Operation]:
    if before is after:
        return []
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        # By their bytes where they may be equal in Python and not in JSON, as True and 1 are.
        is_plain = type(before) is type(after) and isinstance(before, str | int | None)
        is_same = before == after if is_plain else canonical(before) == canonical(after)
        return [] if is_same else [{"op": "replace", "path": path, "value": after}]
    operations: list[Operation] = []
    for key in sorted({*before, *after}):
        below = f"{path}/{_escape(key)}"
        if key not in after:
            operations.append({"op": "remove", "path": below})
        elif key not in before:
            operations.append({"op": "add", "path": below, "value": after[key]})
        else:
            operations += _diff(below, before[key], after[key])
    return operations


def apply(patch: Sequence[Operation], value: Any) -> Any:
    """The value with a patch of :func:`diff` applied; the value itself is left as it is.

    Raises:
        ValueError: The patch is for another value.
    """
    for operation in patch:
        value = _apply(operation, operation["path"].split("/")[1:], value)
    return value


def _apply(operation: Operation, path: list[str], value: Any) -> Any:
    if not path:
        return operation["value"]
    key = _unescape(path[0])
    is_new = operation["op"] == "add" and len(path) == 1
    if not isinstance(value, Mapping) or (key in value) is is_new:
        raise ValueError(f"{operation['op']} {operation['path']}: the value has another form")
    if operation["op"] == "remove" and len(path) == 1:
        return {name: kept for name, kept in value.items() if name != key}
    return {**value, key: _apply(operation, path[1:], value.get(key))}


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescape(key: str) -> str:
    return key.replace("~1", "/").replace("~0", "~")
