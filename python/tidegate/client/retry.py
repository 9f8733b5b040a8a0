"""Whether a failed call is tried again, and after which pause: pure decisions, no clock and no dice of their own.

Two bounds keep retries from turning a small trouble into a large one: no retry begins that the deadline cannot pay for,
and retries are paid from a budget that every first try fills by a fifth of a token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Codes under which the request was not begun or was turned away unread.
UNAVAILABLE = "UNAVAILABLE"
RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The limits of trying again."""

    attempts: int = 5
    """Tries in all, the first among them."""

    first_pause_s: float = 0.05
    longest_pause_s: float = 2.0
    growth: float = 2.0

    budget_per_call: float = 0.2
    """What a first try pays in: retries are at most this share of all calls, beyond the floor."""

    budget_floor: float = 3.0
    """What is there at the start, so that the first calls of a process may retry too."""

    budget_ceiling: float = 20.0
    """What can be saved up, so that a long quiet time does not pay for a storm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudget:
    """A bucket of tokens; one retry costs one."""

    policy: RetryPolicy
    tokens: float

    @classmethod
    def full_to_the_floor(cls, policy: RetryPolicy) -> RetryBudget:
        """The budget of a client that has sent nothing yet."""
        return cls(policy=policy, tokens=policy.budget_floor)

    def after_call(self) -> RetryBudget:
        """The budget once a first try has paid in."""
        return replace(self, tokens=min(self.tokens + self.policy.budget_per_call, self.policy.budget_ceiling))

    def after_retry(self) -> RetryBudget | None:
        """The budget once a retry is paid; None when it cannot be."""
        # The allowance is for fifths that do not add up to one in binary.
        return replace(self, tokens=max(self.tokens - 1, 0.0)) if self.tokens >= 1 - 1e-9 else None


def next_try(
    budget: RetryBudget, *, code: str, tries: int, retry_after_s: float | None, remaining_s: float, dice: float
) -> tuple[float, RetryBudget] | None:
    """The pause before a failed call is tried again and the budget that has paid for it; None where it stays failed."""
    if not is_retryable(code, retry_after_s=retry_after_s):
        return None
    pause = pause_s(budget.policy, tries=tries, retry_after_s=retry_after_s, remaining_s=remaining_s, dice=dice)
    paid = budget.after_retry() if pause is not None else None
    return (pause, paid) if pause is not None and paid is not None else None


def is_retryable(code: str, *, retry_after_s: float | None) -> bool:
    """Whether sending the same request again is safe and could help.

    RESOURCE_EXHAUSTED without advice is not retried: it may be a message that will always be too large.
    """
    return code == UNAVAILABLE or (code == RESOURCE_EXHAUSTED and retry_after_s is not None)


def pause_s(
    policy: RetryPolicy, *, tries: int, retry_after_s: float | None, remaining_s: float, dice: float
) -> float | None:
    """How long to wait before the next try, or None when there is to be none.

    Args:
        policy: The limits.
        tries: How often the call was tried, at least once.
        retry_after_s: The server's advice: the least pause.
        remaining_s: The time until the deadline; infinite when there is none.
        dice: A number in [0, 1): spreads callers that failed together over half of the pause.
    """
    if tries >= policy.attempts:
        return None
    backoff = min(policy.first_pause_s * policy.growth ** (tries - 1), policy.longest_pause_s)
    pause = (retry_after_s or 0.0) + backoff * (1 + dice) / 2
    return pause if pause < remaining_s else None
