//! How many false pages a year are allowed, shared out among all tests that may page.

use serde::Serialize;

const DAYS: f64 = 365.0;

/// False pages a year that one monitor may cause when nothing drifts, in the mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budget {
    pub pages_per_year: f64,
}

/// Window lengths that may page. Windows of a minute never do: a year has half a million, and each would get too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    Hour,
    Day,
}

impl Length {
    fn per_year(self) -> f64 {
        match self {
            Self::Hour => DAYS * 24.0,
            Self::Day => DAYS,
        }
    }
}

impl Budget {
    /// The false-alarm rate of each test in each window of a length.
    ///
    /// The budget is halved, thirded, … among the window lengths in use, then split among tests by weight, then evenly over the
    /// windows of a year: by the union bound all of them together cause at most the budget, however they depend on each
    /// other. Weights are not negative; a test without weight never pages.
    pub fn alphas(&self, length: Length, lengths_in_use: usize, weights: &[f64]) -> Vec<f64> {
        let each = self.pages_per_year / lengths_in_use.max(1) as f64 / length.per_year();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| if *weight > 0.0 { (each * weight / total).min(1.0) } else { 0.0 }).collect()
    }
}
