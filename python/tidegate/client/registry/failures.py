"""What grpc says of a failed call to a registry, as the error that the registry raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError

from tidegate.client.failures import DETAILS_TRAILER
from tidegate.errors import (
    AlreadyThere,
    ChangeConflict,
    ChangeRefused,
    Forbidden,
    InputRefused,
    Missing,
    NameRefused,
    RegistryDamaged,
    RegistryError,
    RegistryUnavailable,
    Unidentified,
    Violation,
)
from tidegate.inference.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from tidegate.inference.status_pb2 import Status

_KINDS: Mapping[str, type[RegistryError]] = {
    "INVALID_ARGUMENT": InputRefused,
    "OUT_OF_RANGE": InputRefused,
    "NOT_FOUND": Missing,
    "ALREADY_EXISTS": AlreadyThere,
    "ABORTED": ChangeConflict,
    "FAILED_PRECONDITION": ChangeRefused,
    "PERMISSION_DENIED": Forbidden,
    "UNAUTHENTICATED": Unidentified,
    "DATA_LOSS": RegistryDamaged,
    "UNAVAILABLE": RegistryUnavailable,
    "RESOURCE_EXHAUSTED": RegistryUnavailable,
    "DEADLINE_EXCEEDED": RegistryUnavailable,
    "CANCELLED": RegistryUnavailable,
}


def from_rpc_error(error: grpc.RpcError) -> tuple[RegistryError, str, float | None]:
    """The error of a call that ended with a status other than OK, its code, and the pause that was advised."""
    call = cast("grpc.Call", error)
    trailers = dict(call.trailing_metadata() or ())
    status = _parsed(Status, cast("bytes", trailers.get(DETAILS_TRAILER, b""))) or Status()
    code, message = call.code().name, call.details() or ""
    info, violations, retry_after_s = ErrorInfo(), list[Violation](), None
    for detail in status.details:
        match detail.type_url.rpartition("/")[2]:
            case "google.rpc.ErrorInfo":
                info = _parsed(ErrorInfo, detail.value) or info
            case "google.rpc.BadRequest":
                bad = _parsed(BadRequest, detail.value) or BadRequest()
                violations += [Violation(field.field, field.description) for field in bad.field_violations]
            case "google.rpc.PreconditionFailure":
                failure = _parsed(PreconditionFailure, detail.value) or PreconditionFailure()
                violations += [Violation(each.subject, each.description) for each in failure.violations]
            case "google.rpc.RetryInfo":
                if advice := _parsed(RetryInfo, detail.value):
                    retry_after_s = advice.retry_delay.seconds + advice.retry_delay.nanos / 1e9
    return _built(code, message, info, tuple(violations)), code, retry_after_s


def from_closed_channel() -> RegistryError:
    """The error of a call on a client that was closed."""
    return RegistryUnavailable("The client is closed.", reason="CLIENT_CLOSED")


def _built(code: str, message: str, info: ErrorInfo, violations: tuple[Violation, ...]) -> RegistryError:
    if info.reason == "NAME_REFUSED":
        return NameRefused(message)
    # Whatever is no registry of ours, such as a proxy, gives no reason.
    reason = info.reason or code
    metadata = {key: value for key, value in info.metadata.items() if key not in ("reason", "violations", "message")}
    return _KINDS.get(code, RegistryError)(message, reason=reason, violations=violations, **metadata)


def _parsed(kind: type[Any], raw: bytes) -> Any:
    """The message, or None: details that cannot be read never hide the error they belong to."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        return None
