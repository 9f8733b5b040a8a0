# ruff: noqa: N818  # the names say what happened; that they are errors is their package and their root
"""Why a request got no answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tidegate.errors.root import TidegateError, Violation


class RequestError(TidegateError):
    """A request got no answer; the subclass says whose fault it is and what to do."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        reason: str = "",
        violations: tuple[Violation, ...] = (),
        retry_after_s: float | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
        prediction_id: str = "",
    ) -> None:
        """Keep the facts.

        Args:
            message: One sentence for a person.
            code: The name of the gRPC code, such as `INVALID_ARGUMENT`.
            reason: The stable reason, such as `WRONG_DATATYPE`; empty from a server that names none.
            violations: Every field that breaks a rule.
            retry_after_s: The least pause before another try, when the server advised one.
            metadata: What the server added to the reason, such as the model and the version.
            prediction_id: The id under which the gateway knows the request; empty when it gave none.
        """
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.violations = violations
        self.retry_after_s = retry_after_s
        self.metadata = dict(metadata)
        self.prediction_id = prediction_id

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross to another process with all its facts."""
        facts = {name: value for name, value in vars(self).items() if name != "message"}
        return _rebuild_request_error, (type(self), self.message, facts)


def _rebuild_request_error(kind: type[RequestError], message: str, facts: dict[str, object]) -> RequestError:
    return kind(message, **facts)  # type: ignore[arg-type]  # exactly what __reduce__ took out of one


class InvalidRequest(RequestError):
    """The request breaks a rule of the protocol or of the model; sending it again cannot help."""


class NotFound(RequestError):
    """There is no such route, model or version."""


class Unavailable(RequestError):
    """The request was not begun (not reachable, not loaded, draining); it is safe to send it again."""


class Overloaded(RequestError):
    """The gateway sheds load; try again after `retry_after_s`."""


class TooLarge(RequestError):
    """The request or its answer is larger than the gateway allows; send fewer rows."""


class DeadlineExceeded(RequestError):
    """The time of the request was over before its answer was there."""


class Cancelled(RequestError):
    """The caller gave the request up."""


class Aborted(RequestError):
    """The request was begun and could not be finished, as when the gateway stopped."""


class PermissionDenied(RequestError):
    """The caller may not do this, or did not say who it is."""


class FailedPrecondition(RequestError):
    """The gateway is not in a state in which it can do this."""


class Unimplemented(RequestError):
    """The server does not know this method or this form of request."""


class ModelFailed(RequestError):
    """The model itself failed on this request."""


class Internal(RequestError):
    """The server or something on the way to it broke; the fault is not in the request."""
