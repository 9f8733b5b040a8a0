# ruff: noqa: N818  # the names say what happened; that they are errors is their package and their root
"""Why the registry did not do what it was asked."""

from tidegate.errors.root import TidegateError, Violation


class RegistryError(TidegateError):
    """The registry did not do what it was asked; the subclass says whose fault it is, `reason` what clients match."""

    def __init__(self, message: str, *, reason: str, violations: tuple[Violation, ...] = (), **metadata: str) -> None:
        """Keep the facts.

        Args:
            message: One sentence that says what to do.
            reason: The stable reason, such as `PLAN_STALE`.
            violations: Every place that breaks a rule.
            metadata: Every variable part of the message.
        """
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.violations = violations
        self.metadata = metadata


class InputRefused(RegistryError):
    """What came breaks a rule; sending it again cannot help."""


class NameRefused(InputRefused):
    """A text is no name, reference or digest."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="NAME_REFUSED")


class Missing(RegistryError):
    """There is no such thing in the registry."""


class AlreadyThere(RegistryError):
    """There is one of this name, and it is another."""


class ChangeConflict(RegistryError):
    """Somebody else was faster; look again, and decide again."""


class ChangeRefused(RegistryError):
    """The state of the registry does not allow this change."""


class Forbidden(RegistryError):
    """A known principal may not do this."""


class Unidentified(RegistryError):
    """Nobody is known by this token."""


class RegistryDamaged(RegistryError):
    """What is stored is not what was stored once; nothing is served of it."""


class RegistryUnavailable(RegistryError):
    """The registry cannot be reached or written to now; it is safe to try again."""
