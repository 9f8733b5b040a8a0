"""The rules that the protos state, checked on every message that comes in."""

from typing import Any

import protovalidate

from tidegate.errors import InputRefused, Violation

_VALIDATOR = protovalidate.Validator()


def read(kind: type[Any], raw: bytes) -> Any:
    """The message that some bytes are, if it breaks no rule.

    Raises:
        InputRefused: They are none, or it does; every place is named.
    """
    message = kind()
    try:
        message.ParseFromString(raw)
    except Exception as error:  # protobuf's own class differs between its implementations
        if type(error).__name__ != "DecodeError":
            raise
        raise InputRefused(
            f"These bytes are no {kind.DESCRIPTOR.name}: is the client of another release?", reason="MESSAGE_MALFORMED"
        ) from None
    found = _VALIDATOR.collect_violations(message)
    if found:
        violations = tuple(Violation(_path(violation.proto.field), violation.proto.message) for violation in found)
        sentences = "; ".join(f"{path}: {reason}" if path else reason for path, reason in violations)
        raise InputRefused(f"The request is refused: {sentences}.", reason="REQUEST_REFUSED", violations=violations)
    return message


def _path(field: Any) -> str:
    """Such as `files[3].digest`."""
    if field is None:
        return ""
    path = ""
    for element in field.elements:
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path
