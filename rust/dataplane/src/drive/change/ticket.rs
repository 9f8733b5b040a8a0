//! Who waits to hear what became of a document.

use std::collections::{BTreeMap, BTreeSet};
use tidegate_core::plane::{Outcome, Subject};
use tokio::sync::oneshot;

/// What became of every part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What is served once everything is settled.
    pub epoch: u64,
    pub settlements: Vec<Settlement>,
    pub sections: Sections,
    /// What of it does not do what one may think, though it is in force.
    pub doubts: Doubts,
}

/// Sentences about parts that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Gates that check nothing, and what monitors give up.
    pub monitors: Vec<String>,
    /// Versions beside which another profile lies than the one they were loaded with.
    pub profiles: BTreeMap<Subject, String>,
}

/// What became of the sections that are in force at once, where a document has or had them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    pub keys: Option<Outcome>,
    pub monitors: Option<Outcome>,
}

/// What became of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub subject: Subject,
    pub outcome: Outcome,
}

/// An outcome in one word.
pub fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Current => "current",
        Outcome::Unchanged => "unchanged",
        Outcome::Removed => "removed",
        Outcome::Refused(_) => "refused",
        Outcome::Superseded => "superseded",
    }
}

/// Why it is not what the document says, if it is not.
pub fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Refused(reason) => Some(reason),
        Outcome::Superseded => Some("a newer document came before it was ready"),
        Outcome::Current | Outcome::Unchanged | Outcome::Removed => None,
    }
}

impl Settlement {
    /// Subject and reason, if it was refused.
    pub(super) fn sentence(self) -> Option<String> {
        match self.outcome {
            Outcome::Refused(reason) => Some(format!("{}: {reason}", self.subject)),
            _ => None,
        }
    }
}

struct Ticket {
    sections: Sections,
    profiles: BTreeMap<Subject, String>,
    open: BTreeSet<Subject>,
    settled: BTreeMap<Subject, Outcome>,
    respond: oneshot::Sender<Report>,
}

/// Everybody who waits, oldest first.
#[derive(Default)]
pub(super) struct Tickets(Vec<Ticket>);

impl Tickets {
    pub(super) fn open(
        &mut self,
        open: BTreeSet<Subject>,
        sections: Sections,
        profiles: BTreeMap<Subject, String>,
        respond: oneshot::Sender<Report>,
    ) {
        self.0.push(Ticket { sections, profiles, open, settled: BTreeMap::new(), respond });
    }

    /// Notes an outcome for all who wait for it. What a newer document superseded is news to the older ones only.
    pub(super) fn settle(&mut self, subject: &Subject, outcome: &Outcome) {
        let older = self.0.len().saturating_sub(1);
        let heard = if *outcome == Outcome::Superseded { &mut self.0[..older] } else { &mut self.0[..] };
        for ticket in heard {
            if ticket.open.remove(subject) {
                ticket.settled.insert(subject.clone(), outcome.clone());
            }
        }
    }

    /// Whether somebody's document is settled.
    pub(super) fn has_settled(&self) -> bool {
        self.0.iter().any(|ticket| ticket.open.is_empty())
    }

    /// Answers everybody whose document is settled, and forgets who does not wait any more.
    pub(super) fn answer(&mut self, epoch: u64, monitors: &[String]) {
        self.0.retain(|ticket| !ticket.respond.is_closed());
        for ticket in self.0.extract_if(.., |ticket| ticket.open.is_empty()) {
            let settlements =
                ticket.settled.into_iter().map(|(subject, outcome)| Settlement { subject, outcome }).collect();
            let doubts = Doubts { monitors: monitors.to_vec(), profiles: ticket.profiles };
            // Whoever asked may have gone this very moment.
            let report = Report { epoch, settlements, sections: ticket.sections, doubts };
            ticket.respond.send(report).ok();
        }
    }
}
