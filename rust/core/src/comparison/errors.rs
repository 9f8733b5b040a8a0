//! Requests that one side, or both, did not answer.

use crate::fault::Code;
use serde::Serialize;
use std::collections::BTreeMap;

/// Pairs of codes of which at least one is a failure.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors {
    /// At most the square of the number of codes.
    table: BTreeMap<(Code, Code), u64>,
}

/// Who failed, in requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ErrorReport {
    /// The primary failed and the shadow answered.
    pub primary_only: u64,
    /// The shadow failed and the primary answered.
    pub shadow_only: u64,
    /// Both failed, with the same code.
    pub both_alike: u64,
    /// Both failed, with different codes.
    pub both_different: u64,
    /// Each pair of codes that came, in the order of their numbers.
    pub table: Vec<ErrorRow>,
}

/// How often a pair of codes came; `OK` is the side that answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorRow {
    pub primary: &'static str,
    pub shadow: &'static str,
    pub count: u64,
}

impl Errors {
    pub(super) fn record(&mut self, primary: Code, shadow: Code) {
        *self.table.entry((primary, shadow)).or_default() += 1;
    }

    pub(super) fn report(&self) -> ErrorReport {
        let mut report = ErrorReport::default();
        for (&(primary, shadow), &count) in &self.table {
            let kind = match (primary, shadow) {
                (Code::Ok, _) => &mut report.shadow_only,
                (_, Code::Ok) => &mut report.primary_only,
                _ if primary == shadow => &mut report.both_alike,
                _ => &mut report.both_different,
            };
            *kind += count;
            report.table.push(ErrorRow { primary: primary.name(), shadow: shadow.name(), count });
        }
        report
    }
}
