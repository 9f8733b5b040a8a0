//! Which features of one window are listed as drifted, with a known share of false ones among them.

use crate::stats::corrections::{Weighted, benjamini_hochberg};
use serde::Serialize;

/// A feature's place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The least false discovery rate at which the feature is listed.
    pub q: f64,
    pub is_listed: bool,
}

/// The place of each feature that could be judged in this window, in the order given: its p against what is tolerated, and its
/// weight.
///
/// Benjamini and Hochberg's list at the false discovery rate `fdr`, weighted; see [`benjamini_hochberg`].
pub fn list(features: &[Weighted], fdr: f64) -> Vec<Place> {
    let places = benjamini_hochberg(features).into_iter();
    places.map(|q| Place { q, is_listed: q <= fdr }).collect()
}
