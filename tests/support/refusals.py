"""What a caller who is refused can read: code, sentence, reason, fields and the pause before another try."""

import base64
from dataclasses import dataclass
from typing import Any

import grpc

from tidegate.inference import error_details_pb2, status_pb2

from .http2 import Answer

CODES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused call, from the status and from its details."""

    code: str
    message: str
    reason: str
    domain: str
    fields: dict[str, str]
    retry_after_s: float | None
    metadata: dict[str, str]
    trailers: dict[str, Any]


def of_error(error: grpc.RpcError) -> Refusal:
    """What a stock client was told."""
    trailers = dict(error.trailing_metadata())
    return _refusal(error.code().name, error.details(), trailers["grpc-status-details-bin"], trailers)


def of_answer(answer: Answer) -> Refusal:
    """The same from the bare frames, as the specification of gRPC says to read them."""
    trailers = answer.headers
    assert trailers[":status"] == "200", f"gRPC refuses by trailers, not by the status of HTTP: {trailers}"
    coded = trailers["grpc-status-details-bin"]
    details = base64.b64decode(coded + "=" * (-len(coded) % 4))
    return _refusal(CODES[int(trailers["grpc-status"])], _unescaped(trailers["grpc-message"]), details, trailers)


def _refusal(code: str, message: str, details: bytes, trailers: dict[str, Any]) -> Refusal:
    status = status_pb2.Status.FromString(details)
    assert (CODES[status.code], status.message) == (code, message), "the details repeat the status"
    found = {detail.type_url.removeprefix("type.googleapis.com/google.rpc."): detail.value for detail in status.details}
    info = error_details_pb2.ErrorInfo.FromString(found.pop("ErrorInfo"))
    violations = error_details_pb2.BadRequest.FromString(found.pop("BadRequest", b"")).field_violations
    pause = found.pop("RetryInfo", None)
    assert not found, "details that nobody documented"
    retry = None if pause is None else error_details_pb2.RetryInfo.FromString(pause).retry_delay
    return Refusal(
        code=code,
        message=message,
        reason=info.reason,
        domain=info.domain,
        fields={violation.field: violation.description for violation in violations},
        retry_after_s=None if retry is None else retry.seconds + retry.nanos / 1e9,
        metadata=dict(info.metadata),
        trailers=trailers,
    )


def _unescaped(text: str) -> str:
    raw, at = b"", 0
    while at < len(text):
        if text[at] == "%":
            raw, at = raw + bytes.fromhex(text[at + 1 : at + 3]), at + 3
        else:
            raw, at = raw + text[at].encode(), at + 1
    return raw.decode()
