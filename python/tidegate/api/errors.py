"""The one file that knows the codes of gRPC: errors of the registry as `google.rpc.Status`, with their details."""

import logging
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
from grpc import StatusCode
from grpc_status import rpc_status

from tidegate.errors import (
    AlreadyThere,
    ChangeConflict,
    ChangeRefused,
    Forbidden,
    InputRefused,
    Missing,
    RegistryDamaged,
    RegistryError,
    RegistryUnavailable,
    Unidentified,
    Violation,
)
from tidegate.inference import error_details_pb2
from tidegate.inference.status_pb2 import Status

DOMAIN = "tidegate.dev"
MOST_MESSAGE_BYTES = 800
MOST_DETAIL_BYTES = 2_000
"""Stock clients take 8 KiB of trailers: the message as text, thrice as long where it is not ASCII, and all of it again in
base64."""
_MOST_FIELD_BYTES = 200
RETRY_AFTER_MS = 200
"""What a caller that should try again is told to wait."""

_CUT = "…"

_LOG = logging.getLogger("tidegate.api")

CODES: Mapping[type[RegistryError], StatusCode] = {
    InputRefused: StatusCode.INVALID_ARGUMENT,
    Missing: StatusCode.NOT_FOUND,
    AlreadyThere: StatusCode.ALREADY_EXISTS,
    ChangeConflict: StatusCode.ABORTED,
    ChangeRefused: StatusCode.FAILED_PRECONDITION,
    Forbidden: StatusCode.PERMISSION_DENIED,
    Unidentified: StatusCode.UNAUTHENTICATED,
    RegistryDamaged: StatusCode.DATA_LOSS,
    RegistryUnavailable: StatusCode.UNAVAILABLE,
}

# Under which key of the metadata an error names what it is about, with the type of that.
_SUBJECTS: Mapping[str, str] = {
    "resource": "",
    "version": "tidegate.dev/Version",
    "model": "tidegate.dev/Model",
    "alias": "tidegate.dev/Alias",
    "route": "tidegate.dev/Route",
    "monitor": "tidegate.dev/Monitor",
    "plan": "tidegate.dev/Plan",
    "principal": "tidegate.dev/Principal",
    "digest": "tidegate.dev/Blob",
    "entry": "tidegate.dev/Entry",
}


def status_of(error: RegistryError) -> Status:
    """An error as a status: one `ErrorInfo`, then what fits the code."""
    code = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    metadata = {key: _short(value) for key, value in error.metadata.items()}
    details: list[Any] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)]
    details += _details(error, code)
    return _status(code, error.message, details)


def unexpected(error: BaseException, method: str) -> Status:
    """An exception that nobody meant: its text goes into the log, its id to the caller."""
    error_id = secrets.token_hex(6)
    _LOG.error("%s failed unexpectedly (error %s)", method, error_id, exc_info=error)
    info = error_details_pb2.ErrorInfo(reason="UNEXPECTED", domain=DOMAIN, metadata={"error_id": error_id})
    message = f"The registry failed unexpectedly: its log says more under {error_id}."
    return _status(StatusCode.INTERNAL, message, [info])


def end(context: grpc.ServicerContext, status: Status) -> None:
    """Ends a call with a status; it never returns."""
    context.abort_with_status(rpc_status.to_status(status))


def _details(error: RegistryError, code: StatusCode) -> Iterator[Any]:
    violations = list(_bounded(error.violations))
    if code == StatusCode.INVALID_ARGUMENT and violations:
        bad = error_details_pb2.BadRequest()
        for path, reason in violations:
            bad.field_violations.add(field=path, description=reason)
        yield bad
    if code == StatusCode.FAILED_PRECONDITION:
        failure = error_details_pb2.PreconditionFailure()
        for path, reason in violations or [Violation(_subject(error)[1], _short(error.message))]:
            failure.violations.add(type=error.reason, subject=path, description=reason)
        yield failure
    if code in (StatusCode.NOT_FOUND, StatusCode.ALREADY_EXISTS, StatusCode.ABORTED, StatusCode.PERMISSION_DENIED):
        kind, name = _subject(error)
        if name:
            yield error_details_pb2.ResourceInfo(resource_type=kind, resource_name=name)
    if code == StatusCode.UNAVAILABLE:
        advice = error_details_pb2.RetryInfo()
        advice.retry_delay.nanos = RETRY_AFTER_MS * 1_000_000
        yield advice


def _bounded(violations: tuple[Violation, ...]) -> Iterator[Violation]:
    """As many violations as fit into a trailer; then how many more there are."""
    left = MOST_DETAIL_BYTES
    for at, (path, reason) in enumerate(violations):
        said = Violation(_short(path), _short(reason))
        left -= len(said.path.encode()) + len(said.reason.encode()) + 8
        if left < 0:
            yield Violation("", f"and {len(violations) - at:,} more")
            return
        yield said


def _subject(error: RegistryError) -> tuple[str, str]:
    for key, kind in _SUBJECTS.items():
        if key in error.metadata:
            return kind, _short(error.metadata[key])
    return "", ""


def _status(code: StatusCode, message: str, details: list[Any]) -> Status:
    status = Status(code=code.value[0], message=_short(message, MOST_MESSAGE_BYTES))
    for detail in details:
        name = detail.DESCRIPTOR.full_name
        status.details.add(type_url=f"type.googleapis.com/{name}", value=detail.SerializeToString())
    return status


def _short(text: str, most_bytes: int = _MOST_FIELD_BYTES) -> str:
    written = text.encode()
    if len(written) <= most_bytes:
        return text
    return written[: most_bytes - len(_CUT.encode())].decode(errors="ignore") + _CUT
