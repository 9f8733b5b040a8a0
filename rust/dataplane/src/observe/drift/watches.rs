//! Everything that is watched: who counts, what was counted, and what became of it.

mod report;
mod shortages;
mod totals;

use super::history::History;
use super::observer::Observer;
use super::outbox::Outbox;
use super::profiled::Profiled;
use super::room::Room;
use super::store::Store;
use super::telling::{About, Teller};
use super::versus::{Arms, Callers, Comparisons};
use crate::drive::plane::Plane;
use crate::drive::snapshot::Version;
use crate::observe::log::Log;
use crate::runtime::onnx::trim_memory;
use arc_swap::ArcSwap;
use serde_json::json;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tidegate_core::document::{LOG_SINK, Monitor, Sha256};
use tidegate_core::plane::Outcome;
use tidegate_core::sketch::{self, Feature};
use tokio::time::MissedTickBehavior;

/// How often threads are relieved of what they have counted: no reader sees anything older.
const BETWEEN_TICKS: Duration = Duration::from_secs(1);
/// Versions that no snapshot names any more and that are still shown; beyond that the first by name go.
const MOST_RETIRED: usize = 32;
/// Features of which only the moments are kept that one line of the log names; `/drift/<route>` names all.
const MOST_NAMED: usize = 50;
/// How often what has changed is written: what a gateway that is killed forgets.
const BETWEEN_WRITES_S: u64 = 60;

/// How often free memory is looked for, if there can be any.
const BETWEEN_TRIMS_S: u64 = 5;

/// The monitors in force, and everything that is counted for them.
#[derive(Default)]
pub struct Watches {
    /// Where windows are kept; nowhere in a gateway without a state folder, as tests have it.
    folder: Option<PathBuf>,
    written_s: AtomicU64,
    tidied_s: AtomicU64,
    /// Whether much memory was taken and given back since.
    is_loose: AtomicBool,
    monitors: ArcSwap<BTreeMap<String, Monitor>>,
    watched: Mutex<BTreeMap<Key, Arc<Watched>>>,
    comparisons: Comparisons,
    /// What is told of all that.
    pub outbox: Outbox,
}

/// One version under one name, with the reference that it is held against: only what is equal in all of it adds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) route: Arc<str>,
    version: String,
    version_digest: String,
    profile_digest: Sha256,
}

impl Key {
    pub(super) fn of(route: &Arc<str>, version: &Version, profiled: &Profiled) -> Self {
        Self {
            route: Arc::clone(route),
            version: version.id.as_str().to_owned(),
            version_digest: version.digest.clone(),
            profile_digest: profiled.digest,
        }
    }

    fn about<'k>(&'k self, observer: &'k Observer) -> About<'k> {
        About {
            route: &self.route,
            version: &self.version,
            version_digest: self.version_digest.clone(),
            profile: (observer.profiled.plan.profile(), self.profile_digest.to_string()),
            against: None,
        }
    }

    /// The folder of its windows: a name that no character of a route can lead elsewhere.
    fn folder(&self) -> String {
        let Self { route, version, version_digest, profile_digest } = self;
        let digest = sha2::Sha256::digest(format!("{route}\n{version}\n{version_digest}\n{profile_digest}"));
        Sha256(digest.into()).to_string()
    }
}

struct Watched {
    observer: Arc<Observer>,
    /// Made when somebody watches.
    history: OnceLock<History>,
}

impl Watched {
    /// Arms hold their observer; what only this map holds is of a version that went, or was counted otherwise.
    fn is_served(&self) -> bool {
        Arc::strong_count(&self.observer) > 1
    }
}

/// What a version is counted by where so much memory may be taken.
pub(super) fn fitted(profiled: &Arc<Profiled>, monitor: Option<&Monitor>) -> Arc<Profiled> {
    let Some(monitor) = monitor else { return Arc::clone(profiled) };
    let weight_of = |feature: &Feature| monitor.features.get(&feature.name).map_or(feature.weight, |said| said.weight);
    let thinned = profiled.within(Room::bytes_of_one(monitor), &weight_of);
    thinned.map_or_else(|| Arc::clone(profiled), Arc::new)
}

impl Watches {
    /// Watches that keep what they have counted, and what waits to be told, in the state folder; and what of it is lost.
    pub fn new(state: &Path, sinks: &[String]) -> (Self, Option<String>) {
        let others = sinks.iter().filter(|sink| *sink != LOG_SINK).cloned();
        let (outbox, refusal) = Outbox::open(state.join("transitions.json"), others);
        let comparisons = Comparisons::new(state.join("comparisons"));
        (Self { folder: Some(state.join("windows")), comparisons, outbox, ..Self::default() }, refusal)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the split traffic of each arm of a route is counted by its callers; `None` for arms that are not compared.
    pub fn callers(&self, route: &Arc<str>, arms: &Arms<'_>) -> Vec<Option<Arc<Callers>>> {
        self.comparisons.callers(route, arms, self.monitors.load().get(&**route))
    }

    /// Compares nothing any more of what is no route.
    pub fn keep_compared(&self, is_route: impl Fn(&str) -> bool) {
        self.comparisons.keep(is_route);
    }

    /// Where a version is counted under a name; `None` where nobody would ever judge it, or watches at all.
    pub fn observer(&self, route: &Arc<str>, version: &Version) -> Option<Arc<Observer>> {
        let profiled = version.profile.as_ref()?;
        let monitors = self.monitors.load();
        let monitor = monitors.get(&**route);
        if monitor.is_none() && profiled.profile_digest.is_none() {
            return None;
        }
        let profiled = &fitted(profiled, monitor);
        let key = Key::of(route, version, profiled);
        let mut watched = self.lock();
        let entry = watched.entry(key).or_insert_with(|| {
            let observer = Observer::new(Arc::clone(profiled));
            observer.watch(monitor);
            Arc::new(Watched { observer: Arc::new(observer), history: OnceLock::new() })
        });
        Some(Arc::clone(&entry.observer))
    }

    /// Watches what the document says, from now on.
    pub fn change(&self, monitors: &BTreeMap<String, Monitor>) -> Option<Outcome> {
        let known = self.monitors.load();
        if **known == *monitors {
            return (!monitors.is_empty()).then_some(Outcome::Unchanged);
        }
        self.monitors.store(Arc::new(monitors.clone()));
        for (key, watched) in self.lock().iter() {
            watched.observer.watch(monitors.get(&*key.route));
        }
        self.comparisons.watch(monitors);
        Some(if monitors.is_empty() { Outcome::Removed } else { Outcome::Current })
    }

    /// Relieves the threads of what they have counted, judges what has closed, and tells of it.
    pub fn tick(&self, plane: &Plane) {
        let monitors = self.monitors.load();
        let arrival_s = plane.clock.unix_ms() / 1_000;
        let teller = Teller::new(&plane.log, &self.outbox, &plane.document);
        let watched = self.watched_by(&monitors);
        // Two collections around that of sub-cells, so that nothing is taken over before what came before it.
        let mut first: Vec<_> = watched.iter().map(|(_, watched)| watched.observer.collect()).collect();
        // Of versions that are compared, split windows are the sums of their sub-cells.
        let mut owned = self.comparisons.tick(&monitors, arrival_s, &teller);
        for ((key, watched), first) in watched.iter().zip(&mut first) {
            let (observer, monitor) = (&watched.observer, &monitors[&*key.route]);
            let history = watched.history.get_or_init(|| self.open(key, observer, monitor, plane));
            first.extend(owned.extract_if(.., |(of, _)| of == key).map(|(_, open)| (sketch::Traffic::Split, open)));
            let opens = [std::mem::take(first), observer.collect()];
            let about = key.about(observer);
            history.take(observer, monitor, arrival_s, opens, |told| teller.tell(&about, &told));
            if history.has_left_memory() {
                self.is_loose.store(true, Ordering::Relaxed);
            }
        }
        drop(watched);
        if arrival_s.saturating_sub(self.written_s.load(Ordering::Relaxed)) >= BETWEEN_WRITES_S {
            self.written_s.store(arrival_s, Ordering::Relaxed);
            self.write(&plane.log);
        }
        self.forget();
        self.tidy(arrival_s);
    }

    /// Gives back what judging and reporting took, now and then: looking through the heaps takes milliseconds.
    fn tidy(&self, arrival_s: u64) {
        let is_due = arrival_s.saturating_sub(self.tidied_s.load(Ordering::Relaxed)) >= BETWEEN_TRIMS_S;
        if is_due && self.is_loose.swap(false, Ordering::Relaxed) {
            self.tidied_s.store(arrival_s, Ordering::Relaxed);
            trim_memory();
        }
    }

    /// What monitors watch. Nothing of it is locked: readers look on while it is added to and judged.
    fn watched_by(&self, monitors: &BTreeMap<String, Monitor>) -> Vec<(Key, Arc<Watched>)> {
        let watched = self.lock();
        let watched = watched.iter().filter(|(key, _)| monitors.contains_key(&*key.route));
        watched.map(|(key, watched)| (key.clone(), Arc::clone(watched))).collect()
    }

    fn forget(&self) {
        let mut watched = self.lock();
        let retired: Vec<Key> =
            watched.iter().filter(|(_, watched)| !watched.is_served()).map(|(key, _)| key.clone()).collect();
        for key in retired.iter().take(retired.len().saturating_sub(MOST_RETIRED)) {
            watched.remove(key);
        }
    }

    fn open(&self, key: &Key, observer: &Observer, monitor: &Monitor, plane: &Plane) -> History {
        let version = Sha256::parse(&key.version_digest).expect("a version's digest is 64 digits");
        let own = sketch::Key {
            route: key.route.to_string(),
            version,
            profile: key.profile_digest,
            traffic: sketch::Traffic::Split,
        };
        let folder = self.folder.as_ref().map(|folder| folder.join(key.folder()));
        let (history, refusals) = History::open(observer, &own, monitor, (folder.map(Store::new), plane.inboxes.len()));
        for reason in refusals {
            plane.log.warning("drift_windows", &[("reason", json!(reason))]);
        }
        let plan = &observer.profiled.plan;
        let moments: Vec<&str> = observer.profiled.moments().collect();
        let fields = [
            ("route", json!(&*key.route)),
            ("version", json!(key.version)),
            ("memory", history.memory()),
            ("features", json!(plan.features())),
            ("unprofiled", json!(plan.bare_features().count() - moments.len())),
            ("moments", json!(moments.len())),
        ];
        plane.log.info("drift_watched", &fields);
        if !moments.is_empty() {
            let named = &moments[..moments.len().min(MOST_NAMED)];
            let reason = "memory_mib has no room for their bins: only their moments are kept, and they are not judged";
            let fields = [("features", json!(moments.len())), ("named", json!(named)), ("reason", json!(reason))];
            let whose = [("route", json!(&*key.route)), ("version", json!(key.version))];
            plane.log.warning("drift_moments", &[&whose[..], &fields].concat());
        }
        history
    }

    /// Writes the windows that have changed, for whoever serves after the next start.
    pub fn write(&self, log: &Log) {
        // First: what was judged of a window that is stored is not told of anew.
        if let Err(error) = self.outbox.write() {
            log.error("drift_transitions", &[("reason", json!(error.to_string()))]);
        }
        self.comparisons.write(log);
        let watched: Vec<_> = self.lock().iter().map(|(key, watched)| (key.clone(), Arc::clone(watched))).collect();
        for (key, watched) in watched {
            if let Some(Err(error)) = watched.history.get().map(History::write) {
                let fields = [("route", json!(&*key.route)), ("reason", json!(error.to_string()))];
                log.error("drift_windows", &fields);
            }
        }
        self.is_loose.store(true, Ordering::Relaxed);
    }
}

/// Ticks for as long as the gateway serves.
pub async fn follow(plane: Arc<Plane>) {
    let mut ticks = tokio::time::interval(BETWEEN_TICKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let plane = Arc::clone(&plane);
        // Judging a thousand features takes milliseconds, and this thread answers probes.
        drop(tokio::task::spawn_blocking(move || plane.watches.tick(&plane)).await);
    }
}
