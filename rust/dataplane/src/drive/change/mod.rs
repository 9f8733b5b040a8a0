//! The thread that changes what is served: it takes documents and reports, asks the core what follows, and does it.
//!
//! It is the only one that swaps the snapshot, writes the state folder and gives versions up, so none of that needs a
//! lock. It never loads and never frees a model itself: a document that needs no load is in force while another loads.

mod assemble;
mod residents;
mod scan;
mod ticket;

use super::clock::Clock;
use super::load::{Done, Job, Loaders};
use super::plane::Plane;
use super::snapshot::{LoadStatus, Progress, Snapshot};
use super::state::StateDir;
use crate::runtime::Runtime;
pub(super) use assemble::describe;
use assemble::{KeptAccount, Prepared};
use residents::Residents;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidegate_core::document::{Document, VersionId, VersionSettings};
use tidegate_core::plane::{
    ChangeCommand, ChangeEvent, LifecycleCommand, LifecycleEvent, LoadId, Nanos, Outcome, Reconciler, Subject,
    VersionState, Want,
};
use tidegate_core::snapshot::SnapshotDocument;

pub use ticket::{Report, Settlement};
use ticket::{Respond, Tickets};

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
    tickets: Tickets,
    /// When each load came into the state it is in.
    since: BTreeMap<LoadId, (&'static str, bool, Nanos)>,
    drains: Vec<(Nanos, LoadId)>,
    /// What is to be said once the gateway has started; a start that fails says its reasons and no more.
    notes: Option<Vec<String>>,
}

impl Changer {
    /// Serves what the document says, or what was applied before where that cannot be.
    ///
    /// # Errors
    /// Every reason why a route cannot be served; nothing is left behind but idle threads.
    pub(super) fn start(setting: Setting, document: &Document) -> Result<(Self, Changes), Vec<String>> {
        let one = |reason: String| vec![reason];
        let before = setting.state.read().map_err(|error| one(error.to_string()))?;
        // A folder that is new begins a history of its own, later than any that was lost.
        let applied = before.unwrap_or_else(|| SnapshotDocument {
            incarnation: setting.clock.unix_ms() / 1_000,
            ..SnapshotDocument::default()
        });
        let newer: Vec<String> = document
            .routes
            .keys()
            .filter_map(|name| Some(format!("routes.{name}: {}", applied.refused.get(name)?)))
            .collect();
        if !newer.is_empty() {
            return Err(newer);
        }
        let (sender, news) = mpsc::channel();
        let changes = Changes(sender);
        let reports = changes.clone();
        let loads = document.threads.load as usize;
        let loaders =
            Loaders::start(loads, &setting.runtime, &setting.clock, &move |done| reports.tell(News::Done(done)))
                .map_err(|error| one(format!("cannot start a thread: {error}")))?;
        let mut changer = Self {
            setting,
            news,
            changes: changes.clone(),
            loaders,
            reconciler: Reconciler::new(loads, BTreeMap::new()),
            document: document.clone(),
            applied,
            prepared: BTreeMap::new(),
            next_revision: 0,
            settings: BTreeMap::new(),
            residents: Residents::default(),
            accounts: BTreeMap::new(),
            found: scan::Found::default(),
            failures: BTreeMap::new(),
            refused: BTreeMap::new(),
            tickets: Tickets::default(),
            since: BTreeMap::new(),
            drains: Vec::new(),
            notes: Some(Vec::new()),
        };
        changer.begin(document, loads)?;
        Ok((changer, changes))
    }

    /// Loads everything and swaps once.
    fn begin(&mut self, document: &Document, loads: usize) -> Result<(), Vec<String>> {
        scan::scan(&self.setting.repository, &mut Vec::new()).map_err(|reason| vec![reason])?;
        let mut kept = BTreeMap::new();
        for (name, revision) in self.applied.routes.clone() {
            if document.routes.contains_key(&name) {
                let content = self.prepare(&name, revision, document);
                kept.insert(Subject::Route(name), content);
            }
        }
        // What is gone from the document is gone from what is in force too.
        self.applied.routes.retain(|name, _| document.routes.contains_key(name));
        self.reconciler = Reconciler::new(loads, kept);
        let settled: Arc<Mutex<Option<Report>>> = Arc::default();
        let slot = Arc::clone(&settled);
        let respond = move |report| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
        self.apply(document.clone(), Box::new(respond));
        while self.reconciler.pending().next().is_some() {
            match self.news.recv() {
                Ok(news) => drop(self.hear(news)),
                Err(_) => break,
            }
        }
        let reasons = |report: Report| {
            let missing = |subject: &Subject| match subject {
                Subject::Route(_) => !self.reconciler.current().contains_key(subject),
                Subject::Version(_) => false,
            };
            let refused = report.settlements.into_iter().filter(|settlement| missing(&settlement.subject));
            refused.filter_map(Settlement::sentence).collect::<Vec<_>>()
        };
        let report = settled.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reasons = report.map(reasons).unwrap_or_default();
        if reasons.is_empty() {
            self.notes.take().unwrap_or_default().iter().for_each(|note| self.note(note));
            // A document without anything to serve has swapped nothing yet.
            if self.setting.plane.snapshot().incarnation == 0 {
                let before = self.applied.clone();
                self.write(&before).map_err(|reason| vec![reason])?;
                let nothing = self.assemble(&BTreeMap::new());
                self.setting.plane.swap(nothing);
            }
            Ok(())
        } else {
            Err(reasons)
        }
    }

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
        warnings.into_iter().for_each(|note| self.say(note));
        let contents = self.contents(&document);
        self.refused.retain(|name, _| document.routes.contains_key(name));
        self.document = document;
        let subjects = contents.keys().chain(self.reconciler.current().keys()).cloned().collect();
        self.tickets.open(subjects, respond);
        self.step(ChangeEvent::Apply(contents));
    }

    /// Asks the core what follows, and does it, until nothing does.
    fn step(&mut self, event: ChangeEvent) {
        let mut commands: std::collections::VecDeque<_> = self.reconciler.step(event).into();
        while let Some(command) = commands.pop_front() {
            match command {
                ChangeCommand::Begin(load, want) => self.load(load, &want),
                ChangeCommand::Load(load, command) => self.follow(load, command),
                ChangeCommand::Publish(changes) => {
                    let event = match self.publish(&changes) {
                        Ok(()) => ChangeEvent::Published,
                        Err(reasons) => ChangeEvent::Rejected(reasons),
                    };
                    commands.extend(self.reconciler.step(event));
                }
                ChangeCommand::Settled(subject, outcome) => self.settle(subject, outcome),
            }
        }
        self.forget();
        self.show_progress();
        self.tickets.answer(self.applied.epoch);
    }

    fn load(&mut self, load: LoadId, want: &Want) {
        let folder = self.setting.repository.join(want.version.model()).join(want.version.version());
        let settings = self.settings[&want.settings].clone();
        let digest = self.applied.digests.get(&want.version).cloned();
        self.loaders.order(Job::Load { load, folder, settings, digest });
    }

    fn follow(&mut self, load: LoadId, command: LifecycleCommand) {
        match command {
            LifecycleCommand::WarmUp => {
                let want = &self.reconciler.loads()[&load].want;
                let settings = self.settings[&want.settings].clone();
                let recorded = self.recorded_for(want);
                let model = self.residents.model(load);
                self.loaders.order(Job::WarmUp { load, model, settings, recorded });
            }
            LifecycleCommand::Release => {
                let timeout = self.setting.plane.document.drain_timeout_ms * 1_000_000;
                self.drains.push((self.setting.clock.now().saturating_add(timeout), load));
                self.residents.release(load);
            }
            LifecycleCommand::AbortRemaining => {
                let version = self.reconciler.loads()[&load].want.version.clone();
                self.setting.plane.log.warning("drain_timeout", &[("version", json!(version.as_str()))]);
                self.residents.abort(load, &self.setting.plane, version.as_str());
            }
            LifecycleCommand::Unload => {
                if let Some(model) = self.residents.unload(load, &self.setting.plane) {
                    self.loaders.order(Job::Unload { load, model });
                }
            }
            // The reconciler begins loads itself, and what is ready is admitted by the next publication.
            LifecycleCommand::Load | LifecycleCommand::Admit => {}
        }
    }

    fn settle(&mut self, subject: Subject, outcome: Outcome) {
        match (&subject, &outcome) {
            (Subject::Version(version), Outcome::Refused(reason)) => {
                let reason = reason.strip_prefix(&format!("{version}: ")).unwrap_or(reason);
                self.say(format!("{version} is not served: {reason}"));
            }
            (Subject::Version(_), _) => {}
            (Subject::Route(name), Outcome::Refused(reason)) => {
                self.refused.insert(name.clone(), reason.clone());
                match &mut self.notes {
                    // The reasons of a start that fails are its last words.
                    Some(notes) => notes.push(format!("route {name} serves what it had: {reason}")),
                    None => {
                        self.setting.plane.log.warning("refused", &[("route", json!(name)), ("reason", json!(reason))])
                    }
                }
            }
            (Subject::Route(_), Outcome::Superseded) => {}
            (Subject::Route(name), Outcome::Current | Outcome::Unchanged | Outcome::Removed) => {
                self.refused.remove(name);
                if self.notes.is_none() && outcome != Outcome::Unchanged {
                    let event = if outcome == Outcome::Removed { "removed" } else { "applied" };
                    let fields = [("route", json!(name)), ("epoch", json!(self.applied.epoch))];
                    self.setting.plane.log.info(event, &fields);
                }
            }
        }
        self.tickets.settle(&subject, &outcome);
    }

    /// Says something about the repository, now or once the gateway has started.
    fn say(&mut self, note: String) {
        match &mut self.notes {
            Some(notes) => notes.push(note),
            None => self.note(&note),
        }
    }

    fn note(&self, note: &str) {
        self.setting.plane.log.warning("repository", &[("note", json!(note))]);
    }

    /// Forgets contents and settings that nothing stands for any more.
    fn forget(&mut self) {
        let waiting = || self.reconciler.pending().map(|(_, content)| content).chain(self.reconciler.kept().values());
        let contents = || self.reconciler.current().values().chain(waiting());
        let revisions: BTreeSet<u64> = contents().map(|content| content.revision).collect();
        self.prepared.retain(|(_, revision), _| revisions.contains(revision));
        let settings: BTreeSet<u64> = contents()
            .flat_map(|content| content.wants.iter().map(|want| want.settings))
            .chain(self.reconciler.loads().values().map(|load| load.want.settings))
            .collect();
        self.settings.retain(|number, _| settings.contains(number));
        let found = &self.found;
        self.failures.retain(|version, _| found.contains(version));
    }

    fn show_progress(&mut self) {
        let now = self.setting.clock.now();
        let loads: Vec<LoadStatus> =
            self.reconciler
                .loads()
                .iter()
                .map(|(id, load)| {
                    let state = load.life.state();
                    let is_stuck = *state == VersionState::Draining { is_stuck: true };
                    let shown = (state.name(), is_stuck);
                    let since =
                        self.since.get(id).filter(|(name, stuck, _)| (*name, *stuck) == shown).map_or(now, |old| old.2);
                    let waits_for = self.reconciler.waits_for(*id).map(|other| {
                        format!("the end of {} (load {other}), which is still draining", load.want.version)
                    });
                    let version = load.want.version.clone();
                    LoadStatus { load: *id, version, state: state.name(), is_stuck, since, waits_for }
                })
                .collect();
        self.since = loads.iter().map(|load| (load.load, (load.state, load.is_stuck, load.since))).collect();
        let pending = self.reconciler.pending().filter_map(|(subject, content)| {
            let Subject::Route(name) = subject else { return None };
            let missing: Vec<&str> = content
                .wants
                .iter()
                .filter(|want| self.reconciler.ready(want).is_none())
                .map(|want| want.version.as_str())
                .collect();
            Some((name.clone(), format!("waits for {}", missing.join(", "))))
        });
        let progress = Arc::new(Progress {
            index: self.index(&loads),
            pending: pending.collect(),
            refused: self.refused.clone(),
            loads,
        });
        let snapshot = self.setting.plane.snapshot();
        self.setting.plane.swap(Snapshot { progress, ..(*snapshot).clone() });
    }
}
