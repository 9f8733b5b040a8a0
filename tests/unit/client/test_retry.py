"""No retry without a budget, without time, or where it cannot help."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidegate.client.retry import RetryBudget, RetryPolicy, is_retryable, pause_s

POLICY = RetryPolicy()


@given(st.lists(st.sampled_from(["call", "retry"]), max_size=500))
def test_retries_never_exceed_a_fifth_of_the_calls_beyond_the_floor(events):
    budget, calls, retries = RetryBudget.full_to_the_floor(POLICY), 0, 0
    for event in events:
        if event == "call":
            budget, calls = budget.after_call(), calls + 1
        elif (paid := budget.after_retry()) is not None:
            budget, retries = paid, retries + 1
        assert retries <= POLICY.budget_floor + 0.2 * calls + 1e-6
        assert 0 <= budget.tokens <= POLICY.budget_ceiling


def test_the_first_calls_of_a_process_may_retry():
    budget = RetryBudget.full_to_the_floor(POLICY)
    for _ in range(3):
        budget = budget.after_retry()
        assert budget is not None
    assert budget.after_retry() is None


def test_five_calls_earn_one_retry():
    budget = RetryBudget(policy=POLICY, tokens=0.0)
    for _ in range(4):
        budget = budget.after_call()
        assert budget.after_retry() is None
    assert budget.after_call().after_retry() is not None


@given(
    tries=st.integers(1, 10),
    advice=st.none() | st.floats(0, 60),
    remaining=st.floats(-1, 100) | st.just(math.inf),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_a_pause_keeps_advice_deadline_and_number_of_tries(tries, advice, remaining, dice):
    pause = pause_s(POLICY, tries=tries, retry_after_s=advice, remaining_s=remaining, dice=dice)
    if pause is None:
        longest = (advice or 0) + POLICY.longest_pause_s
        assert tries >= POLICY.attempts or remaining <= longest
    else:
        assert tries < POLICY.attempts
        assert (advice or 0) < pause < remaining
        assert pause <= (advice or 0) + POLICY.longest_pause_s


def test_pauses_double_and_dice_spread_them_over_their_upper_half():
    pauses = [
        [pause_s(POLICY, tries=tries, retry_after_s=None, remaining_s=math.inf, dice=dice) for dice in (0.0, 0.5)]
        for tries in (1, 2, 3)
    ]
    np.testing.assert_allclose(pauses, [[0.025, 0.0375], [0.05, 0.075], [0.1, 0.15]])


def test_exhaustion_is_retried_only_with_advice_and_bad_requests_never():
    assert is_retryable("UNAVAILABLE", retry_after_s=None)
    assert is_retryable("RESOURCE_EXHAUSTED", retry_after_s=0.0)
    assert not is_retryable("RESOURCE_EXHAUSTED", retry_after_s=None)
    for code in ("INVALID_ARGUMENT", "NOT_FOUND", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED", "CANCELLED"):
        assert not is_retryable(code, retry_after_s=1.0)
