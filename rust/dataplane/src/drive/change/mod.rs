//! The thread that changes what is served: it takes documents and reports, asks the core what follows, and does it.
//!
//! It is the only one that swaps the snapshot, writes the state folder and gives versions up, so none of that needs a
//! lock. It never loads and never frees a model itself: a document that needs no load is in force while another loads.

mod assemble;
mod contents;
mod gates;
mod obey;
mod profiles;
mod progress;
mod publish;
mod residents;
mod scan;
mod start;
#[cfg(test)]
mod tests;
mod ticket;
mod timers;
mod wanted;
mod way;

use super::clock::Clock;
use super::load::{Done, Loaders};
use super::plane::{CHANGES_NOTHING, Plane};
use super::state::StateDir;
use crate::runtime::Runtime;
use assemble::KeptAccount;
use contents::Prepared;
pub(super) use contents::describe;
use residents::Residents;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tidegate_core::document::{Amendment, Document, VersionId, VersionSettings, Violation};
use tidegate_core::plane::{ChangeEvent, LifecycleEvent, LoadId, Nanos, Reconciler, VersionState};
use tidegate_core::snapshot::SnapshotDocument;
use tokio::sync::oneshot;

use ticket::Tickets;
pub use ticket::{Doubts, Report, Settlement, reason, word};
use timers::Timers;
pub use way::Changes;

/// What the thread hears of.
pub(super) enum News {
    Apply(Box<Document>, oneshot::Sender<Report>),
    Amend(Box<Amendment>, oneshot::Sender<Result<(), Vec<Violation>>>),
    Done(Done),
    /// No snapshot and no request holds the version any more.
    Idle(LoadId),
    /// No thread has a worker of it any more.
    Vacated(LoadId),
    /// Somebody wants to know when everything before has been seen to.
    Fence(oneshot::Sender<()>),
    End,
}

/// What the thread needs of the world.
pub(super) struct Setting {
    pub(super) plane: Arc<Plane>,
    pub(super) state: Arc<StateDir>,
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
    document: Arc<Document>,
    /// What is in force, as it is remembered.
    applied: SnapshotDocument,
    /// What was in force when the gateway last ran.
    stored: SnapshotDocument,
    /// The highest epoch that was ever written, or tried: none stands for two contents.
    last_epoch: u64,
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
    /// Gates that check nothing, as the log has it.
    ungated: Vec<String>,
    tickets: Tickets,
    /// When each load came into the state it is in.
    since: BTreeMap<LoadId, (&'static str, bool, Nanos)>,
    timers: Timers,
    /// How many versions requests could hold so far.
    seated: u64,
    /// What is to be said once the gateway has started; a start that fails says its reasons and no more.
    notes: Option<Vec<String>>,
}

/// Says that documents are not taken any more, if the thread fails.
struct Alarm(Arc<Plane>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop_changing();
            self.0.log.error("panic", &[("place", json!("change")), ("reason", json!(CHANGES_NOTHING))]);
        }
    }
}

impl Changer {
    /// Works until the gateway ends; returns whether nothing is left inside of the runtime.
    pub(super) fn run(mut self) -> bool {
        // Goes before what it is called on: whoever waits for a report shall know why there is none.
        let _alarm = Alarm(Arc::clone(&self.setting.plane));
        while self.turn() {}
        self.finish()
    }

    /// What holds the lock on the state folder.
    pub(super) fn state(&self) -> Arc<StateDir> {
        Arc::clone(&self.setting.state)
    }

    /// Waits for the loads under way and for what is being freed, at most as long as requests are waited for.
    fn finish(&mut self) -> bool {
        let patience = self.setting.plane.document.drain_timeout_ms * 1_000_000;
        let deadline = self.setting.clock.now().saturating_add(patience);
        let mut left = 0;
        for (load, state) in self.reconciler.loads().iter().map(|(id, load)| (*id, load.life.state())) {
            if matches!(state, VersionState::Warming { .. }) {
                self.residents.model(load).terminate();
            }
            // It has had its time already, and nothing can end it.
            if state.is_stuck() && matches!(state, VersionState::Loading { .. }) {
                return false;
            }
            let is_freed = matches!(state, VersionState::Unloading { .. }) && !self.residents.contains(load);
            left += usize::from(state.is_under_way() || is_freed);
        }
        while left > 0 {
            let patience = deadline.saturating_sub(self.setting.clock.now());
            match self.news.recv_timeout(Duration::from_nanos(patience)) {
                Ok(News::Done(_)) => left -= 1,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Waits for the next piece of news or the next timer and sees to it; `false` at the end.
    fn turn(&mut self) -> bool {
        let now = self.setting.clock.now();
        let news = match self.timers.next() {
            None => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => self.news.recv_timeout(Duration::from_nanos(at.saturating_sub(now))),
        };
        let goes_on = match news {
            Ok(news) => self.hear(news),
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        };
        if goes_on {
            self.expire();
        }
        goes_on
    }

    /// Takes one piece of news; `false` when it is the end.
    fn hear(&mut self, news: News) -> bool {
        match news {
            // What is begun now would only hold up the end.
            News::Apply(..) | News::Amend(..) if !self.setting.plane.is_ready() => {}
            News::Apply(document, respond) => self.apply(*document, respond),
            News::Amend(amendment, respond) => {
                let taken = self.amend(*amendment);
                // Who does not wait any more need not be told.
                respond.send(taken).ok();
            }
            News::Done(done) => self.done(done),
            News::Idle(load) => self.tell(load, LifecycleEvent::Idle),
            News::Vacated(load) => {
                if let Some(model) = self.residents.vacated(load) {
                    self.loaders.unload(load, model);
                }
            }
            // Who does not wait any more need not be told.
            News::Fence(respond) => drop(respond.send(())),
            News::End => return false,
        }
        true
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Loaded(load, Ok(part)) => {
                // One that nobody wants any more is not warmed up.
                if self.reconciler.loads()[&load].life.is_leaving() {
                    self.timers.stop(load);
                }
                self.residents.loaded(load, part);
                self.tell(load, LifecycleEvent::Loaded);
            }
            Done::Loaded(load, Err(reason)) => {
                self.timers.stop(load);
                let reason = self.failed(load, reason);
                self.tell(load, LifecycleEvent::LoadFailed(reason));
            }
            Done::Warmed(load, findings) => {
                self.timers.stop(load);
                match findings.and_then(|findings| self.admit(load, findings)) {
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
                self.timers.stop(load);
                self.tell(load, LifecycleEvent::Unloaded);
            }
        }
    }

    /// Notes why a version failed, unless nobody wants it any more, and returns the sentence that names it.
    fn failed(&mut self, load: LoadId, reason: String) -> String {
        let load = &self.reconciler.loads()[&load];
        let version = load.want.version.clone();
        let sentence = format!("{version}: {reason}");
        if !load.life.is_leaving() {
            self.failures.insert(version, reason);
        }
        sentence
    }

    fn tell(&mut self, load: LoadId, event: LifecycleEvent) {
        self.step(ChangeEvent::Load(load, event));
    }
}
