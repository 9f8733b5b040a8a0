//! What a run will cost: a straight line through the warm-up, corrected by what runs.

use std::sync::atomic::{AtomicU32, Ordering};

use super::Nanos;

/// What a model without a single measurement is taken to cost: more than any inline budget, little in a queue.
pub const UNKNOWN_COST: Nanos = 1_000_000;

/// One, in the fixed-point numbers of this file.
const ONE: u32 = 1 << 16;

/// A run counts this much (1/16) in the correction: a lasting change is learned to two thirds in sixteen runs.
const WEIGHT: u32 = 16;

/// A run that took more than this many times the prediction, or less than its inverse, counts as if it had taken that:
/// one preempted run raises the next prediction by at most 1/16.
const OUTLIER: u64 = 2;

/// The correction stays within this factor of the warm-up, up and down: beyond it the fit itself is wrong.
const MOST_CORRECTION: u32 = 64;

/// Predicts nanoseconds from elements: `(a + b · elements) · correction`.
///
/// `elements` are rows times elements per row, over all inputs. `a` and `b` come from [`CostModel::fit`] and stay; the
/// correction starts at one and follows [`CostModel::observe`]. All three are integers in 1/65,536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostModel {
    base: u64,
    slope: u64,
    correction: u32,
}

impl CostModel {
    /// The line through points of (elements, nanoseconds) with the least squared *relative* error, neither part
    /// negative. Relative, because noise grows with the run and the small runs are the ones that must be right. No
    /// points: [`UNKNOWN_COST`] whatever the size.
    pub fn fit(points: &[(u64, Nanos)]) -> Self {
        let (base, slope) = if points.is_empty() { (UNKNOWN_COST as f64, 0.0) } else { line(points) };
        Self { base: fixed(base), slope: fixed(slope), correction: ONE }
    }

    /// Predicted nanoseconds of one run over so many elements.
    pub fn predict(&self, elements: u64) -> Nanos {
        scaled(self.uncorrected(elements), self.correction)
    }

    /// Learns from a run that took so long.
    pub fn observe(&mut self, elements: u64, actual: Nanos) {
        self.correction = self.corrected(elements, actual);
    }

    fn uncorrected(&self, elements: u64) -> Nanos {
        let nanos = (u128::from(self.base) + u128::from(self.slope) * u128::from(elements)) >> 16;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// The correction after a run: a step of [`WEIGHT`] towards what this run asks for.
    fn corrected(&self, elements: u64, actual: Nanos) -> u32 {
        let line = self.uncorrected(elements).max(1);
        let known = u64::from(self.correction);
        let asked = (u128::from(actual) * u128::from(ONE)) / u128::from(line);
        let asked = u64::try_from(asked).unwrap_or(u64::MAX).clamp(known / OUTLIER, known * OUTLIER);
        let weight = u64::from(WEIGHT);
        let learned = (known * (weight - 1) + asked + weight / 2) / weight;
        (learned as u32).clamp(ONE / MOST_CORRECTION, ONE * MOST_CORRECTION)
    }
}

/// A [`CostModel`] that threads share without a lock: a prediction is one load and three multiplications.
///
/// Two runs that end at the same moment may lose one of their two lessons; the next run teaches it again.
#[derive(Debug)]
pub struct SharedCost {
    line: CostModel,
    correction: AtomicU32,
}

impl SharedCost {
    pub fn new(model: CostModel) -> Self {
        Self { line: model, correction: AtomicU32::new(model.correction) }
    }

    /// As [`CostModel::predict`].
    pub fn predict(&self, elements: u64) -> Nanos {
        self.model().predict(elements)
    }

    /// As [`CostModel::observe`].
    pub fn observe(&self, elements: u64, actual: Nanos) {
        self.correction.store(self.model().corrected(elements, actual), Ordering::Relaxed);
    }

    /// The model as it is now.
    pub fn model(&self) -> CostModel {
        CostModel { correction: self.correction.load(Ordering::Relaxed), ..self.line }
    }
}

fn scaled(nanos: Nanos, factor: u32) -> Nanos {
    u64::try_from((u128::from(nanos) * u128::from(factor)) >> 16).unwrap_or(u64::MAX)
}

fn fixed(value: f64) -> u64 {
    (value * f64::from(ONE)).round() as u64 // a cast of a float saturates
}

/// Weighted least squares with weight 1/y² and non-negative parts: if the free optimum has a negative part, the best
/// allowed line has that part zero, because the error is convex.
fn line(points: &[(u64, Nanos)]) -> (f64, f64) {
    let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(elements, nanos) in points {
        let (x, y) = (elements as f64, nanos.max(1) as f64);
        let weight = 1.0 / (y * y);
        w += weight;
        wx += weight * x;
        wy += weight * y;
        wxx += weight * x * x;
        wxy += weight * x * y;
    }
    let flat = (wy / w, 0.0);
    let spread = w * wxx - wx * wx;
    if spread <= f64::EPSILON * w * wxx {
        return flat; // one size only: nothing is known about the slope
    }
    let slope = (w * wxy - wx * wy) / spread;
    let base = (wy - slope * wx) / w;
    if slope < 0.0 {
        flat
    } else if base < 0.0 {
        (0.0, wxy / wxx)
    } else {
        (base, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::{CostModel, SharedCost, UNKNOWN_COST};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn points_on_a_line_are_predicted_again(base in 0u64..1_000_000, slope in 0u64..1_000, sizes in prop::collection::btree_set(1u64..100_000, 2..8)) {
            let points: Vec<_> = sizes.iter().map(|size| (*size, (base + slope * size).max(1))).collect();
            let model = CostModel::fit(&points);
            for (size, nanos) in points {
                let error = model.predict(size).abs_diff(nanos);
                prop_assert!(error <= 2 + nanos / 1_000, "{nanos} predicted as {}", model.predict(size));
            }
        }

        #[test]
        fn any_points_and_any_runs_give_a_prediction_that_never_falls_with_size(
            points in prop::collection::vec((any::<u64>(), any::<u64>()), 0..8),
            runs in prop::collection::vec((any::<u64>(), any::<u64>()), 0..50),
            small in any::<u64>(),
            more in any::<u64>(),
        ) {
            let mut model = CostModel::fit(&points);
            for (elements, nanos) in runs {
                model.observe(elements, nanos);
            }
            prop_assert!(model.predict(small) <= model.predict(small.saturating_add(more)));
        }
    }

    #[test]
    fn a_line_that_would_start_below_zero_starts_at_zero() {
        let model = CostModel::fit(&[(10, 1), (20, 1_000), (40, 4_000)]);
        assert!(model.predict(0) <= 1);
        assert!(model.predict(40) > 0);
    }

    #[test]
    fn a_model_that_is_faster_with_more_rows_is_taken_as_flat() {
        let model = CostModel::fit(&[(10, 1_000), (20, 900)]);
        assert_eq!(model.predict(0), model.predict(1_000_000));
    }

    #[test]
    fn nothing_measured_is_a_guess_above_any_inline_budget() {
        assert_eq!(CostModel::fit(&[]).predict(1), UNKNOWN_COST);
    }

    #[test]
    fn one_outlier_moves_the_prediction_by_a_sixteenth_at_most() {
        let mut model = CostModel::fit(&[(1, 10_000), (100, 20_000)]);
        let before = model.predict(50);
        model.observe(50, 4_000_000);
        assert!(model.predict(50) <= before + before / 16 + 1);
        model.observe(50, 0);
        assert!(model.predict(50) >= before - before / 16);
    }

    #[test]
    fn a_machine_that_became_three_times_slower_is_learned_within_a_hundred_runs() {
        let shared = SharedCost::new(CostModel::fit(&[(1, 10_000), (100, 20_000)]));
        for _ in 0..100 {
            shared.observe(100, 60_000);
        }
        let learned = shared.predict(100);
        assert!((57_000..=63_000).contains(&learned), "{learned}");
    }
}
