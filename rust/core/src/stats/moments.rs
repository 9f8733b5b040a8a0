//! Mean and variance in one pass.

/// Count, mean and sum of squared deviations of the values seen so far.
///
/// Each value moves the mean a little instead of adding to a sum, so nothing cancels and finite values never make the mean
/// infinite (Welford 1962, Technometrics 4(3), 419–420).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes one finite value in.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    /// Takes in what others were (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm").
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let count = self.count.saturating_add(other.count);
        let share = other.count as f64 / count as f64;
        let apart = other.mean - self.mean;
        self.squares += other.squares + apart * apart * self.count as f64 * share;
        self.mean += apart * share;
        self.count = count;
    }

    /// Count, mean and sum of squared deviations, as they are stored.
    pub fn parts(&self) -> (u64, f64, f64) {
        (self.count, self.mean, self.squares)
    }

    pub fn from_parts((count, mean, squares): (u64, f64, f64)) -> Self {
        Self { count, mean, squares }
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` without a value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their variance with n − 1 below; `None` with fewer than two values. Values around 1e154 and beyond square to infinity.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for value in values {
            moments.push(*value);
        }
        moments
    }

    #[test]
    fn too_few_values_have_no_mean_or_no_variance() {
        assert_eq!((of(&[]).mean(), of(&[]).variance()), (None, None));
        assert_eq!((of(&[3.0]).mean(), of(&[3.0]).variance()), (Some(3.0), None));
    }

    #[test]
    fn a_small_spread_far_from_zero_is_not_cancelled() {
        let moments = of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!((moments.mean(), moments.variance()), (Some(1e9 + 10.0), Some(30.0)));
    }

    #[test]
    fn the_largest_numbers_keep_a_finite_mean() {
        let moments = of(&[f64::MAX, f64::MAX, 0.0, f64::MAX]);
        assert!(moments.mean().expect("four values").is_finite());
    }

    proptest! {
        #[test]
        fn merging_is_one_pass(left in vec(-1e6..1e6_f64, 0..100), right in vec(-1e6..1e6_f64, 0..100)) {
            let whole = of(&[left.clone(), right.clone()].concat());
            let mut merged = of(&left);
            merged.merge(&of(&right));
            prop_assert_eq!(merged.count(), whole.count());
            let (ours, theirs) = (merged.mean().unwrap_or(0.0), whole.mean().unwrap_or(0.0));
            prop_assert!((ours - theirs).abs() <= 1e-7);
            let (ours, theirs) = (merged.variance().unwrap_or(0.0), whole.variance().unwrap_or(0.0));
            prop_assert!((ours - theirs).abs() <= 1e-9 * theirs.max(1.0));
        }

        #[test]
        fn one_pass_gives_what_two_passes_give(values in vec(-1e6..1e6_f64, 2..200)) {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
            let moments = of(&values);
            prop_assert!((moments.mean().expect("values") - mean).abs() <= 1e-6);
            prop_assert!((moments.variance().expect("values") - variance).abs() <= 1e-9 * variance.max(1.0));
        }
    }
}
