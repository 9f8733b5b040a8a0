//! What distances are known to be, and what they are of any samples.

mod golden;
mod properties;
mod published;
mod refusals;

use super::*;

fn unordered<'a>(reference: &'a [u64], current: &'a [u64]) -> Samples<'a> {
    Samples::of(reference, current, Support::Unordered).expect("two samples")
}

fn ordered<'a>(reference: &'a [u64], current: &'a [u64]) -> Samples<'a> {
    Samples::of(reference, current, Support::Ordered).expect("two samples")
}

#[track_caller]
fn assert_near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}

#[track_caller]
fn assert_relative(found: f64, expected: f64, within: f64) {
    assert!((found / expected - 1.0).abs() <= within, "{found} is not {expected}");
}
