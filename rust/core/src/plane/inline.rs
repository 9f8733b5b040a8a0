//! Whether a model may run on the thread that reads requests.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Nanos, SECOND};

/// How long a model stays away after its first exceeding.
pub const SHORTEST_COOL_DOWN: Nanos = SECOND;

/// The longest it ever stays away.
pub const LONGEST_COOL_DOWN: Nanos = 64 * SECOND;

/// Lets a model run on the reading thread while its runs keep within a budget.
///
/// Two runs in a row above the budget send it away; a run on the reading thread delays every connection of that
/// thread, so two are enough. It comes back after a cool-down that doubles from 1 s to 64 s, because on a shared
/// machine a preempted thread looks just like a slow model: measured by the wall alone nobody can tell, and a model
/// banished for good by two unlucky moments would stay slow for ever. One that keeps within the budget for as long as
/// it had been away starts over at 1 s; one that is really slow costs two long runs a minute in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InlineGate {
    budget: Nanos,
    /// Runs above the budget in a row.
    strikes: u32,
    /// The time from which on it may run inline.
    open_from: Nanos,
    /// How long it was away the last time; 0: never.
    cool_down: Nanos,
}

impl InlineGate {
    /// A gate for runs of at most so many nanoseconds; 0 keeps it shut.
    pub fn new(budget: Nanos) -> Self {
        Self { budget, strikes: 0, open_from: 0, cool_down: 0 }
    }

    /// Whether a run predicted to take so long may go inline now.
    pub fn allows(&self, predicted: Nanos, now: Nanos) -> bool {
        predicted <= self.budget && self.budget > 0 && self.open_from <= now
    }

    /// Whether the last inline run exceeded the budget. The caller may then measure the next one more dearly, on the
    /// thread's own processor clock, to tell a preemption from a slow model.
    pub fn is_suspicious(&self) -> bool {
        self.strikes > 0
    }

    /// An inline run took so long and ended now.
    pub fn observe(&mut self, actual: Nanos, now: Nanos) {
        if actual <= self.budget {
            self.strikes = 0;
            return;
        }
        self.strikes += 1;
        if self.strikes < 2 {
            return;
        }
        self.strikes = 0;
        let has_proved_itself = now.saturating_sub(self.open_from) > self.cool_down;
        self.cool_down = if self.cool_down == 0 || has_proved_itself {
            SHORTEST_COOL_DOWN
        } else {
            (self.cool_down * 2).min(LONGEST_COOL_DOWN)
        };
        self.open_from = now.saturating_add(self.cool_down);
    }
}

/// An [`InlineGate`] that several reading threads share without a lock.
///
/// Asking is two loads; a run within the budget changes nothing. Runs that end at the same moment on two threads may
/// lose a strike or end a row of two early; a slow model strikes again at once.
#[derive(Debug)]
pub struct SharedInlineGate {
    budget: Nanos,
    strikes: AtomicU32,
    open_from: AtomicU64,
    cool_down: AtomicU64,
}

impl SharedInlineGate {
    /// As [`InlineGate::new`].
    pub fn new(budget: Nanos) -> Self {
        Self { budget, strikes: AtomicU32::new(0), open_from: AtomicU64::new(0), cool_down: AtomicU64::new(0) }
    }

    /// As [`InlineGate::allows`].
    pub fn allows(&self, predicted: Nanos, now: Nanos) -> bool {
        predicted <= self.budget && self.budget > 0 && self.open_from.load(Ordering::Relaxed) <= now
    }

    /// As [`InlineGate::is_suspicious`].
    pub fn is_suspicious(&self) -> bool {
        self.strikes.load(Ordering::Relaxed) > 0
    }

    /// As [`InlineGate::observe`].
    pub fn observe(&self, actual: Nanos, now: Nanos) {
        if actual <= self.budget && !self.is_suspicious() {
            return;
        }
        let before = self.gate();
        let mut after = before;
        after.observe(actual, now);
        self.strikes.store(after.strikes, Ordering::Relaxed);
        if after.open_from != before.open_from {
            self.cool_down.store(after.cool_down, Ordering::Relaxed);
            self.open_from.store(after.open_from, Ordering::Relaxed);
        }
    }

    /// The gate as it is now.
    pub fn gate(&self) -> InlineGate {
        InlineGate {
            budget: self.budget,
            strikes: self.strikes.load(Ordering::Relaxed),
            open_from: self.open_from.load(Ordering::Relaxed),
            cool_down: self.cool_down.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InlineGate, LONGEST_COOL_DOWN, SHORTEST_COOL_DOWN, SharedInlineGate};
    use crate::plane::SECOND;
    use proptest::prelude::*;

    const BUDGET: u64 = 100_000;

    #[test]
    fn one_long_run_is_forgiven_and_the_second_in_a_row_sends_the_model_away() {
        let mut gate = InlineGate::new(BUDGET);
        gate.observe(BUDGET + 1, 0);
        assert!(gate.is_suspicious());
        gate.observe(BUDGET, 1);
        gate.observe(BUDGET + 1, 2);
        assert!(gate.allows(BUDGET, 2));
        gate.observe(BUDGET + 1, 3);
        assert!(!gate.allows(1, 3));
        assert!(gate.allows(1, 3 + SHORTEST_COOL_DOWN));
    }

    #[test]
    fn a_prediction_above_the_budget_or_a_budget_of_zero_never_runs_inline() {
        assert!(!InlineGate::new(BUDGET).allows(BUDGET + 1, 0));
        assert!(!InlineGate::new(0).allows(0, 0));
    }

    #[test]
    fn a_model_that_stays_slow_is_asked_again_ever_more_rarely() {
        let mut gate = InlineGate::new(BUDGET);
        let mut now = 0;
        let mut away = Vec::new();
        for _ in 0..9 {
            gate.observe(BUDGET * 2, now);
            gate.observe(BUDGET * 2, now);
            away.push((gate.open_from - now) / SECOND);
            now = gate.open_from;
        }
        assert_eq!(away, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        now += LONGEST_COOL_DOWN + 1;
        gate.observe(BUDGET, now);
        gate.observe(BUDGET * 2, now);
        gate.observe(BUDGET * 2, now);
        assert_eq!(gate.open_from - now, SHORTEST_COOL_DOWN, "a minute of good runs is a new start");
    }

    proptest! {
        #[test]
        fn the_shared_gate_is_the_plain_one_when_one_thread_uses_it(
            runs in prop::collection::vec((0u64..3 * BUDGET, 0u64..SECOND), 0..200),
        ) {
            let (mut plain, shared) = (InlineGate::new(BUDGET), SharedInlineGate::new(BUDGET));
            let mut now = 0;
            for (actual, step) in runs {
                now += step;
                plain.observe(actual, now);
                shared.observe(actual, now);
                prop_assert_eq!(plain, shared.gate());
                prop_assert_eq!(plain.allows(actual, now), shared.allows(actual, now));
            }
        }
    }
}
