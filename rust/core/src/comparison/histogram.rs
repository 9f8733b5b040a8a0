//! Counts of positive numbers over many powers of ten, in memory that does not grow.

use serde::Serialize;
use std::sync::LazyLock;

/// Absolute and relative differences: eight buckets per decade, so a bucket's middle is within 16 % of what is in it.
pub(super) static DIFFERENCES: LazyLock<Scale> = LazyLock::new(|| Scale::new(-12, 12, 8));
/// Ratios of latencies, most of which are near 1: 64 buckets per decade, so within 2 %.
pub(super) static RATIOS: LazyLock<Scale> = LazyLock::new(|| Scale::new(-3, 3, 64));

/// Bounds of buckets at equal distances on a logarithmic axis.
#[derive(Debug)]
pub(super) struct Scale {
    bounds: Vec<f64>,
}

impl Scale {
    /// From 10 to the power of `lowest` to 10 to the power of `highest`.
    fn new(lowest: i32, highest: i32, per_decade: u32) -> Self {
        let inside = |decade: i32| {
            let steps = (0..per_decade).map(move |step| 10_f64.powf(f64::from(step) / f64::from(per_decade)));
            steps.map(move |step| 10_f64.powi(decade) * step)
        };
        Self { bounds: (lowest..highest).flat_map(inside).chain([10_f64.powi(highest)]).collect() }
    }
}

/// Non-zero counts of one bucket: its lower bound, its upper bound (`null` above the scale), how many values.
///
/// Values are at or above the lower bound and below the upper one; zeros are counted as `[0, 0, count]`, other values
/// below the scale as `[0, lowest, count]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin(pub f64, pub Option<f64>, pub u64);

/// How often which size of number came.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    scale: &'static Scale,
    zeros: u64,
    /// What is below the scale, each of its buckets, what is above.
    counts: Box<[u64]>,
    largest: f64,
}

impl Histogram {
    pub(super) fn new(scale: &'static Scale) -> Self {
        Self { scale, zeros: 0, counts: vec![0; scale.bounds.len() + 1].into(), largest: 0.0 }
    }

    /// Counts one number, finite and not negative.
    pub(super) fn record(&mut self, value: f64) {
        if value > 0.0 {
            self.counts[self.scale.bounds.partition_point(|bound| *bound <= value)] += 1;
            self.largest = self.largest.max(value);
        } else {
            self.zeros += 1;
        }
    }

    /// The largest number, exactly; `None` without one.
    pub(super) fn max(&self) -> Option<f64> {
        (self.count() > 0).then_some(self.largest)
    }

    /// The number that a share `q` in [0, 1] of all do not exceed: the geometric middle of the bucket that holds the one
    /// of rank ⌈q · count⌉, but never more than the largest. `None` without a number.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = self.zeros;
        if count > 0 && seen >= rank {
            return Some(0.0);
        }
        let bucket = self.counts.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        })?;
        let middle = match (bucket.checked_sub(1).and_then(|low| self.bound(low)), self.bound(bucket)) {
            (Some(low), Some(high)) => (low * high).sqrt(),
            (None, Some(lowest)) => lowest,
            (_, None) => f64::INFINITY,
        };
        Some(middle.min(self.largest))
    }

    /// The buckets with something in them, from the smallest.
    pub(super) fn bins(&self) -> Vec<Bin> {
        let zeros = Bin(0.0, Some(0.0), self.zeros);
        let others = self.counts.iter().enumerate().map(|(bucket, &count)| {
            let low = bucket.checked_sub(1).and_then(|low| self.bound(low));
            Bin(low.unwrap_or(0.0), self.bound(bucket), count)
        });
        std::iter::once(zeros).chain(others).filter(|bin| bin.2 > 0).collect()
    }

    fn count(&self) -> u64 {
        self.zeros + self.counts.iter().sum::<u64>()
    }

    fn bound(&self, at: usize) -> Option<f64> {
        self.scale.bounds.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bin, DIFFERENCES, Histogram, RATIOS};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::new(&DIFFERENCES);
        for value in values {
            histogram.record(*value);
        }
        histogram
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!((of(&[]).quantile(0.5), of(&[]).max(), of(&[]).bins()), (None, None, vec![]));
    }

    #[test]
    fn zeros_and_what_is_off_the_scale_are_told_apart() {
        let histogram = of(&[0.0, 0.0, 1e-300, 1e-12, 1.0, 1e12, f64::MAX]);
        let bins = histogram.bins();
        assert_eq!(bins[0], Bin(0.0, Some(0.0), 2));
        assert_eq!(bins[1], Bin(0.0, Some(1e-12), 1));
        assert_eq!((bins[2].0, bins[3].0), (1e-12, 1.0));
        assert_eq!(bins[4], Bin(1e12, None, 2));
        assert_eq!((histogram.quantile(0.0), histogram.quantile(1.0)), (Some(0.0), Some(f64::MAX)));
    }

    #[test]
    fn a_whole_power_of_ten_begins_a_bucket() {
        for decade in -12..12 {
            let bound = format!("1e{decade}").parse().expect("a number");
            assert_eq!(of(&[bound]).bins()[0].0.to_bits(), f64::to_bits(bound));
        }
        assert!(RATIOS.bounds.contains(&1.0));
    }

    #[test]
    fn equal_numbers_are_their_own_quantiles() {
        let mut ratios = Histogram::new(&RATIOS);
        (0..10).for_each(|_| ratios.record(1.0));
        assert_eq!((ratios.quantile(0.5), ratios.quantile(0.99)), (Some(1.0), Some(1.0)));
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_bucket_of_the_sorted_numbers(
            exponents in vec(-11.9..11.9_f64, 1..300),
            q in 0.0..=1.0_f64,
        ) {
            let mut values: Vec<f64> = exponents.iter().map(|exponent| 10_f64.powf(*exponent)).collect();
            let quantile = of(&values).quantile(q).expect("values");
            values.sort_unstable_by(f64::total_cmp);
            let exact = values[((q * values.len() as f64).ceil() as usize).max(1) - 1];
            prop_assert!((quantile / exact - 1.0).abs() < 0.16, "{exact} became {quantile}");
        }

        #[test]
        fn every_number_is_in_its_bucket(exponent in -320.0..308.0_f64) {
            let value = 10_f64.powf(exponent);
            let bins = of(&[value]).bins();
            prop_assert_eq!(bins.len(), 1);
            let Bin(low, high, count) = bins[0];
            prop_assert!(low <= value && high.is_none_or(|high| value < high || high == 0.0) && count == 1);
        }
    }
}
