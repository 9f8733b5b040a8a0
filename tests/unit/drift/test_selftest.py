"""The machine on a profile: its false alarms are as rare as it says, and it finds what is there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.drift import Settings
from tidegate.drift.sampling import Population, bins_of, draw_reference, psi_of
from tidegate.drift.selftest import selftest


def population(counts, wander=0.0):
    shares = np.array(counts) / sum(counts)
    return Population(feature=None, shares=shares, missing=0.0, wander=wander)


@given(st.lists(st.integers(1, 1_000), min_size=2, max_size=41), st.floats(0.001, 1.0))
def test_a_tilt_has_the_psi_that_was_asked_for(counts, psi):
    still = population(counts)
    moved = still.tilted(psi)
    assert moved.shares.sum() == pytest.approx(1)
    assert psi_of(still.shares, moved.shares) == pytest.approx(psi, rel=1e-6)


def test_shares_wander_by_the_variance_that_was_asked_for():
    wandering = population([1, 1, 2], wander=0.01)
    rng = np.random.default_rng(1)
    shares = np.array([wandering.draw(1_000_000, rng) / 1_000_000 for _ in range(4_000)])
    np.testing.assert_allclose(shares.var(axis=0), 0.01 * wandering.shares * (1 - wandering.shares), rtol=0.1)


def test_a_reference_that_is_drawn_anew_has_the_rows_and_chunks_of_the_old(profile):
    populations = [Population.of(feature, 4_000, 0.0) for feature in profile.features]
    drawn = draw_reference(profile, populations, np.random.default_rng(1))
    for old, new in zip(profile.features, drawn.features, strict=True):
        assert sum(bins_of(new.reference)) == sum(bins_of(old.reference))
        sizes = [[sum(chunk) for chunk in feature.reference["chunks"]] for feature in (old, new)]
        assert sizes[0] == sizes[1]
    assert drawn.features[0].reference["counts"] != profile.features[0].reference["counts"]


def test_false_alarms_are_as_rare_as_asked_and_drift_is_found(profile):
    (small, large) = selftest(profile, rows=(50, 10_000), references=20, current=10)
    assert small.judged < 1 <= large.judged
    assert large.samples == 200
    assert large.false_lists <= 0.05
    assert large.false_alarms <= 0.09
    assert large.at_tolerated <= 0.09
    assert large.found[0.1] > small.found[0.1]
    assert large.found[0.2] == 1.0


def test_the_same_profile_gives_the_same_numbers(profile):
    once, again = (selftest(profile, rows=(300,), references=2, current=3) for _ in range(2))
    assert once == again


def test_with_nothing_tolerated_there_is_no_test_at_the_tolerated(profile):
    (trial,) = selftest(profile, rows=(5_000,), references=2, current=3, settings=Settings(tolerate_psi=0))
    assert trial.at_tolerated is None
    assert set(trial.found) == {0.1, 0.2}
