//! Numbers without a reference: counts in buckets as wide as their numbers are large, from which a reference can be made later.
//!
//! A bucket holds the numbers whose leading bits are equal: with scale s there are 2^s for every doubling, of equal width
//! (log-linear, as HdrHistogram has it), and two neighbours at one scale are one bucket at the next. Bounds are therefore
//! numbers themselves, of FP32 too, so that counts between any of them are exact. The scale begins so fine that a narrow
//! column far from zero has buckets of its own, and falls until 160 buckets reach over all that came: numbers over six
//! powers of ten lie in buckets of 12.5 % of their size or less.

use super::number::Number;
use super::table::Count;

/// The finest scale: a bucket is a millionth of its numbers, and a bound has no more bits than an FP32.
pub const SCALE: i32 = 20;
/// Most buckets on either side of zero, as OpenTelemetry has it.
pub const MAX_BUCKETS: usize = 160;

/// Counts of the finite numbers of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Exponential<N> {
    pub(super) scale: i32,
    pub(super) zero: N,
    pub(super) positive: Buckets<N>,
    /// By the size of what is below zero.
    pub(super) negative: Buckets<N>,
}

/// Neighbouring buckets, the first and the last of which have some number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets<N> {
    pub(super) first: i32,
    pub(super) counts: Vec<N>,
}

/// A bucket that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its numbers lie from here
    pub low: f64,
    /// to here. The bound that is nearer to zero is not in it.
    pub high: f64,
    pub count: u64,
}

impl<N: Count> Default for Exponential<N> {
    fn default() -> Self {
        Self { scale: SCALE, zero: N::default(), positive: Buckets::default(), negative: Buckets::default() }
    }
}

impl<N: Count> Exponential<N> {
    /// What they take when they are full.
    pub(super) const MOST_BYTES: usize = size_of::<Self>() + 2 * MAX_BUCKETS * size_of::<N>();

    /// Counts one finite number.
    #[inline]
    pub fn insert<T: Number>(&mut self, value: T) {
        let value = value.wide();
        if value == 0.0 {
            add(&mut self.zero, 1);
        } else {
            self.add_to(value > 0.0, bucket(value.abs()) >> (SCALE - self.scale), 1);
        }
    }

    /// The scale of its buckets, [`SCALE`] or less.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// Its buckets from the lowest numbers to the highest.
    pub fn buckets(&self) -> Vec<Bucket> {
        let most = f64::INFINITY.to_bits();
        let bound = |index: i32| f64::from_bits(((index as u64) << (FRACTION_BITS - self.scale)).min(most));
        let filled = |buckets: &Buckets<N>| -> Vec<(f64, f64, u64)> {
            let numbered = buckets.counts.iter().zip(buckets.first..);
            numbered
                .map(|(count, index)| (bound(index), bound(index + 1), (*count).into()))
                .filter(|(.., count)| *count > 0)
                .collect()
        };
        let negative = filled(&self.negative).into_iter().rev();
        let negative = negative.map(|(near, far, count)| Bucket { low: -far, high: -near, count });
        let zero = Bucket { low: 0.0, high: 0.0, count: self.zero.into() };
        let positive = filled(&self.positive).into_iter().map(|(low, high, count)| Bucket { low, high, count });
        negative.chain(Some(zero).filter(|zero| zero.count > 0)).chain(positive).collect()
    }

    /// Forgets what was counted and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.scale = SCALE;
        self.zero = N::default();
        for side in [&mut self.positive, &mut self.negative] {
            side.first = 0;
            side.counts.clear();
        }
    }

    /// Adds other counts; which is added to which does not matter.
    pub fn merge<M: Count>(&mut self, other: &Exponential<M>) {
        self.coarsen(other.scale.min(self.scale));
        for (is_positive, buckets) in [(true, &other.positive), (false, &other.negative)] {
            for (count, index) in buckets.counts.iter().zip(buckets.first..) {
                if (*count).into() > 0 {
                    // Adding may have lowered the scale further.
                    self.add_to(is_positive, index >> (other.scale - self.scale), (*count).into());
                }
            }
        }
        add(&mut self.zero, other.zero.into());
    }

    /// Adds to a bucket of the present scale, after making room for it.
    fn add_to(&mut self, is_positive: bool, mut index: i32, count: u64) {
        loop {
            let side = if is_positive { &mut self.positive } else { &mut self.negative };
            if side.reach(index) {
                add(&mut side.counts[(index - side.first) as usize], count);
                return;
            }
            self.coarsen(self.scale - 1);
            index >>= 1;
        }
    }

    /// Lowers the scale: two neighbours become one bucket, exactly.
    fn coarsen(&mut self, scale: i32) {
        while self.scale > scale {
            self.scale -= 1;
            self.positive.halve();
            self.negative.halve();
        }
    }
}

impl<N: Count> Buckets<N> {
    /// Whether a bucket is there or could be added.
    fn reach(&mut self, index: i32) -> bool {
        if self.counts.is_empty() {
            self.first = index;
        }
        let end = self.first + self.counts.len() as i32;
        let (first, end) = (self.first.min(index), end.max(index + 1));
        if (end - first) as usize > MAX_BUCKETS {
            return false;
        }
        let needed = (end - first) as usize;
        // A side that is half full once is half full at least from then on. It gets all of its room at once, so that what
        // is said of its memory holds; a side of few numbers takes no more than twice what it needs.
        let room = if needed > MAX_BUCKETS / 2 { MAX_BUCKETS } else { needed.next_power_of_two() };
        self.counts.reserve_exact(room - self.counts.len());
        self.counts.splice(0..0, (first..self.first).map(|_| N::default()));
        self.counts.resize((end - first) as usize, N::default());
        self.first = first;
        true
    }

    fn halve(&mut self) {
        let halved = self.first >> 1;
        let end = self.first + self.counts.len() as i32;
        // In place: no bucket moves beyond its own.
        for (at, index) in (self.first..end).enumerate() {
            let count = std::mem::take(&mut self.counts[at]);
            add(&mut self.counts[((index >> 1) - halved) as usize], count.into());
        }
        self.counts.truncate(((end + 1) >> 1).saturating_sub(halved).max(0) as usize);
        self.first = halved;
    }
}

fn add<N: Count>(to: &mut N, count: u64) {
    *to = N::saturating_from((*to).into().saturating_add(count));
}

const FRACTION_BITS: i32 = f64::MANTISSA_DIGITS as i32 - 1;

/// The bucket of a positive number at [`SCALE`]: it holds its upper bound and not its lower one.
fn bucket(value: f64) -> i32 {
    ((value.to_bits() - 1) >> (FRACTION_BITS - SCALE)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Exponential<u64> {
        let mut histogram = Exponential::default();
        for value in values {
            histogram.insert(*value);
        }
        histogram
    }

    #[test]
    fn a_bucket_holds_its_upper_bound_and_not_its_lower_one() {
        let [one, two] = [1.0, 2.0].map(bucket);
        assert_eq!(two - one, 1 << SCALE);
        assert_eq!(bucket(1.0_f64.next_up()), one + 1);
        assert_eq!(bucket(1.0_f64.next_down()), one);
        assert_eq!(bucket(f64::from_bits(1)), 0);
        let buckets = of(&[-3.0, 3.0, 0.0]).buckets();
        assert_eq!((buckets[0].low, buckets[2].high), (-3.0, 3.0));
        assert_eq!(buckets[1], Bucket { low: 0.0, high: 0.0, count: 1 });
    }

    #[test]
    fn a_narrow_column_far_from_zero_has_many_buckets() {
        let temperatures: Vec<f64> = (0..1_000).map(|at| 280.0 + f64::from(at) / 50.0).collect();
        assert!(of(&temperatures).buckets().len() > 80);
        let hours: Vec<f64> = (0..24).map(f64::from).collect();
        assert_eq!(of(&hours).buckets().len(), 24);
    }

    #[test]
    fn the_scale_falls_until_all_numbers_have_a_bucket() {
        assert_eq!(of(&[1e-3, 1e3]).scale(), 3);
        let histogram = of(&[f64::from_bits(1), f64::MAX]);
        assert_eq!(histogram.scale(), -4);
        assert_eq!(histogram.buckets().len(), 2);
    }

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let any = any::<f64>().prop_filter("finite", |number| number.is_finite());
        let number = prop_oneof![-1e3..1e3_f64, any, Just(0.0), (-8..8_i32).prop_map(|power| 2_f64.powi(power))];
        proptest::collection::vec(number, 0..60)
    }

    proptest! {
        #[test]
        fn every_number_lies_in_one_bucket(values in numbers()) {
            let buckets = of(&values).buckets();
            let holds = |bucket: &Bucket, value: f64| match value {
                0.0 => bucket.low == 0.0 && bucket.high == 0.0,
                _ if value > 0.0 => bucket.low < value && value <= bucket.high,
                _ => bucket.low <= value && value < bucket.high,
            };
            for value in &values {
                prop_assert_eq!(buckets.iter().filter(|bucket| holds(bucket, *value)).count(), 1);
            }
            prop_assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), values.len() as u64);
        }

        #[test]
        fn merging_is_one_pass_in_any_order(left in numbers(), right in numbers()) {
            let whole = of(&[left.clone(), right.clone()].concat());
            let (mut one, mut other) = (of(&left), of(&right));
            one.merge(&of(&right));
            other.merge(&of(&left));
            prop_assert_eq!(one.buckets(), whole.buckets());
            prop_assert_eq!(other.buckets(), whole.buckets());
        }
    }
}
