//! Corrections for many tests at once.

/// One of many tests: its p-value, and how much attention its feature deserves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighted {
    pub p: f64,
    /// Not negative; only its proportion to the others counts. A test without weight is never listed.
    pub weight: f64,
}

/// The q value of each test: listing all tests with q ≤ f keeps the expected share of false ones among the listed at f.
///
/// Benjamini & Hochberg (1995), JRSS B 57(1), 289–300, on p/w with weights of mean one (Genovese, Roeder & Wasserman 2006,
/// Biometrika 93(3), 509–524): q of rank i is the least over j ≥ i of p₍ⱼ₎/w₍ⱼ₎·count/j, at most 1. Holds for independent
/// and positively dependent tests (Benjamini & Yekutieli 2001).
pub fn benjamini_hochberg(tests: &[Weighted]) -> Vec<f64> {
    let count = tests.len() as f64;
    let mean = tests.iter().map(|test| test.weight).sum::<f64>() / count;
    let weighed = |test: &Weighted| if test.weight > 0.0 { test.p * mean / test.weight } else { f64::INFINITY };
    let mut ranked: Vec<(f64, usize)> = tests.iter().map(weighed).zip(0..).collect();
    ranked.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let mut q = vec![1.0; tests.len()];
    let mut least = 1.0_f64;
    for (rank, (weighed, at)) in ranked.iter().enumerate().rev() {
        least = least.min(weighed * count / (rank + 1) as f64);
        q[*at] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::{Weighted, benjamini_hochberg};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn alike(p: &[f64]) -> Vec<Weighted> {
        p.iter().map(|p| Weighted { p: *p, weight: 3.0 }).collect()
    }

    #[test]
    fn equal_weights_give_the_numbers_of_scipy() {
        // scipy 1.17.1: false_discovery_control(p, method="bh"), the vector of its documentation
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let expected = [
            0.0015,
            0.003,
            0.0095,
            0.035_625,
            0.0603,
            0.063_857_142_857_142_86,
            0.063_857_142_857_142_86,
            0.0645,
            0.0765,
            0.486,
            0.581_181_818_181_818_1,
            0.714_875,
            0.753_230_769_230_769_2,
            0.813_214_285_714_285_7,
            1.0,
        ];
        for (found, expected) in benjamini_hochberg(&alike(&p)).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found} for {expected}");
        }
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn weight_moves_attention_from_one_test_to_another() {
        let [heavy, light] = [Weighted { p: 0.04, weight: 3.0 }, Weighted { p: 0.04, weight: 1.0 }];
        let q = benjamini_hochberg(&[heavy, light]);
        assert!((q[0] - 0.04 * 2.0 / 3.0 * 2.0).abs() < 1e-15 && (q[1] - 0.08).abs() < 1e-15, "{q:?}");
        let weightless = benjamini_hochberg(&[heavy, Weighted { p: 0.0, weight: 0.0 }])[1];
        assert!(weightless >= 1.0, "{weightless}");
    }

    proptest! {
        #[test]
        fn the_list_is_that_of_the_step_up_procedure(
            tests in vec((0.0..1.0_f64, 0.1..5.0_f64), 1..40), fdr in 0.01..0.9_f64,
        ) {
            let tests: Vec<Weighted> = tests.into_iter().map(|(p, weight)| Weighted { p: p.powi(3), weight }).collect();
            let count = tests.len() as f64;
            let mean = tests.iter().map(|test| test.weight).sum::<f64>() / count;
            // As published: the largest number of tests k such that k of them have p/w ≤ fdr·k/count.
            let listed = |k: usize| tests.iter().filter(|test| test.p * mean / test.weight <= fdr * k as f64 / count).count();
            let steps = (1..=tests.len()).rev().find(|k| listed(*k) >= *k).unwrap_or(0);
            let found = benjamini_hochberg(&tests);
            prop_assert_eq!(found.iter().filter(|q| **q <= fdr).count(), steps);
            prop_assert!(found.iter().all(|q| (0.0..=1.0).contains(q)));
        }
    }
}
