//! From what is served to what a document wants, without losing a request: what to load, when to swap, what to let go.
//!
//! A content becomes current when every version it wants is ready, all that are ready in one swap; one that
//! cannot is refused with its reason and its subject keeps what it had. A newer document takes the place of what is
//! pending. A version that no content wants is retired, and one that is wanted again while it leaves is loaded anew after
//! its end, so that two of it are never in memory for want of patience.

mod loads;

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{ChangeCommand, ChangeEvent, Content, Load, LoadId, Outcome, Subject, Want};
use super::lifecycle::{LifecycleCommand, LifecycleEvent};
use crate::document::VersionId;

/// A content that waits for its versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    content: Content,
    /// It stands in for what was refused, so that nobody waits to hear of it.
    is_fallback: bool,
}

/// The state of all subjects and versions of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reconciler {
    /// How many loads are under way at once.
    at_once: usize,
    /// What a subject was served by before this process, to fall back to until something is current.
    kept: BTreeMap<Subject, Content>,
    current: BTreeMap<Subject, Content>,
    pending: BTreeMap<Subject, Pending>,
    /// Subjects that the newest document does not name, and that are not gone yet.
    leaving: BTreeSet<Subject>,
    publishing: Option<BTreeMap<Subject, Option<Content>>>,
    /// Why versions that are pending cannot be served.
    failed: BTreeMap<Want, String>,
    /// Until the first document is settled everything waits for everything else: a gateway begins with all that it can
    /// serve.
    has_begun: bool,
    loads: BTreeMap<LoadId, Load>,
    /// The load of each want that is not leaving.
    live: BTreeMap<Want, LoadId>,
}

impl Reconciler {
    /// A gateway that serves nothing yet, loads `at_once` versions at a time (0 counts as 1), and falls back to `kept`.
    pub fn new(at_once: usize, kept: BTreeMap<Subject, Content>) -> Self {
        Self {
            at_once: at_once.max(1),
            kept,
            current: BTreeMap::new(),
            pending: BTreeMap::new(),
            leaving: BTreeSet::new(),
            publishing: None,
            failed: BTreeMap::new(),
            has_begun: false,
            loads: BTreeMap::new(),
            live: BTreeMap::new(),
        }
    }

    /// What is served.
    pub fn current(&self) -> &BTreeMap<Subject, Content> {
        &self.current
    }

    /// What subjects had before this process and may fall back to.
    pub fn kept(&self) -> &BTreeMap<Subject, Content> {
        &self.kept
    }

    /// What waits for versions to be ready.
    pub fn pending(&self) -> impl Iterator<Item = (&Subject, &Content)> {
        self.pending.iter().map(|(subject, pending)| (subject, &pending.content))
    }

    /// Every version that is in memory, on its way there, or waiting for its turn.
    pub fn loads(&self) -> &BTreeMap<LoadId, Load> {
        &self.loads
    }

    /// The load that answers a want, once it is ready.
    pub fn ready(&self, want: &Want) -> Option<LoadId> {
        self.live.get(want).copied().filter(|id| self.loads[id].life.is_ready())
    }

    /// The loads that leave, by version: a load of the same version begins after their end.
    pub fn leaving(&self) -> BTreeMap<&VersionId, LoadId> {
        let leaving = self.loads.iter().filter(|(_, load)| load.life.is_leaving());
        leaving.map(|(id, load)| (&load.want.version, *id)).collect()
    }

    /// Takes one step and says what to do, in this order.
    ///
    /// # Panics
    /// When a load is told what cannot have happened to it, or a publication is answered that was not asked for.
    pub fn step(&mut self, event: ChangeEvent) -> Vec<ChangeCommand> {
        let mut todo = Vec::new();
        match event {
            ChangeEvent::Apply(wanted) => self.apply(wanted, &mut todo),
            ChangeEvent::Amend(changes) => self.amend(changes, &mut todo),
            ChangeEvent::Published => self.published(&mut todo),
            ChangeEvent::Rejected(reasons) => self.rejected(&reasons, &mut todo),
            ChangeEvent::Load(id, event) => self.happened(id, event, &mut todo),
        }
        self.advance(&mut todo);
        todo
    }

    fn apply(&mut self, wanted: BTreeMap<Subject, Content>, todo: &mut Vec<ChangeCommand>) {
        let known = self.current.keys().chain(self.pending.keys()).chain(self.kept.keys());
        let unnamed: BTreeSet<Subject> = known.filter(|subject| !wanted.contains_key(*subject)).cloned().collect();
        let unnamed = unnamed.into_iter().map(|subject| (subject, None));
        let changes = wanted.into_iter().map(|(subject, content)| (subject, Some(content))).chain(unnamed).collect();
        self.amend(changes, todo);
    }

    fn amend(&mut self, changes: BTreeMap<Subject, Option<Content>>, todo: &mut Vec<ChangeCommand>) {
        // What is wanted again is tried again.
        let wants = |content: &Option<Content>, want: &Want| content.iter().any(|content| content.wants.contains(want));
        self.failed.retain(|want, _| !changes.values().any(|content| wants(content, want)));
        for (subject, content) in &changes {
            let before = self.pending.remove(subject).filter(|pending| !pending.is_fallback);
            if before.is_some_and(|pending| content.as_ref() != Some(&pending.content)) {
                todo.push(ChangeCommand::Settled(subject.clone(), Outcome::Superseded));
            }
        }
        for (subject, content) in changes {
            self.leaving.remove(&subject);
            match content {
                Some(content) if self.current.get(&subject) == Some(&content) => {
                    todo.push(ChangeCommand::Settled(subject, Outcome::Unchanged));
                }
                Some(content) => drop(self.pending.insert(subject, Pending { content, is_fallback: false })),
                None => {
                    self.kept.remove(&subject);
                    if self.current.contains_key(&subject) {
                        self.leaving.insert(subject);
                    }
                }
            }
        }
    }

    fn published(&mut self, todo: &mut Vec<ChangeCommand>) {
        let changes = self.publishing.take().expect("a publication is answered once");
        for (subject, content) in changes {
            let outcome = match content {
                Some(content) => {
                    self.kept.remove(&subject);
                    let pending = self.pending.remove(&subject);
                    self.current.insert(subject.clone(), content);
                    pending.filter(|pending| !pending.is_fallback).map(|_| Outcome::Current)
                }
                None => {
                    self.leaving.remove(&subject);
                    self.current.remove(&subject);
                    Some(Outcome::Removed)
                }
            };
            todo.extend(outcome.map(|outcome| ChangeCommand::Settled(subject, outcome)));
        }
    }

    fn rejected(&mut self, reasons: &BTreeMap<Subject, String>, todo: &mut Vec<ChangeCommand>) {
        let changes = self.publishing.take().expect("a publication is answered once");
        for (subject, reason) in reasons {
            match changes.get(subject) {
                Some(Some(_)) => self.refuse(subject, reason, todo),
                Some(None) => {
                    self.leaving.remove(subject);
                    todo.push(ChangeCommand::Settled(subject.clone(), Outcome::Refused(reason.clone())));
                }
                None => {}
            }
        }
    }

    fn happened(&mut self, id: LoadId, event: LifecycleEvent, todo: &mut Vec<ChangeCommand>) {
        let failure = match &event {
            LifecycleEvent::LoadFailed(reason)
            | LifecycleEvent::WarmFailed(reason)
            | LifecycleEvent::LoadTimeout(reason) => Some(reason.clone()),
            _ => None,
        };
        let load = self.loads.get_mut(&id).expect("the shell speaks of loads that exist");
        let was_leaving = load.life.is_leaving();
        let command = load.life.step(event).expect("the shell reports what happened");
        let want = load.want.clone();
        if load.life.is_leaving() && !was_leaving {
            self.live.remove(&want);
        }
        if load.life.is_over() {
            self.loads.remove(&id);
        }
        todo.extend(
            command
                .filter(|command| *command != LifecycleCommand::Admit)
                .map(|command| ChangeCommand::Load(id, command)),
        );
        if let Some(reason) = failure.filter(|_| !was_leaving) {
            self.failed.insert(want, reason);
        }
    }

    /// Gives up what cannot be served, once all is known that is wrong with it.
    fn refuse_failed(&mut self, todo: &mut Vec<ChangeCommand>) {
        let is_settled = |want: &Want| self.failed.contains_key(want) || self.ready(want).is_some();
        let has_failed = |content: &Content| content.wants.iter().any(|want| self.failed.contains_key(want));
        let refused: Vec<(Subject, String)> = self
            .pending
            .iter()
            .filter(|(_, pending)| has_failed(&pending.content) && pending.content.wants.iter().all(is_settled))
            .map(|(subject, pending)| {
                let reasons = pending.content.wants.iter().filter_map(|want| self.failed.get(want));
                (subject.clone(), reasons.map(String::as_str).collect::<Vec<_>>().join("; "))
            })
            .collect();
        let is_new = !refused.is_empty();
        for (subject, reason) in refused {
            self.refuse(&subject, &reason, todo);
        }
        // What is tried instead may want a version that has failed too.
        if is_new {
            self.refuse_failed(todo);
        }
        self.failed.retain(|want, _| self.pending.values().any(|pending| pending.content.wants.contains(want)));
    }

    /// Gives up what is pending for a subject, and tries what it had before this process, once.
    fn refuse(&mut self, subject: &Subject, reason: &str, todo: &mut Vec<ChangeCommand>) {
        let Some(refused) = self.pending.remove(subject) else { return };
        if !refused.is_fallback {
            todo.push(ChangeCommand::Settled(subject.clone(), Outcome::Refused(reason.to_owned())));
        }
        if let Some(content) = self.kept.remove(subject).filter(|kept| *kept != refused.content) {
            self.pending.insert(subject.clone(), Pending { content, is_fallback: true });
        }
    }

    /// Swaps what can be swapped, lets go what nobody wants, begins what is missing.
    fn advance(&mut self, todo: &mut Vec<ChangeCommand>) {
        if self.publishing.is_some() {
            return;
        }
        if !self.failed.is_empty() {
            self.refuse_failed(todo);
        }
        self.has_begun |= self.pending.is_empty();
        let changes = self.changes();
        if !changes.is_empty() {
            self.publishing = Some(changes.clone());
            todo.push(ChangeCommand::Publish(changes));
            return;
        }
        self.retire(todo);
        self.begin(todo);
    }

    /// What could be swapped now.
    fn changes(&self) -> BTreeMap<Subject, Option<Content>> {
        let is_ready = |content: &Content| content.wants.iter().all(|want| self.ready(want).is_some());
        let swaps = self.pending.iter().filter(|(_, pending)| is_ready(&pending.content));
        if !self.has_begun && swaps.clone().count() < self.pending.len() {
            return BTreeMap::new();
        }
        let gone = self.leaving.iter().map(|subject| (subject.clone(), None));
        swaps.map(|(subject, pending)| (subject.clone(), Some(pending.content.clone()))).chain(gone).collect()
    }
}
