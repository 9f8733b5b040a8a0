//! What has likely happened to a feature that drifted: a name for the few things that happen often.

use super::judge::{Judgement, Share};
use serde::Serialize;

/// Units that people confuse: a value in one is so many times the value in the other.
///
/// Minutes and hours or seconds; thousands, per mille and milliseconds; hours and days; seconds and hours; per cent; pounds and
/// kilograms; miles and kilometres; feet and metres; inches and centimetres.
const FACTORS: [f64; 9] = [60.0, 1_000.0, 24.0, 3_600.0, 100.0, 2.204_6, 1.609_344, 0.304_8, 2.54];
/// Degrees Fahrenheit are 1.8 times degrees Celsius and 32 more.
const FAHRENHEIT: (f64, f64) = (1.8, 32.0);
/// Means and deviations agree when they differ by less than this part.
const AGREE: f64 = 0.1;
/// A share that has come up by less is no burst.
const BURST: f64 = 0.01;
/// Beyond this chance does not explain a burst.
const BURST_P: f64 = 1e-6;

/// The values of a feature in one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub mean: f64,
    pub sd: f64,
    pub min: f64,
    pub max: f64,
}

/// A numeric feature, by its name, in both samples.
#[derive(Clone, Copy, Debug)]
pub struct Feature<'a> {
    pub name: &'a str,
    pub reference: Summary,
    pub current: Summary,
}

/// What has likely happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// Values are missing that were there.
    MissingBurst { reference: f64, current: f64 },
    /// A category came that the reference does not know.
    NewCategory { share: f64 },
    /// All values are one.
    StuckValue { value: f64 },
    /// Values came in another unit: `factor` times the old ones, and `offset` more.
    UnitChange { factor: f64, offset: f64 },
    /// This feature has the values of another, and that one has this one's.
    Swapped { with: String },
}

/// Names the cause of a drift by what lies outside the bins, for features of any kind.
pub fn outside_bins(judgement: &Judgement) -> Option<Cause> {
    let is_burst = |share: &Share| share.current - share.reference >= BURST && share.p <= BURST_P;
    if let Some(share) = judgement.missing.filter(is_burst) {
        return Some(Cause::MissingBurst { reference: share.reference, current: share.current });
    }
    judgement.new.filter(is_burst).map(|share| Cause::NewCategory { share: share.current })
}

/// Names the cause of a drift of a numeric feature; `others` are the features that drifted in the same window.
///
/// A unit is named only if mean and standard deviation agree with one factor within 10 %, a swap only if each feature fits
/// the other's reference in both and not its own.
pub fn of_values(feature: &Feature<'_>, others: &[Feature<'_>]) -> Option<Cause> {
    let Feature { reference, current, .. } = feature;
    let values = [reference.mean, reference.sd, current.mean, current.sd];
    if !values.iter().all(|value| value.is_finite()) || reference.sd <= 0.0 {
        return None;
    }
    if current.min >= current.max {
        return Some(Cause::StuckValue { value: current.max });
    }
    let is_swapped = |other: &&Feature<'_>| {
        other.name != feature.name
            && fits(current, &other.reference)
            && fits(&other.current, reference)
            && !fits(current, reference)
    };
    if let Some(other) = others.iter().find(is_swapped) {
        return Some(Cause::Swapped { with: other.name.to_owned() });
    }
    unit_change(reference, current)
}

fn unit_change(reference: &Summary, current: &Summary) -> Option<Cause> {
    let (scale, offset) = FAHRENHEIT;
    let factors = FACTORS.into_iter().flat_map(|factor| [(factor, 0.0), (factor.recip(), 0.0)]);
    let known = factors.chain([(scale, offset), (scale.recip(), -offset / scale)]);
    let changed = |(factor, offset): (f64, f64)| Summary {
        mean: factor * reference.mean + offset,
        sd: factor * reference.sd,
        min: factor * reference.min + offset,
        max: factor * reference.max + offset,
    };
    let (factor, offset) = known.into_iter().find(|known| fits(current, &changed(*known)))?;
    Some(Cause::UnitChange { factor, offset })
}

/// Whether mean and standard deviation agree; a mean near zero may be off by a part of the deviation instead.
fn fits(found: &Summary, expected: &Summary) -> bool {
    let near = |found: f64, expected: f64, part: f64| (found - expected).abs() <= AGREE * part;
    near(found.sd, expected.sd, expected.sd) && near(found.mean, expected.mean, expected.mean.abs().min(expected.sd))
}
