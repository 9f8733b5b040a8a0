//! Whose turn it is: deficit round robin over predicted nanoseconds.
//!
//! Each version has an account. A round pays [`QUANTUM`] into every account; it begins when none of the versions that
//! could run has credit left, so whoever waits is served in each round. A version runs while its account is above zero, and each run is charged what it was predicted to cost, corrected when it
//! ends by what it did cost. An account may be overdrawn by one batch (the variant also called surplus round robin),
//! so nobody has to look at a batch before taking it, and rounds in which nobody could run are skipped by arithmetic.

use std::collections::VecDeque;

use super::{Nanos, SECOND};

/// What a round pays, in predicted nanoseconds: about two runs at the inline budget, so that small models alternate
/// after a few runs and a large one pays for its batch with rounds of the others.
pub const QUANTUM: Nanos = 200_000;

/// The most an account may be overdrawn: a run that took longer than this (a preempted or stuck thread, a hopeless
/// model) is not held against its version for longer.
pub const DEBT_LIMIT: Nanos = SECOND;

/// What one version has left of its share.
#[derive(Default)]
pub(super) struct Account {
    balance: i64,
    /// The predicted cost of each run that has not ended. Runs of a version may end out of order; paired the wrong way
    /// round the corrections still add up to the same sum.
    running: VecDeque<Nanos>,
}

impl Account {
    pub(super) fn running(&self) -> u32 {
        self.running.len() as u32
    }

    pub(super) fn has_credit(&self) -> bool {
        self.balance > 0
    }

    /// How many rounds until it has credit.
    pub(super) fn rounds_to_credit(&self) -> u64 {
        if self.balance > 0 { 0 } else { self.balance.unsigned_abs() / QUANTUM + 1 }
    }

    /// Pays so many rounds, whether it could have run or not: what it did not use while others ran shrinks its debt,
    /// and of credit it saves one quantum, which serves a rare light request first.
    pub(super) fn pay(&mut self, rounds: u64) {
        let paid = i64::try_from(rounds.saturating_mul(QUANTUM)).unwrap_or(i64::MAX);
        self.balance = self.balance.saturating_add(paid).min(signed(QUANTUM));
    }

    pub(super) fn begin(&mut self, predicted: Nanos) {
        self.running.push_back(predicted);
        self.balance = (self.balance - signed(predicted)).max(-signed(DEBT_LIMIT));
    }

    pub(super) fn end(&mut self, actual: Nanos) {
        if let Some(predicted) = self.running.pop_front() {
            let corrected = self.balance + signed(predicted) - signed(actual);
            self.balance = corrected.clamp(-signed(DEBT_LIMIT), signed(QUANTUM));
        }
    }
}

/// No single charge needs to be more than what takes the fullest account to its debt limit.
fn signed(cost: Nanos) -> i64 {
    cost.min(2 * DEBT_LIMIT) as i64
}
