//! How much longer the shadow's runs take.

use super::histogram::{Bin, Histogram, RATIOS};
use crate::stats::{Interval, Moments, of_mean};
use serde::Serialize;

/// Ratios of the shadow's to the primary's run.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    ratios: Histogram,
    logarithms: Moments,
}

/// The shadow's run as a multiple of the primary's, over requests that both answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatencyReport {
    pub requests: u64,
    /// The mean on a logarithmic axis, where twice and half as long cancel; `null` without a request.
    pub geometric_mean: Option<f64>,
    /// Its 95 % interval: that of the mean logarithm ([`of_mean`]), taken back; `null` with fewer than two requests.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Quantiles within 2 %.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// 64 buckets per decade from 1/1000 to 1000.
    pub histogram: Vec<Bin>,
}

impl Latency {
    pub(super) fn new() -> Self {
        Self { ratios: Histogram::new(&RATIOS), logarithms: Moments::default() }
    }

    /// Both in nanoseconds; a run that took none counts as one.
    pub(super) fn record(&mut self, primary: u64, shadow: u64) {
        let ratio = shadow.max(1) as f64 / primary.max(1) as f64;
        self.ratios.record(ratio);
        self.logarithms.push(ratio.ln());
    }

    pub(super) fn report(&self) -> LatencyReport {
        let interval = of_mean(&self.logarithms).map(|Interval { low, high }| (low.exp(), high.exp()));
        // Two requests can leave open more powers of ten than numbers have.
        let interval = interval.filter(|(_, high)| high.is_finite());
        LatencyReport {
            requests: self.logarithms.count(),
            geometric_mean: self.logarithms.mean().map(f64::exp),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            p50: self.ratios.quantile(0.5),
            p99: self.ratios.quantile(0.99),
            histogram: self.ratios.bins(),
        }
    }
}
