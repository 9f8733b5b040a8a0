//! How the answers of a shadow differ from those of the primary.
//!
//! A route may send a sampled copy of its requests to a second version, the shadow, whose answer is never returned. A
//! [`Comparison`] takes in pairs of endings and keeps sums of a fixed size: differences per output, decisions that flip,
//! errors, latency, and the worst examples by prediction id. [`Comparison::report`] is what people and dashboards read.
//!
//! [`answer`] reads a message, [`pair`] brings outputs of the same name together, [`element`] and [`difference`] put
//! numbers side by side, [`decision`] what follows from them; [`outputs`], [`flips`], [`errors`] and [`latency`] count.

mod answer;
mod decision;
mod difference;
mod element;
mod errors;
mod example;
mod flips;
mod histogram;
mod latency;
mod outputs;
mod pair;
mod report;

pub use errors::{ErrorReport, ErrorRow};
pub use example::{Flipped, Scalar, Worst};
pub use flips::{DecisionRule, FlipReport};
pub use histogram::Bin;
pub use latency::LatencyReport;
pub use outputs::{OutputReport, UnlikeReport};
pub use report::Report;

use crate::fault::Code;

/// How one of the two runs ended.
#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    /// An encoded `ModelInferResponse` without gRPC's frame head, and how long its run took in nanoseconds.
    Answered { message: &'a [u8], took: u64 },
    /// No answer but a fault; its code is never OK.
    Failed { code: Code },
    /// The caller gave up or its time ran out: there is nothing to compare with.
    Abandoned,
}

impl Ending<'_> {
    fn code(&self) -> Option<Code> {
        match self {
            Self::Answered { .. } => Some(Code::Ok),
            Self::Failed { code } => Some(*code),
            Self::Abandoned => None,
        }
    }
}

/// How one request ended on both sides, read and not yet counted.
#[derive(Debug)]
pub struct Pair(Read);

#[derive(Debug)]
enum Read {
    Answered { ours: Vec<answer::Tensor>, theirs: Vec<answer::Tensor>, took: [u64; 2] },
    Unreadable,
    Codes(Code, Code),
    Abandoned,
}

impl Pair {
    /// Reads both endings. Bytes that are no answer are counted, never an error: both messages come from versions, and a
    /// shadow may be as broken as it likes.
    pub fn of(primary: &Ending<'_>, shadow: &Ending<'_>) -> Self {
        Self(match (primary, shadow) {
            (Ending::Answered { message: ours, took }, Ending::Answered { message: theirs, took: shadow_took }) => {
                match (answer::read(ours), answer::read(theirs)) {
                    (Some(ours), Some(theirs)) => Read::Answered { ours, theirs, took: [*took, *shadow_took] },
                    _ => Read::Unreadable,
                }
            }
            _ => match (primary.code(), shadow.code()) {
                (Some(primary), Some(shadow)) => Read::Codes(primary, shadow),
                _ => Read::Abandoned,
            },
        })
    }
}

/// Everything that is known of how a shadow differs from its primary.
///
/// Its memory is bounded below 1 MiB, whatever is recorded; an output of a usual model takes about 6 KiB. Counts do not
/// depend on the order of records, but for the names of outputs that find no room.
#[derive(Clone, Debug)]
pub struct Comparison {
    pairs: u64,
    abandoned: u64,
    unreadable: u64,
    answered: u64,
    errors: errors::Errors,
    flips: flips::Flips,
    outputs: outputs::Outputs,
    latency: latency::Latency,
}

impl Comparison {
    /// Nothing recorded yet. Without a rule, decisions are told from the outputs themselves ([`DecisionRule`]).
    pub fn new(rule: Option<DecisionRule>) -> Self {
        Self {
            pairs: 0,
            abandoned: 0,
            unreadable: 0,
            answered: 0,
            errors: errors::Errors::default(),
            flips: flips::Flips::new(rule),
            outputs: outputs::Outputs::default(),
            latency: latency::Latency::new(),
        }
    }

    /// Reads and counts how one request ended on both sides.
    pub fn record(&mut self, prediction_id: &str, primary: &Ending<'_>, shadow: &Ending<'_>) {
        self.take_in(prediction_id, &Pair::of(primary, shadow));
    }

    /// Counts how one request ended on both sides. Of the id, at most 64 bytes are kept.
    pub fn take_in(&mut self, prediction_id: &str, pair: &Pair) {
        self.pairs += 1;
        match &pair.0 {
            Read::Answered { ours, theirs, took: [took, shadow_took] } => {
                self.answered += 1;
                self.latency.record(*took, *shadow_took);
                let pairs = pair::by_name(ours, theirs);
                self.outputs.record(prediction_id, &pairs);
                self.flips.record(prediction_id, &pairs);
            }
            Read::Unreadable => self.unreadable += 1,
            Read::Codes(primary, shadow) => self.errors.record(*primary, *shadow),
            Read::Abandoned => self.abandoned += 1,
        }
    }

    /// What has been recorded, for reading.
    pub fn report(&self) -> Report {
        Report {
            pairs: self.pairs,
            abandoned: self.abandoned,
            unreadable: self.unreadable,
            answered: self.answered,
            errors: self.errors.report(),
            flips: self.flips.report(),
            outputs: self.outputs.report(),
            other_outputs: self.outputs.other(),
            latency_ratio: self.latency.report(),
            worst: self.outputs.worst(),
            flipped_examples: self.flips.examples(),
        }
    }
}

#[cfg(test)]
mod tests;
