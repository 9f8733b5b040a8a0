//! How many different strings there were, within 3 % in a kilobyte.

/// 2¹⁰ registers: a standard error of 1.04/√1024 = 3.25 %.
const REGISTER_BITS: u32 = 10;
const REGISTERS: usize = 1 << REGISTER_BITS;
/// Bits of a hash that are left to count leading zeros in.
const REST_BITS: u32 = u64::BITS - REGISTER_BITS;

/// HyperLogLog (Flajolet et al. 2007) with the estimator of Ertl, "New cardinality estimation algorithms for HyperLogLog
/// sketches", arXiv:1702.01284, algorithm 6, which has no bias at any size and needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Cardinality {
    pub(in super::super) registers: [u8; REGISTERS],
}

impl Default for Cardinality {
    fn default() -> Self {
        Self { registers: [0; REGISTERS] }
    }
}

impl Cardinality {
    /// Takes in the hash of one string.
    pub(super) fn insert(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> REST_BITS) as usize];
        let rank = (hash << REGISTER_BITS).leading_zeros().min(REST_BITS) + 1;
        *register = (*register).max(rank as u8);
    }

    /// The union of both, exactly as if one had seen all.
    pub(super) fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *ours = (*ours).max(*theirs);
        }
    }

    /// The number of different strings.
    pub(super) fn estimate(&self) -> f64 {
        let mut multiplicity = [0.0; REST_BITS as usize + 2];
        for register in &self.registers {
            multiplicity[usize::from(*register)] += 1.0;
        }
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - multiplicity[REST_BITS as usize + 1] / m);
        for count in multiplicity[1..=REST_BITS as usize].iter().rev() {
            z = 0.5 * (z + count);
        }
        z += m * sigma(multiplicity[0] / m);
        // α∞ = 1/(2 ln 2).
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }
}

/// x + Σ x^(2^k)·2^(k−1): what the empty registers say.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut scale, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * scale;
        scale += scale;
        if sum <= before {
            return sum;
        }
    }
}

/// (1 − x − Σ (1 − x^(2^−k))²·2^−k)/3: what the full registers say.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut scale, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        scale *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * scale;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    fn of(range: std::ops::Range<u32>) -> Cardinality {
        let mut cardinality = Cardinality::default();
        range.for_each(|number| cardinality.insert(xxh3_64(&number.to_le_bytes())));
        cardinality
    }

    #[test]
    fn estimates_stay_within_four_standard_errors_at_every_size() {
        assert!(of(0..0).estimate().abs() < 1e-9);
        for size in [1, 2, 10, 100, 1_000, 2_500, 5_000, 50_000, 1_000_000] {
            let estimate = of(0..size).estimate();
            assert!((estimate / f64::from(size) - 1.0).abs() < 4.0 * 0.0325, "{size}: {estimate}");
        }
    }

    #[test]
    fn a_union_is_one_pass_over_both() {
        let mut left = of(0..3_000);
        left.merge(&of(2_000..6_000));
        assert_eq!(left, of(0..6_000));
    }
}
