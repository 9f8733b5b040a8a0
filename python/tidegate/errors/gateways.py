# ruff: noqa: N818  # the names say what happened; that they are errors is their package and their root
"""Why a gateway is not there, or did not do what it was asked for."""

from __future__ import annotations

from tidegate.errors.root import TidegateError


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
