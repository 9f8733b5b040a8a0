"""What grpc says of a failed call, as one of our errors with all its details."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError

from tidegate.errors import (
    Aborted,
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidRequest,
    ModelFailed,
    NotFound,
    Overloaded,
    PermissionDenied,
    RequestError,
    TooLarge,
    Unavailable,
    Unimplemented,
    Violation,
)
from tidegate.inference.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from tidegate.inference.status_pb2 import Status

DETAILS_TRAILER = "grpc-status-details-bin"
PREDICTION_ID = "x-tidegate-prediction-id"

_KINDS: Mapping[str, type[RequestError]] = {
    "CANCELLED": Cancelled,
    "INVALID_ARGUMENT": InvalidRequest,
    "OUT_OF_RANGE": InvalidRequest,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "NOT_FOUND": NotFound,
    "PERMISSION_DENIED": PermissionDenied,
    "UNAUTHENTICATED": PermissionDenied,
    "RESOURCE_EXHAUSTED": Overloaded,
    "FAILED_PRECONDITION": FailedPrecondition,
    "ABORTED": Aborted,
    "UNIMPLEMENTED": Unimplemented,
    "UNAVAILABLE": Unavailable,
}
# Reasons that say more than their code.
_KINDS_BY_REASON: Mapping[str, type[RequestError]] = {
    "MESSAGE_TOO_LARGE": TooLarge,
    "ANSWER_TOO_LARGE": TooLarge,
    "MODEL_FAILED": ModelFailed,
}
# Violations that the message itself spells out; all of them are in `violations`.
_SPELT_OUT = 3
# How an error of one message in a stream begins, where there is no status to carry code and reason.
_STREAMED = re.compile(r"(?P<code>[A-Z_]+) \((?P<reason>[A-Z_]+)\): (?P<message>.*)", re.DOTALL)


def from_rpc_error(error: grpc.RpcError) -> RequestError:
    """The error of a call that ended with a status other than OK."""
    call = cast("grpc.Call", error)
    trailers = dict(call.trailing_metadata() or ())
    return _build(
        code=call.code().name,
        message=call.details() or "",
        status=_parsed(Status, cast("bytes", trailers.get(DETAILS_TRAILER, b""))) or Status(),
        prediction_id=str(trailers.get(PREDICTION_ID, "")),
    )


def from_streamed_text(text: str, prediction_id: str) -> RequestError:
    """The error of one message of a stream; without a code at its head it is `UNKNOWN`."""
    if parts := _STREAMED.fullmatch(text):
        code, reason, message = parts["code"], parts["reason"], parts["message"]
    else:
        code, reason, message = "UNKNOWN", "", text
    kind = _kind(code, reason)
    return kind(message, code=code, reason=reason, prediction_id=prediction_id)


def from_violations(violations: list[Violation]) -> RequestError:
    """The error of a request that cannot be sent as the caller gave it."""
    spelt = "; ".join(f"{path}: {reason}" for path, reason in violations[:_SPELT_OUT])
    more = f"; and {len(violations) - _SPELT_OUT} more" if len(violations) > _SPELT_OUT else ""
    return InvalidRequest(
        f"The request cannot be sent: {spelt}{more}.",
        code="INVALID_ARGUMENT",
        reason="UNFIT_INPUT",
        violations=tuple(violations),
    )


def from_passed_deadline() -> RequestError:
    """The error of a call whose time was over before it was sent."""
    return DeadlineExceeded(
        "The time of the call was over before it was sent.", code="DEADLINE_EXCEEDED", reason="NOT_SENT"
    )


def from_closed_channel() -> RequestError:
    """The error of a call on a client that was closed."""
    return Cancelled("The client is closed.", code="CANCELLED", reason="CLIENT_CLOSED")


def from_ended_stream() -> RequestError:
    """The error of a request for a stream that takes no more."""
    return Cancelled("The stream has ended; open another.", code="CANCELLED", reason="STREAM_ENDED")


def from_unread_answers(count: int) -> RequestError:
    """The error of a request for which a stream had no room in time."""
    return DeadlineExceeded(
        f"{count} answers of this stream wait to be read; read some before sending more.",
        code="DEADLINE_EXCEEDED",
        reason="ANSWERS_UNREAD",
    )


def from_unreadable_answer() -> RequestError:
    """The error of an answer that is no message of the protocol."""
    return Internal("The server's answer is not of the protocol.", code="INTERNAL", reason="MALFORMED_ANSWER")


def text_metadata(pairs: Iterable[Any] | None) -> dict[str, str]:
    """The textual part of a call's metadata."""
    return {key: value for key, value in pairs or () if isinstance(value, str)}


def _build(*, code: str, message: str, status: Status, prediction_id: str) -> RequestError:
    info, violations, retry_after_s = ErrorInfo(), list[Violation](), None
    for detail in status.details:
        match detail.type_url.rpartition("/")[2]:
            case "google.rpc.ErrorInfo":
                info = _parsed(ErrorInfo, detail.value) or info
            case "google.rpc.BadRequest":
                bad = _parsed(BadRequest, detail.value) or BadRequest()
                violations += [Violation(field.field, field.description) for field in bad.field_violations]
            case "google.rpc.RetryInfo":
                if advice := _parsed(RetryInfo, detail.value):
                    retry_after_s = advice.retry_delay.seconds + advice.retry_delay.nanos / 1e9
    return _kind(code, info.reason)(
        message,
        code=code,
        reason=info.reason,
        violations=tuple(violations),
        retry_after_s=retry_after_s,
        metadata=dict(info.metadata),
        prediction_id=prediction_id,
    )


def _kind(code: str, reason: str) -> type[RequestError]:
    return _KINDS_BY_REASON.get(reason) or _KINDS.get(code, Internal)


def _parsed(kind: type[Any], raw: bytes) -> Any:
    """The message, or None: details that cannot be read never hide the error they belong to."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        return None
