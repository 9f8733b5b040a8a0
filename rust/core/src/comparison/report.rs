//! What a comparison says, as JSON.

use super::errors::ErrorReport;
use super::example::{Flipped, Worst};
use super::flips::FlipReport;
use super::latency::LatencyReport;
use super::outputs::OutputReport;
use serde::Serialize;

/// The whole of a [`super::Comparison`]: numbers are finite, and `null` where there is nothing to tell.
///
/// `pairs` = `abandoned` + `unreadable` + `answered` + the four counts of `errors`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Requests that were recorded.
    pub pairs: u64,
    /// Of these, the ones that one side gave up.
    pub abandoned: u64,
    /// Both answered, and bytes of one cannot be read as an answer.
    pub unreadable: u64,
    /// Both answered: flips, outputs and latency are over these.
    pub answered: u64,
    pub errors: ErrorReport,
    pub flips: FlipReport,
    /// In the order in which they were first seen; at most 64.
    pub outputs: Vec<OutputReport>,
    /// Outputs of requests that are not among them, because their names came later or are longer than 256 bytes.
    pub other_outputs: u64,
    pub latency_ratio: LatencyReport,
    /// At most 16: outputs take turns, each with its next largest |Δ|.
    pub worst: Vec<Worst>,
    /// At most 16, the latest first.
    pub flipped_examples: Vec<Flipped>,
}
