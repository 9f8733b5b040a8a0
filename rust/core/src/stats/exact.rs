//! Exact tests of two shares: how likely so uneven a split of the same hits is by chance.

use super::gamma::{deviance, stirling_error};
use std::f64::consts::TAU;

/// Outcomes that the rounding of logarithms makes a little likelier than the observed one still count as equal to it; scipy
/// uses the same width.
const TIE: f64 = 1e-7;
/// What the terms that are left out may weigh.
const NEGLIGIBLE: f64 = 1e-17;

/// Rows that have a property, among all rows; never more than all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hits {
    pub hits: u64,
    pub rows: u64,
}

/// ln of the probability that so many hits or more fall into the current sample if they fall by chance.
///
/// One-sided Fisher's exact test: the upper tail of the hypergeometric law (Fisher 1935, JRSS 98(1), 39–82), each probability by
/// Loader's method (2000, Fast and accurate computation of binomial probabilities), the tail by ratios of neighbours. Terms
/// summed: about eight standard deviations of the law at most, some 30,000 with a billion rows a side.
pub fn ln_more(reference: Hits, current: Hits) -> f64 {
    let law = Hypergeometric::of(reference, current);
    law.ln_at_or_above(current.hits as f64)
}

/// ln of the probability of a split no likelier than this one, to either side: two-sided Fisher's exact test.
pub fn ln_different(reference: Hits, current: Hits) -> f64 {
    let law = Hypergeometric::of(reference, current);
    law.ln_no_likelier(current.hits as f64)
}

/// How many of `hits` fall into `draws` of all rows, the others into the `rest`.
#[derive(Clone, Copy, Debug)]
struct Hypergeometric {
    hits: f64,
    draws: f64,
    rest: f64,
}

/// Which way a tail runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Up,
    Down,
}

impl Hypergeometric {
    fn of(reference: Hits, current: Hits) -> Self {
        debug_assert!(reference.hits <= reference.rows && current.hits <= current.rows);
        Self {
            hits: reference.hits as f64 + current.hits as f64,
            draws: current.rows as f64,
            rest: reference.rows as f64,
        }
    }

    fn lowest(&self) -> f64 {
        (self.hits - self.rest).max(0.0)
    }

    fn highest(&self) -> f64 {
        self.hits.min(self.draws)
    }

    fn mode(&self) -> f64 {
        let mode = ((self.hits + 1.0) * (self.draws + 1.0) / (self.draws + self.rest + 2.0)).floor();
        mode.clamp(self.lowest(), self.highest())
    }

    fn ln_at_or_above(&self, k: f64) -> f64 {
        if k <= self.lowest() {
            return 0.0;
        }
        // The sum runs away from the mode, where terms fall.
        if k > self.mode() {
            return self.ln_tail(k, Side::Up).min(0.0);
        }
        (-self.ln_tail(k - 1.0, Side::Down).exp()).ln_1p()
    }

    #[expect(clippy::float_cmp, reason = "counts are whole numbers")]
    fn ln_no_likelier(&self, k: f64) -> f64 {
        let (lowest, highest, mode) = (self.lowest(), self.highest(), self.mode());
        if k == mode {
            return 0.0;
        }
        let limit = self.ln_weight(k) + TIE;
        if self.ln_weight(mode) <= limit {
            return 0.0;
        }
        let (own, other, end) = if k > mode { (Side::Up, Side::Down, lowest) } else { (Side::Down, Side::Up, highest) };
        let own = self.ln_tail(k, own);
        if self.ln_weight(end) > limit {
            return own.min(0.0);
        }
        // Between the mode and the end weights only fall: halve until the first outcome that is unlikely enough is found.
        let (mut unlikely, mut likely) = (end, mode);
        while (unlikely - likely).abs() > 1.0 {
            let middle = f64::midpoint(unlikely, likely).floor();
            if self.ln_weight(middle) <= limit { unlikely = middle } else { likely = middle }
        }
        let other = self.ln_tail(unlikely, other);
        (own + (other - own).exp().ln_1p()).min(0.0)
    }

    /// ln of the sum of weights from `k` away from the mode.
    fn ln_tail(&self, k: f64, side: Side) -> f64 {
        let Self { hits, draws, rest } = *self;
        let (mut at, mut term, mut sum) = (k, 1.0, 1.0);
        while term > NEGLIGIBLE * sum {
            // Past either end one of the factors is zero.
            if side == Side::Up {
                term *= (draws - at) * (hits - at) / ((at + 1.0) * (rest - hits + at + 1.0));
                at += 1.0;
            } else {
                term *= at * (rest - hits + at) / ((draws - at + 1.0) * (hits - at + 1.0));
                at -= 1.0;
            }
            sum += term;
        }
        self.ln_weight(k) + sum.ln()
    }

    /// ln of the probability of exactly `k` hits in the draws, as a quotient of three binomials of one share (Loader 2000).
    fn ln_weight(&self, k: f64) -> f64 {
        let Self { hits, draws, rest } = *self;
        let share = hits / (draws + rest);
        ln_binomial(k, draws, share) + ln_binomial(hits - k, rest, share) - ln_binomial(hits, draws + rest, share)
    }
}

/// ln of the binomial probability of `k` hits among `n` trials of the given share.
#[expect(clippy::float_cmp, reason = "counts are whole numbers")]
fn ln_binomial(k: f64, n: f64, share: f64) -> f64 {
    let other = 1.0 - share;
    if k == 0.0 {
        return n * (-share).ln_1p();
    }
    if k == n {
        return n * share.ln();
    }
    let shapes = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    shapes - deviance(k, n * share) - deviance(n - k, n * other) - 0.5 * (TAU * k * (1.0 - k / n)).ln()
}

#[cfg(test)]
mod tests {
    use super::{Hits, ln_different, ln_more};
    use crate::stats::oracle;
    use proptest::prelude::*;

    fn hits(hits: u64, rows: u64) -> Hits {
        Hits { hits, rows }
    }

    /// ln C(n, k) by plain sums of logarithms.
    fn ln_choose(n: u64, k: u64) -> f64 {
        (0..k).map(|at| ((n - at) as f64).ln() - ((at + 1) as f64).ln()).sum()
    }

    #[test]
    fn probabilities_are_those_of_mpmath_up_to_a_billion_rows() {
        for row in oracle::rows("exact") {
            let [more, different] = [row[4], row[5]];
            let (reference, current) = (hits(row[0] as u64, row[1] as u64), hits(row[2] as u64, row[3] as u64));
            for (found, expected) in
                [(ln_more(reference, current), more), (ln_different(reference, current), different)]
            {
                let relative = (found - expected).exp_m1().abs();
                assert!(relative <= 1e-9, "{reference:?} {current:?}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn known_tables_have_their_known_probabilities() {
        // Evidently's unit tests of Fisher's exact test.
        assert!((ln_different(hits(45, 90), hits(30, 90)).exp() - 0.033_972).abs() < 1e-6);
        assert!((ln_different(hits(90, 150), hits(60, 150)).exp() - 0.000_784).abs() < 1e-6);
    }

    #[test]
    fn where_nothing_could_differ_nothing_does() {
        for (reference, current) in [
            (hits(0, 10), hits(0, 5)),
            (hits(10, 10), hits(5, 5)),
            (hits(0, 0), hits(3, 9)),
            (hits(4, 9), hits(0, 0)),
            (hits(0, 0), hits(0, 0)),
        ] {
            assert_eq!(
                (ln_more(reference, current), ln_different(reference, current)),
                (0.0, 0.0),
                "{reference:?} {current:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn small_tables_have_the_probabilities_of_plain_sums(
            reference_rows in 0..40_u64, current_rows in 0..40_u64, reference_part in 0.0..=1.0_f64, current_part in 0.0..=1.0_f64,
        ) {
            let reference = hits((reference_part * reference_rows as f64) as u64, reference_rows);
            let current = hits((current_part * current_rows as f64) as u64, current_rows);
            let all = reference.hits + current.hits;
            let outcomes = all.saturating_sub(reference_rows)..=all.min(current_rows);
            let weight = |k: u64| {
                let ways = ln_choose(current_rows, k) + ln_choose(reference_rows, all - k);
                (ways - ln_choose(reference_rows + current_rows, all)).exp()
            };
            let more: f64 = outcomes.clone().filter(|k| *k >= current.hits).map(weight).sum();
            let observed = weight(current.hits);
            let different: f64 = outcomes.map(weight).filter(|weight| *weight <= observed * (1.0 + 1e-7)).sum();
            prop_assert!((ln_more(reference, current).exp() / more - 1.0).abs() < 1e-9);
            prop_assert!((ln_different(reference, current).exp() / different - 1.0).abs() < 1e-9);
        }

        #[test]
        fn the_two_sided_test_does_not_care_which_sample_is_which(
            reference in (0..1_000_u64, 1_000..100_000_u64), current in (0..1_000_u64, 1_000..100_000_u64),
        ) {
            let (reference, current) = (hits(reference.0, reference.1), hits(current.0, current.1));
            let (one, other) = (ln_different(reference, current), ln_different(current, reference));
            prop_assert!((one - other).abs() <= 1e-8 * one.abs().max(1.0), "{one} and {other}");
        }
    }
}
