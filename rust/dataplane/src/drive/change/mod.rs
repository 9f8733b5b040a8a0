//! The thread that changes what is served: it takes documents and reports, asks the core what follows, and does it.
//!
//! It is the only one that swaps the snapshot, writes the state folder and gives versions up, so none of that needs a
//! lock. It never loads and never frees a model itself: a document that needs no load is in force while another loads.

mod assemble;
mod contents;
mod obey;
mod progress;
mod publish;
mod residents;
mod scan;
mod start;
mod ticket;

use super::clock::Clock;
use super::load::{Done, Job, Loaders};
use super::plane::Plane;
use super::state::StateDir;
use crate::runtime::Runtime;
use crate::runtime::onnx::trim_memory;
use assemble::KeptAccount;
use contents::Prepared;
pub(super) use contents::describe;
use residents::Residents;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tidegate_core::document::{Document, VersionId, VersionSettings};
use tidegate_core::plane::{ChangeEvent, LifecycleEvent, LoadId, Nanos, Reconciler, Subject, VersionState};
use tidegate_core::snapshot::SnapshotDocument;

pub use ticket::{Report, Settlement};
use ticket::{Respond, Tickets};

/// A document of more subjects leaves so much behind that giving it back is worth a pause of the allocator.
const MANY_SUBJECTS: usize = 1_000;

/// What the thread hears of.
pub(super) enum News {
    Apply(Box<Document>, Respond),
    Done(Done),
    /// No snapshot and no request holds the version any more.
    Idle(LoadId),
    /// No thread has a worker of it any more.
    Vacated(LoadId),
    End,
}

/// The way to the thread.
#[derive(Clone)]
pub struct Changes(mpsc::Sender<News>);

impl Changes {
    /// Wants what a document says; `respond` is called when every part of it is settled.
    pub fn apply(&self, document: Document, respond: impl FnOnce(Report) + Send + 'static) {
        // A gateway that ends takes no documents, and drops the answer with the question.
        self.0.send(News::Apply(Box::new(document), Box::new(respond))).ok();
    }

    pub(super) fn tell(&self, news: News) {
        self.0.send(news).ok();
    }
}

/// What the thread needs of the world.
pub(super) struct Setting {
    pub(super) plane: Arc<Plane>,
    pub(super) state: StateDir,
    pub(super) repository: PathBuf,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) struct Changer {
    setting: Setting,
    news: mpsc::Receiver<News>,
    changes: Changes,
    loaders: Loaders,
    reconciler: Reconciler,
    /// The newest document.
    document: Document,
    /// What is in force, as it is remembered.
    applied: SnapshotDocument,
    /// The contents that current or pending revisions stand for.
    prepared: BTreeMap<(String, u64), Prepared>,
    next_revision: u64,
    /// The settings behind the numbers of wants.
    settings: BTreeMap<u64, VersionSettings>,
    residents: Residents,
    /// What is known of shadows, by route and version.
    accounts: BTreeMap<(String, VersionId), KeptAccount>,
    found: scan::Found,
    /// Why versions failed when they were last tried, and routes when they were last wanted.
    failures: BTreeMap<VersionId, String>,
    refused: BTreeMap<String, String>,
    /// Why versions that no route names are not served, as the log has it.
    said: BTreeMap<VersionId, String>,
    tickets: Tickets,
    /// When each load came into the state it is in.
    since: BTreeMap<LoadId, (&'static str, bool, Nanos)>,
    drains: Vec<(Nanos, LoadId)>,
    /// What is to be said once the gateway has started; a start that fails says its reasons and no more.
    notes: Option<Vec<String>>,
}

impl Changer {
    /// Works until the gateway ends; returns whether no load is left under way.
    pub(super) fn run(mut self) -> bool {
        self.work();
        self.finish()
    }

    /// Waits for the loads under way, at most as long as requests are waited for.
    fn finish(&mut self) -> bool {
        let patience = Duration::from_millis(self.setting.plane.document.drain_timeout_ms);
        let is_busy =
            |state: &VersionState| matches!(state, VersionState::Loading { .. } | VersionState::Warming { .. });
        let mut left = self.reconciler.loads().values().filter(|load| is_busy(load.life.state())).count();
        while left > 0 {
            match self.news.recv_timeout(patience) {
                Ok(News::Done(Done::Loaded(..) | Done::Warmed(..))) => left -= 1,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn work(&mut self) {
        loop {
            let now = self.setting.clock.now();
            let news = match self.drains.iter().map(|(at, _)| *at).min() {
                None => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => self.news.recv_timeout(Duration::from_nanos(at.saturating_sub(now))),
            };
            match news {
                Ok(news) => {
                    if !self.hear(news) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.expire();
        }
    }

    /// Takes one piece of news; `false` when it is the end.
    fn hear(&mut self, news: News) -> bool {
        match news {
            News::Apply(document, respond) => self.apply(*document, respond),
            News::Done(done) => self.done(done),
            News::Idle(load) => self.tell(load, LifecycleEvent::Idle),
            News::Vacated(load) => {
                if let Some(model) = self.residents.vacated(load) {
                    self.loaders.order(Job::Unload { load, model });
                }
            }
            News::End => return false,
        }
        true
    }

    fn expire(&mut self) {
        let now = self.setting.clock.now();
        let due: Vec<LoadId> = self.drains.iter().filter(|(at, _)| *at <= now).map(|(_, load)| *load).collect();
        self.drains.retain(|(at, _)| *at > now);
        for load in due {
            self.tell(load, LifecycleEvent::DrainTimeout);
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Loaded(load, Ok(part)) => {
                let version = self.reconciler.loads()[&load].want.version.clone();
                self.failures.remove(&version);
                self.residents.loaded(load, part);
                self.tell(load, LifecycleEvent::Loaded);
            }
            Done::Loaded(load, Err(reason)) => {
                let reason = self.failed(load, reason);
                self.tell(load, LifecycleEvent::LoadFailed(reason));
            }
            Done::Warmed(load, findings) => {
                let admitted = findings.and_then(|findings| self.admit(load, findings));
                match admitted {
                    Ok(()) => self.tell(load, LifecycleEvent::Warmed),
                    Err(reason) => {
                        let reason = self.failed(load, reason);
                        self.tell(load, LifecycleEvent::WarmFailed(reason));
                    }
                }
            }
            Done::Unloaded(load) => {
                let instances = self.residents.instances();
                // Fewer threads are never refused.
                self.setting.plane.compute.staff(instances, &self.setting.clock).ok();
                self.drains.retain(|(_, other)| *other != load);
                self.tell(load, LifecycleEvent::Unloaded);
            }
        }
    }

    /// Notes why a version failed, and returns the sentence that names it.
    fn failed(&mut self, load: LoadId, reason: String) -> String {
        let version = self.reconciler.loads()[&load].want.version.clone();
        let sentence = format!("{version}: {reason}");
        self.failures.insert(version, reason);
        sentence
    }

    fn tell(&mut self, load: LoadId, event: LifecycleEvent) {
        self.step(ChangeEvent::Load(load, event));
    }

    fn apply(&mut self, document: Document, respond: Respond) {
        let mut warnings = Vec::new();
        match scan::scan(&self.setting.repository, &mut warnings) {
            Ok(found) => self.found = found,
            // What is loaded needs no folder; what is not will say that there is none.
            Err(reason) => warnings.push(reason),
        }
        for note in warnings {
            self.say(note);
        }
        let contents = self.contents(&document);
        // What the repository brought along is no part of the document: it is in the log and in the index.
        let is_named = |subject: &&Subject| match subject {
            Subject::Route(_) => true,
            Subject::Version(version) => document.versions.contains_key(version),
        };
        let subjects = contents.keys().chain(self.reconciler.current().keys()).filter(is_named).cloned().collect();
        self.refused.retain(|name, _| document.routes.contains_key(name));
        self.document = document;
        self.tickets.open(subjects, respond);
        let is_large = contents.len() > MANY_SUBJECTS;
        self.step(ChangeEvent::Apply(contents));
        if is_large {
            trim_memory();
        }
    }
}
