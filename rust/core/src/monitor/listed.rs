//! The list of a window: which tests of which features are too unlikely to be chance.

use super::pair::{Places, tests};
use crate::drift::{Look, list};
use crate::stats::corrections::Weighted;

/// Every test of every feature in one list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The places of each feature's tests.
    pub(super) q: Vec<Places>,
    /// What the list has come to: at this p or below a test of the mean weight is listed.
    alpha: f64,
    mean_weight: f64,
}

/// For a feature without weight, which is never listed: as far out as thresholds are drawn.
const LEAST: f64 = 1e-12;

impl Listed {
    pub(super) fn of(looks: &[Look], weights: &[f64], fdr: f64) -> Self {
        let p: Vec<[Option<f64>; 3]> = looks.iter().map(tests).collect();
        let weighted = p.iter().zip(weights);
        let weighted = weighted.flat_map(|(p, weight)| p.iter().flatten().map(|p| Weighted { p: *p, weight: *weight }));
        let weighted: Vec<Weighted> = weighted.collect();
        let places = list::list(&weighted, fdr);
        let entries = places.iter().filter(|place| place.is_listed).count().max(1);
        let tests_in_all = weighted.len().max(1) as f64;
        let mut places = places.iter().map(|place| place.q);
        let mut next = |test: Option<f64>| test.and_then(|_| places.next());
        let q =
            p.iter().map(|[psi, new, missing]| Places { psi: next(*psi), new: next(*new), missing: next(*missing) });
        Self {
            q: q.collect(),
            alpha: fdr * entries as f64 / tests_in_all,
            mean_weight: weighted.iter().map(|test| test.weight).sum::<f64>() / tests_in_all,
        }
    }

    /// The p at or below which a feature of this weight is listed.
    pub(super) fn alpha(&self, weight: f64) -> f64 {
        // Nothing is tested: any level will do, for there is nothing to hold beside it.
        if self.mean_weight > 0.0 { (self.alpha * weight / self.mean_weight).clamp(LEAST, 0.5) } else { self.alpha }
    }
}
