//! Quantiles of what lies in buckets.

use super::super::exponential::Bucket;

/// The quantiles that people are shown.
pub(super) const SHOWN: [(&str, f64); 3] = [("5", 0.05), ("50", 0.5), ("95", 0.95)];

/// The number below which a share of all lies, as if numbers lay evenly in their bucket: off by no more than the bucket is
/// wide. `None` without a number.
pub(super) fn quantile(buckets: &[Bucket], share: f64, (min, max): (f64, f64)) -> Option<f64> {
    let all: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    let rank = share * all as f64;
    let mut below = 0.0;
    for bucket in buckets {
        let count = bucket.count as f64;
        if below + count >= rank {
            let (low, high) = (bucket.low.max(min), bucket.high.min(max));
            return Some(low + (high - low) * ((rank - below) / count).clamp(0.0, 1.0));
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::exponential::Exponential;
    use super::quantile;

    #[test]
    fn a_quantile_is_off_by_no_more_than_its_bucket() {
        let mut histogram = Exponential::<u64>::default();
        (1..=10_000).for_each(|value| histogram.insert(f64::from(value) - 5_000.5));
        let buckets = histogram.buckets();
        for (share, right) in [(0.0, -4_999.5), (0.05, -4_500.5), (0.5, -0.5), (0.95, 4_499.5), (1.0, 4_999.5)] {
            let found = quantile(&buckets, share, (-4_999.5, 4_999.5)).expect("there are numbers");
            assert!((found - right).abs() <= 1.0 + 0.125 * f64::abs(right), "{share}: {found}");
        }
        assert_eq!(quantile(&[], 0.5, (0.0, 0.0)), None);
    }
}
