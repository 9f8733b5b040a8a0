# ruff: noqa: N818  # the names say what happened; that they are errors is their module and their root
"""Everything that Tidegate raises on purpose: one class a reason, the facts as attributes, one sentence a person can use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class TidegateError(Exception):
    """The root of all errors that Tidegate raises on purpose."""


class Violation(NamedTuple):
    """One place of a request or a document that breaks a rule."""

    path: str
    """Where, such as `inputs.dep_hour[3]`; empty for the whole."""

    reason: str
    """What was expected and what came."""


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


class DocumentViolation(NamedTuple):
    """One place of a document, a gateway's or a profile, that breaks a rule."""

    path: str
    """Where, such as `routes.flight-delay.split["flight-delay/2"]`; empty for the whole."""

    reason: str
    """What was expected and what came."""

    line: int | None = None
    """The line in the file, counted from 1; none when the file could not be read that far."""


class DocumentRefused(TidegateError):
    """A document, a gateway's or a profile, breaks rules; `violations` are all of them, and the text is one line for each."""

    def __init__(self, source: str, violations: tuple[DocumentViolation, ...]) -> None:
        super().__init__(source, violations)
        self.source = source
        self.violations = violations

    def __str__(self) -> str:
        """One line a violation, such as `gateway.yaml:12: routes.x.split: the weights add up to 0`."""
        return "\n".join(self._sentence(violation) for violation in self.violations)

    def _sentence(self, violation: DocumentViolation) -> str:
        place = self.source if violation.line is None else f"{self.source}:{violation.line}"
        return ": ".join(part for part in (place, violation.path, violation.reason) if part)


class GatewayNotStarted(TidegateError):
    """A gateway or a model cannot be served."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        """Keep every reason, each one sentence."""
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class GatewayError(TidegateError):
    """A gateway that runs in another process did not do, or not say, what it was asked for."""


class GatewayNotRunning(GatewayError):
    """No gateway takes documents through this state folder."""

    def __init__(self, state_dir: str, reason: str) -> None:
        super().__init__(
            f"No gateway runs with state_dir {state_dir} ({reason}): start it with tidegate serve, "
            "or name the document that it was started with."
        )
        self.state_dir = state_dir
        self.reason = reason


class GatewayUnreachable(GatewayError):
    """No gateway answers at this HTTP address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"No gateway answers at {address} ({reason}): is it running, and is this its listen.http?")
        self.address = address
        self.reason = reason


class GatewayForbidden(GatewayError):
    """The gateway does not let this user change it."""

    def __init__(self, state_dir: str) -> None:
        super().__init__(
            f"The gateway with state_dir {state_dir} takes documents from its own user only: run this as that user."
        )
        self.state_dir = state_dir


class GatewayGone(GatewayError):
    """The gateway ends, or has just ended, and takes no documents any more."""

    def __init__(self) -> None:
        super().__init__("The gateway is ending, or has ended meanwhile: start it again with the new document.")


class NotSettled(GatewayError):
    """The gateway took the document and was not done with it in time; it goes on."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(
            f"The gateway has taken the document and is not done with it after {timeout_s:g} s; it goes on, "
            "and tidegate status shows how far it is."
        )
        self.timeout_s = timeout_s


class UnexpectedAnswer(GatewayError):
    """What answered is no gateway of this release."""

    def __init__(self, place: str, found: str) -> None:
        super().__init__(f"What answers at {place} is no Tidegate of this release: {found}.")
        self.place = place
        self.found = found


class NotServed(GatewayError):
    """The gateway has nothing of this name; the sentence is its own."""


class SnapshotUnreadable(TidegateError):
    """What should be a snapshot is none."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is no snapshot of a gateway ({reason}): its HTTP port has one under /snapshot.")
        self.reason = reason


class RouteUnknown(TidegateError):
    """A snapshot has no route of this name."""

    def __init__(self, name: str, *, near: tuple[str, ...], count: int) -> None:
        """Keep the facts.

        Args:
            name: The name that was asked for.
            near: Names of routes that look like it.
            count: How many routes there are.
        """
        meant = f"did you mean {' or '.join(near)}?" if near else f"it serves {count:,} others"
        super().__init__(f"The gateway serves no route {name!r}; {meant}")
        self.name = name
        self.near = near
        self.count = count
