//! Numbers without a reference: counts in buckets that grow by a fixed ratio, from which a reference can be made later.
//!
//! The buckets are those of OpenTelemetry's and Prometheus' exponential histograms: with scale s the i-th holds
//! (b^i, b^(i+1)] with b = 2^(2^−s), so that two neighbours at one scale are one bucket at the next. At scale 3 a bucket's
//! middle is within 4.4 % of what is in it, and 160 buckets reach over six powers of ten; wider data lowers the scale.

use super::number::Number;
use super::table::Count;

/// The finest scale: eight buckets for every doubling.
pub const SCALE: i32 = 3;
/// Most buckets on either side of zero, as OpenTelemetry has it.
pub const MAX_BUCKETS: usize = 160;

/// Counts of the numbers of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Exponential<N> {
    scale: i32,
    pub zero: N,
    pub nan: N,
    pub positive_infinite: N,
    pub negative_infinite: N,
    positive: Buckets<N>,
    negative: Buckets<N>,
    /// Σx over finite values.
    pub sum: f64,
}

/// Neighbouring buckets, the first of which has some number.
#[derive(Clone, Debug, Default, PartialEq)]
struct Buckets<N> {
    first: i32,
    counts: Vec<N>,
}

impl<N: Count> Default for Exponential<N> {
    fn default() -> Self {
        let none = N::default();
        Self {
            scale: SCALE,
            zero: none,
            nan: none,
            positive_infinite: none,
            negative_infinite: none,
            positive: Buckets::default(),
            negative: Buckets::default(),
            sum: 0.0,
        }
    }
}

impl<N: Count> Exponential<N> {
    /// Counts one number.
    pub fn insert<T: Number>(&mut self, value: T) {
        let value = value.wide();
        if value.is_nan() {
            add(&mut self.nan, 1);
        } else if value.is_infinite() {
            add(if value > 0.0 { &mut self.positive_infinite } else { &mut self.negative_infinite }, 1);
        } else {
            self.sum += value;
            if value == 0.0 {
                add(&mut self.zero, 1);
            } else {
                self.add_to(value > 0.0, bucket(value.abs()) >> (SCALE - self.scale), 1);
            }
        }
    }

    /// The scale of its buckets, [`SCALE`] or less.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// Non-empty buckets from the lowest number to the highest: bounds, and how many values lie between.
    pub fn buckets(&self) -> Vec<(f64, f64, u64)> {
        let bound = |index: i32| (f64::from(index) * 2_f64.powi(-self.scale)).exp2();
        let filled = |buckets: &Buckets<N>| -> Vec<(i32, u64)> {
            let numbered = buckets.counts.iter().zip(buckets.first..);
            numbered.map(|(count, index)| (index, (*count).into())).filter(|(_, count)| *count > 0).collect()
        };
        let negative = filled(&self.negative);
        let negative = negative.into_iter().rev().map(|(index, count)| (-bound(index + 1), -bound(index), count));
        let zero = Some((0.0, 0.0, self.zero.into())).filter(|(.., count)| *count > 0);
        let positive = filled(&self.positive).into_iter().map(|(index, count)| (bound(index), bound(index + 1), count));
        negative.chain(zero).chain(positive).collect()
    }

    /// All numbers counted.
    pub fn rows(&self) -> u64 {
        let buckets = self.positive.counts.iter().chain(&self.negative.counts);
        let others = [self.zero, self.nan, self.positive_infinite, self.negative_infinite];
        buckets.chain(&others).fold(0, |sum, count| sum.saturating_add((*count).into()))
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
        add(&mut self.nan, other.nan.into());
        add(&mut self.positive_infinite, other.positive_infinite.into());
        add(&mut self.negative_infinite, other.negative_infinite.into());
        self.sum += other.sum;
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
        self.counts.splice(0..0, (first..self.first).map(|_| N::default()));
        self.counts.resize((end - first) as usize, N::default());
        self.first = first;
        true
    }

    fn halve(&mut self) {
        let halved = self.first >> 1;
        let mut counts = vec![N::default(); self.counts.len().div_ceil(2) + 1];
        for (count, index) in self.counts.iter().zip(self.first..) {
            add(&mut counts[((index >> 1) - halved) as usize], (*count).into());
        }
        counts.truncate(((self.first + self.counts.len() as i32 + 1) >> 1).saturating_sub(halved).max(0) as usize);
        *self = Self { first: halved, counts };
    }
}

fn add<N: Count>(to: &mut N, count: u64) {
    *to = N::saturating_from((*to).into().saturating_add(count));
}

/// The bucket of a positive number at [`SCALE`].
fn bucket(value: f64) -> i32 {
    /// 2^(k/8): where the buckets of one doubling begin.
    const STARTS: [f64; 8] = [
        1.0,
        1.090_507_732_665_257_7,
        1.189_207_115_002_721,
        1.296_839_554_651_009_6,
        std::f64::consts::SQRT_2,
        1.542_210_825_407_940_7,
        1.681_792_830_507_429,
        1.834_008_086_409_342_4,
    ];
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    const BIAS: i32 = f64::MAX_EXP - 1;
    /// Makes every subnormal number a normal one.
    const LIFT: i32 = 54;
    let (value, lifted) = if value < f64::MIN_POSITIVE { (value * 2_f64.powi(LIFT), LIFT) } else { (value, 0) };
    let exponent = (value.to_bits() >> FRACTION_BITS) as i32 - BIAS;
    let fraction = f64::from_bits(value.to_bits() & ((1 << FRACTION_BITS) - 1) | 1.0_f64.to_bits());
    let within = STARTS.iter().filter(|start| fraction > **start).count() as i32;
    8 * (exponent - lifted) + within - 1
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
    fn a_bucket_holds_its_upper_bound() {
        for (value, index) in [(1.0, -1), (1.000_001, 0), (2.0, 7), (2.1, 8), (0.5, -9), (f64::MAX, 8_191)] {
            assert_eq!(bucket(value), index, "{value}");
        }
        assert_eq!(bucket(f64::from_bits(1)), -8 * 1_074 - 1);
        assert_eq!(bucket(f64::MIN_POSITIVE), -8 * 1_022 - 1);
    }

    #[test]
    fn what_is_no_finite_number_is_counted_apart() {
        let histogram = of(&[0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3.0, -3.0]);
        assert_eq!((histogram.zero, histogram.nan), (2, 1));
        assert_eq!((histogram.positive_infinite, histogram.negative_infinite), (1, 1));
        assert_eq!((histogram.buckets().len(), histogram.rows(), histogram.sum), (3, 7, 0.0));
    }

    #[test]
    fn the_scale_falls_until_all_numbers_have_a_bucket() {
        let histogram = of(&[1e-3, 1e3]);
        assert_eq!(histogram.scale(), SCALE);
        let histogram = of(&[f64::from_bits(1), f64::MAX]);
        assert_eq!(histogram.scale(), -4);
        assert_eq!(histogram.buckets().len(), 2);
    }

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let number =
            prop_oneof![-1e3..1e3_f64, any::<f64>(), Just(0.0), (-8..8_i32).prop_map(|power| 2_f64.powi(power))];
        proptest::collection::vec(number, 0..60)
    }

    proptest! {
        #[test]
        fn every_number_lies_in_its_bucket(values in numbers()) {
            let buckets = of(&values).buckets();
            for value in values.iter().filter(|value| value.is_finite()) {
                // Bounds are powers that are rounded.
                let slack = 1e-9 * value.abs();
                prop_assert!(buckets.iter().any(|(low, high, _)| low - slack <= *value && *value <= high + slack), "{}", value);
            }
        }

        #[test]
        fn merging_is_one_pass_in_any_order(left in numbers(), right in numbers()) {
            let whole = of(&[left.clone(), right.clone()].concat());
            let (mut one, mut other) = (of(&left), of(&right));
            one.merge(&of(&right));
            other.merge(&of(&left));
            prop_assert_eq!(one.buckets(), whole.buckets());
            prop_assert_eq!(other.buckets(), whole.buckets());
            prop_assert_eq!(one.rows(), whole.rows());
        }
    }
}
