//! Decisions that the shadow would have made differently.

use super::decision::{Rows, Way, is_labels, is_scores};
use super::example::{Flipped, MOST_EXAMPLES, clipped};
use super::pair::Pair;
use crate::oip::datatype::Datatype;
use crate::stats::of_share;
use serde::Serialize;
use std::collections::VecDeque;

/// The decision that a route's answers stand for, from the document: `decision: {output: probability, threshold: 0.5}`.
///
/// An element decides by being at or above the threshold; a row flips when one of its elements does on one side and not
/// on the other. Without a rule, the largest element along the last axis decides for every float output of two or more
/// axes whose last extent is 2 or more; a request without such an output flips where integer, boolean or string outputs
/// are unequal.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRule {
    pub output: String,
    pub threshold: f64,
}

/// Decisions by the rule, or by each of the two ways without one, which are kept apart.
#[derive(Clone, Debug)]
pub(super) struct Flips {
    rule: Option<DecisionRule>,
    by_rule: Tally,
    by_argmax: Tally,
    by_equality: Tally,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    requests: u64,
    flipped: u64,
    rows: u64,
    flipped_rows: u64,
    /// The most recent last.
    examples: VecDeque<Flipped>,
}

/// How often decisions flipped. The unit of the share is the request, since rows of one request are not independent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlipReport {
    /// How a decision was told: `probability >= 0.5`, `argmax` or `equality`; `null` if no request had one.
    ///
    /// Without a rule of the document it is `argmax` as soon as one request had scores, and requests without are left
    /// out.
    pub rule: Option<String>,
    /// Requests with a decision in at least one row: both sides had the output with the same datatype and shape.
    pub requests: u64,
    /// Requests in which any row flipped.
    pub flipped: u64,
    /// `flipped / requests`, and its 95 % interval ([`of_share`]); `null` without a request.
    pub share: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Entries along the first axis of all these requests.
    pub rows: u64,
    pub flipped_rows: u64,
}

impl Flips {
    pub(super) fn new(rule: Option<DecisionRule>) -> Self {
        Self { rule, by_rule: Tally::default(), by_argmax: Tally::default(), by_equality: Tally::default() }
    }

    pub(super) fn record(&mut self, prediction_id: &str, pairs: &[Pair<'_>]) {
        let alike = || {
            pairs.iter().filter_map(|pair| match pair {
                Pair::Alike { primary, shadow } => Some((*primary, *shadow)),
                Pair::Unlike { .. } => None,
            })
        };
        let mut rows = Rows::default();
        let tally = if let Some(rule) = &self.rule {
            let decides = alike().find(|(tensor, _)| tensor.name == rule.output);
            if let Some((primary, shadow)) = decides.filter(|(tensor, _)| tensor.datatype != Datatype::Bytes) {
                rows.judge(Way::Threshold(rule.threshold), primary, shadow);
            }
            &mut self.by_rule
        } else if alike().any(|(tensor, _)| is_scores(tensor)) {
            let scores = alike().filter(|(tensor, _)| is_scores(tensor));
            scores.for_each(|(primary, shadow)| rows.judge(Way::Argmax, primary, shadow));
            &mut self.by_argmax
        } else {
            let labels = alike().filter(|(tensor, _)| is_labels(tensor));
            labels.for_each(|(primary, shadow)| rows.judge(Way::Equality, primary, shadow));
            &mut self.by_equality
        };
        tally.record(prediction_id, rows);
    }

    pub(super) fn report(&self) -> FlipReport {
        let (rule, tally) = self.told();
        let interval = of_share(tally.flipped, tally.requests);
        FlipReport {
            rule,
            requests: tally.requests,
            flipped: tally.flipped,
            share: interval.map(|_| tally.flipped as f64 / tally.requests as f64),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            rows: tally.rows,
            flipped_rows: tally.flipped_rows,
        }
    }

    /// The most recent requests that flipped, the latest first.
    pub(super) fn examples(&self) -> Vec<Flipped> {
        self.told().1.examples.iter().rev().cloned().collect()
    }

    /// The way that the report speaks of.
    fn told(&self) -> (Option<String>, &Tally) {
        match &self.rule {
            Some(DecisionRule { output, threshold }) => (Some(format!("{output} >= {threshold}")), &self.by_rule),
            None if self.by_argmax.requests > 0 => (Some("argmax".to_owned()), &self.by_argmax),
            None => ((self.by_equality.requests > 0).then(|| "equality".to_owned()), &self.by_equality),
        }
    }
}

impl Tally {
    fn record(&mut self, prediction_id: &str, rows: Rows<'_>) {
        if rows.count() == 0 {
            return;
        }
        self.requests += 1;
        self.rows = self.rows.saturating_add(rows.count());
        self.flipped_rows = self.flipped_rows.saturating_add(rows.flipped());
        let Some(first) = rows.first else { return };
        self.flipped += 1;
        if self.examples.len() == MOST_EXAMPLES {
            self.examples.pop_front();
        }
        self.examples.push_back(Flipped {
            prediction_id: clipped(prediction_id).to_owned(),
            output: clipped(first.output).to_owned(),
            row: first.row as u64,
            primary: first.primary,
            shadow: first.shadow,
        });
    }
}
