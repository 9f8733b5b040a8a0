//! What is decided about counts.

mod causes;
mod judgements;
mod machines;
mod scales;
mod sharing;

use super::design_effect::DesignEffect;
use super::judge::{Counts, Judgement, Question, Verdict, judge};
use super::wander::Wander;

fn counts(bins: &[u64]) -> Counts<'_> {
    Counts { bins, new: 0, missing: 0 }
}

fn question<'a>(reference: &'a [u64], current: &'a [u64]) -> Question<'a> {
    Question {
        reference: counts(reference),
        current: counts(current),
        wander: Wander::UNKNOWN,
        design_effect: None,
        tolerated: 0.0,
        alpha: 1e-3,
    }
}

#[track_caller]
fn judged(question: &Question<'_>) -> Judgement {
    match judge(question).expect("the same bins") {
        Verdict::Judged(judgement) => judgement,
        Verdict::Insufficient { n, m } => panic!("{n} and {m} rows are not enough"),
    }
}

#[track_caller]
fn assert_near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}
