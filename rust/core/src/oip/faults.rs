//! The violations found in one request.

use crate::fault::{Fault, Reason, Violation};

/// More violations than this are counted, not listed: an answer stays small whatever the request was.
const LISTED: usize = 16;

/// Every violation so far; the first one's reason is the request's.
#[derive(Default)]
pub(super) struct Faults {
    first: Option<Reason>,
    violations: Vec<Violation>,
    unlisted: usize,
}

impl Faults {
    /// Notes a violation; the sentences are only made if there is room to list it.
    pub(super) fn add(&mut self, reason: Reason, field: impl FnOnce() -> String, description: impl FnOnce() -> String) {
        self.first.get_or_insert(reason);
        if self.violations.len() < LISTED {
            self.violations.push(Violation { field: field(), description: description() });
        } else {
            self.unlisted += 1;
        }
    }

    /// Violations found so far, listed or not.
    pub(super) fn count(&self) -> usize {
        self.violations.len() + self.unlisted
    }

    /// The fault they make together, if there are any.
    pub(super) fn finish(self) -> Result<(), Fault> {
        let Some(reason) = self.first else { return Ok(()) };
        let sentences: Vec<_> = self.violations.iter().map(|violation| violation.description.as_str()).collect();
        let mut message = sentences.join("; ");
        if self.unlisted > 0 {
            message = format!("{message}; and {} more", self.unlisted);
        }
        Err(Fault { reason, message, violations: self.violations, retry_after: None })
    }
}
