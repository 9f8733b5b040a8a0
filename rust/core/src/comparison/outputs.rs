//! Differences, output by output.

use super::difference::{Difference, between, scalar_at};
use super::example::{MOST_EXAMPLES, Worst, clipped, place};
use super::histogram::{Bin, DIFFERENCES, Histogram};
use super::pair::{Pair, Unlike};
use crate::oip::datatype::Datatype;
use crate::stats::{Interval, Moments, of_mean};
use serde::Serialize;

/// Names of outputs that are kept: more than models have, and a bound for those that make names up.
const MOST_NAMES: usize = 64;
/// Bytes of a name that is kept.
const MOST_NAME: usize = 256;

/// The outputs that were seen, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    seen: Vec<Seen>,
    other: u64,
}

/// What is known of one output. The unit is the request.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    datatype: Datatype,
    requests: u64,
    unlike: UnlikeReport,
    rows: u64,
    unequal_rows: u64,
    max_abs: Histogram,
    mean_abs: Moments,
    max_rel: Histogram,
    /// From the largest difference; of equal ones the earliest first.
    worst: Vec<Worst>,
}

/// One output over all requests. Differences of numbers are `null` for BYTES and while `requests` is 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputReport {
    pub name: String,
    /// As it was when the output was first seen; the primary's, if it had it.
    pub datatype: &'static str,
    /// Requests in which both sides had it and every element could be compared: all numbers here are over these.
    pub requests: u64,
    /// Requests in which it could not be compared, which enter no number.
    pub unlike: u64,
    pub unlike_because: UnlikeReport,
    /// The largest |Δ| of any element.
    pub max_abs: Option<f64>,
    /// The mean over requests of their mean |Δ| over elements, and its 95 % interval ([`of_mean`]), cut at 0.
    pub mean_abs: Option<f64>,
    pub mean_abs_low: Option<f64>,
    pub mean_abs_high: Option<f64>,
    /// Quantiles over requests of their largest |Δ|, within 16 %.
    pub p50_abs: Option<f64>,
    pub p99_abs: Option<f64>,
    /// The same of |Δ| / max(|primary|, |shadow|), which is 0 for 0 against 0.
    pub max_rel: Option<f64>,
    pub p50_rel: Option<f64>,
    pub p99_rel: Option<f64>,
    /// Rows, entries along the first axis, that are not the same in every element.
    pub unequal_rows: u64,
    pub rows: u64,
    /// Requests by their largest |Δ|: eight buckets per decade from 1e-12 to 1e12.
    pub abs_histogram: Vec<Bin>,
}

/// Requests in which an output could not be compared, by the first reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnlikeReport {
    /// Only one side had it.
    pub missing: u64,
    pub datatype: u64,
    pub shape: u64,
    /// An element was finite on one side and not on the other, or the infinities had different signs.
    pub values: u64,
}

impl Outputs {
    pub(super) fn record(&mut self, prediction_id: &str, pairs: &[Pair<'_>]) {
        for pair in pairs {
            let (name, datatype) = match pair {
                Pair::Alike { primary, .. } => (primary.name.as_str(), primary.datatype),
                Pair::Unlike { name, datatype, .. } => (*name, *datatype),
            };
            match self.place(name, datatype) {
                Some(at) => self.seen[at].record(prediction_id, pair),
                None => self.other += 1,
            }
        }
    }

    /// Where the output is kept; `None` if there is no room for one more name.
    fn place(&mut self, name: &str, datatype: Datatype) -> Option<usize> {
        let known = self.seen.iter().position(|seen| seen.name == name);
        if known.is_none() && self.seen.len() < MOST_NAMES && name.len() <= MOST_NAME {
            self.seen.push(Seen::new(name, datatype));
            return Some(self.seen.len() - 1);
        }
        known
    }

    pub(super) fn report(&self) -> Vec<OutputReport> {
        self.seen.iter().map(Seen::report).collect()
    }

    /// Outputs of requests whose names found no room.
    pub(super) fn other(&self) -> u64 {
        self.other
    }

    /// The worst examples: outputs take turns, each with its next worst, so that one in large units does not hide the
    /// others.
    pub(super) fn worst(&self) -> Vec<Worst> {
        let turns = (0..MOST_EXAMPLES).flat_map(|turn| self.seen.iter().filter_map(move |seen| seen.worst.get(turn)));
        turns.take(MOST_EXAMPLES).cloned().collect()
    }
}

impl Seen {
    fn new(name: &str, datatype: Datatype) -> Self {
        Self {
            name: name.to_owned(),
            datatype,
            requests: 0,
            unlike: UnlikeReport::default(),
            rows: 0,
            unequal_rows: 0,
            max_abs: Histogram::new(&DIFFERENCES),
            mean_abs: Moments::default(),
            max_rel: Histogram::new(&DIFFERENCES),
            worst: Vec::new(),
        }
    }

    fn record(&mut self, prediction_id: &str, pair: &Pair<'_>) {
        let compared = match pair {
            Pair::Alike { primary, shadow } => between(primary, shadow).ok_or(Unlike::Values),
            Pair::Unlike { why, .. } => Err(*why),
        };
        match compared {
            Ok(difference) => self.count(prediction_id, pair, &difference),
            Err(Unlike::Missing) => self.unlike.missing += 1,
            Err(Unlike::Datatype) => self.unlike.datatype += 1,
            Err(Unlike::Shape) => self.unlike.shape += 1,
            Err(Unlike::Values) => self.unlike.values += 1,
        }
    }

    fn count(&mut self, prediction_id: &str, pair: &Pair<'_>, difference: &Difference) {
        self.requests += 1;
        self.rows = self.rows.saturating_add(difference.rows);
        self.unequal_rows = self.unequal_rows.saturating_add(difference.unequal_rows);
        let Some(distance) = difference.distance else { return };
        self.max_abs.record(distance.max_abs);
        self.mean_abs.push(distance.mean_abs);
        self.max_rel.record(distance.max_rel);
        if distance.max_abs > 0.0
            && let Pair::Alike { primary, shadow } = pair
            && let Some(place) = place(&self.worst, distance.max_abs)
        {
            self.worst.truncate(MOST_EXAMPLES - 1);
            let example = Worst {
                prediction_id: clipped(prediction_id).to_owned(),
                output: self.name.clone(),
                row: (distance.at / primary.row_len().max(1)) as u64,
                primary: scalar_at(primary, distance.at),
                shadow: scalar_at(shadow, distance.at),
                difference: distance.max_abs,
            };
            self.worst.insert(place, example);
        }
    }

    fn report(&self) -> OutputReport {
        let UnlikeReport { missing, datatype, shape, values } = self.unlike;
        let interval = of_mean(&self.mean_abs);
        OutputReport {
            name: self.name.clone(),
            datatype: self.datatype.name(),
            requests: self.requests,
            unlike: missing + datatype + shape + values,
            unlike_because: self.unlike,
            max_abs: self.max_abs.max(),
            mean_abs: self.mean_abs.mean(),
            mean_abs_low: interval.map(|Interval { low, .. }| low.max(0.0)),
            mean_abs_high: interval.map(|Interval { high, .. }| high),
            p50_abs: self.max_abs.quantile(0.5),
            p99_abs: self.max_abs.quantile(0.99),
            max_rel: self.max_rel.max(),
            p50_rel: self.max_rel.quantile(0.5),
            p99_rel: self.max_rel.quantile(0.99),
            unequal_rows: self.unequal_rows,
            rows: self.rows,
            abs_histogram: self.max_abs.bins(),
        }
    }
}
