//! Everything that is watched: who counts, what was counted, and what became of it.

use super::gate::GatedRows;
use super::history::History;
use super::metrics::Gauge;
use super::observer::Observer;
use super::store::Store;
use crate::drive::plane::Plane;
use crate::drive::snapshot::Version;
use crate::observe::log::Log;
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidegate_core::document::{Monitor, Sha256};
use tidegate_core::plane::Outcome;
use tidegate_core::sketch;
use tokio::time::MissedTickBehavior;

/// How often threads are relieved of what they have counted: no reader sees anything older.
const BETWEEN_TICKS: Duration = Duration::from_secs(1);
/// Versions that no snapshot names any more and that are still shown; beyond that the first by name go.
const MOST_RETIRED: usize = 32;
/// How often what has changed is written: what a gateway that is killed forgets.
const BETWEEN_WRITES_S: u64 = 60;

/// The monitors in force, and everything that is counted for them.
#[derive(Default)]
pub struct Watches {
    /// Where windows are kept; nowhere in a gateway without a state folder, as tests have it.
    folder: Option<PathBuf>,
    written_s: AtomicU64,
    monitors: ArcSwap<BTreeMap<String, Monitor>>,
    watched: Mutex<BTreeMap<Key, Watched>>,
}

/// One version under one name, with the reference that it is held against: only what is equal in all of it adds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    route: Arc<str>,
    version: String,
    version_digest: String,
    profile_digest: Sha256,
}

impl Key {
    /// The folder of its windows: a name that no character of a route can lead elsewhere.
    fn folder(&self) -> String {
        let Self { route, version, version_digest, profile_digest } = self;
        let digest = sha2::Sha256::digest(format!("{route}\n{version}\n{version_digest}\n{profile_digest}"));
        Sha256(digest.into()).to_string()
    }
}

struct Watched {
    observer: Arc<Observer>,
    /// Made when there is something to keep.
    history: Option<History>,
}

impl Watches {
    /// Watches that keep their windows in a folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a version is counted under a name; `None` for a version without a profile.
    pub fn observer(&self, route: &Arc<str>, version: &Version) -> Option<Arc<Observer>> {
        let profiled = version.profile.as_ref()?;
        let key = Key {
            route: Arc::clone(route),
            version: version.id.as_str().to_owned(),
            version_digest: version.digest.clone(),
            profile_digest: profiled.digest,
        };
        let mut watched = self.lock();
        let entry = watched.entry(key).or_insert_with_key(|key| {
            let observer = Observer::new(Arc::clone(profiled));
            observer.watch(self.monitors.load().get(&*key.route));
            Watched { observer: Arc::new(observer), history: None }
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
        Some(if monitors.is_empty() { Outcome::Removed } else { Outcome::Current })
    }

    /// Relieves the threads of what they have counted, judges what has closed, and tells of it.
    pub fn tick(&self, plane: &Plane) {
        let monitors = self.monitors.load();
        let arrival_s = plane.clock.unix_ms() / 1_000;
        let mut watched = self.lock();
        for (key, Watched { observer, history }) in watched.iter_mut() {
            let Some(monitor) = monitors.get(&*key.route) else { continue };
            let history = history.get_or_insert_with(|| self.open(key, observer, monitor, plane));
            for (class, open) in observer.collect() {
                history.add(observer, class, &open);
            }
            for told in history.advance(observer, monitor, arrival_s) {
                let feature = observer.profiled.feature(told.feature);
                let fields = [
                    ("route", json!(&*key.route)),
                    ("version", json!(key.version)),
                    ("feature", json!(feature)),
                    ("window", json!(told.length.name())),
                    ("from", json!(told.transition.from)),
                    ("to", json!(told.transition.to)),
                    ("evidence", json!(told.transition.evidence)),
                ];
                // A thousand features that are well are no news.
                let say = match () {
                    () if told.is_alarming() => Log::warning,
                    () if told.ends_an_alarm() => Log::info,
                    () => Log::debug,
                };
                say(&plane.log, "drift", &fields);
            }
        }
        drop(watched);
        if arrival_s.saturating_sub(self.written_s.load(Ordering::Relaxed)) >= BETWEEN_WRITES_S {
            self.written_s.store(arrival_s, Ordering::Relaxed);
            self.write(&plane.log);
        }
        self.forget();
    }

    fn forget(&self) {
        let mut watched = self.lock();
        // Arms hold their observer; what only this map holds is of a version that went.
        let retired: Vec<Key> = watched
            .iter()
            .filter(|(_, watched)| Arc::strong_count(&watched.observer) == 1)
            .map(|(key, _)| key.clone())
            .collect();
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
        let (history, refusals) = History::open(observer, &own, monitor, folder.map(Store::new));
        for reason in refusals {
            plane.log.warning("drift_windows", &[("reason", json!(reason))]);
        }
        let fields = [("route", json!(&*key.route)), ("version", json!(key.version)), ("memory", history.memory())];
        plane.log.info("drift_watched", &fields);
        history
    }

    /// Writes the windows that have changed, for whoever serves after the next start.
    pub fn write(&self, log: &Log) {
        for (key, watched) in self.lock().iter_mut() {
            if let Some(Err(error)) = watched.history.as_mut().map(History::write) {
                let fields = [("route", json!(&*key.route)), ("reason", json!(error.to_string()))];
                log.error("drift_windows", &fields);
            }
        }
    }

    /// What is known of a route's versions, as JSON.
    ///
    /// # Errors
    /// A sentence: nobody watches it, and what is watched.
    pub fn report(&self, route: &str) -> Result<Value, String> {
        let monitors = self.monitors.load();
        let monitor = monitors.get(route).ok_or_else(|| {
            let names: Vec<&str> = monitors.keys().map(String::as_str).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("nobody watches {route:?}; monitors of the document: {names}")
        })?;
        let watched = self.lock();
        let versions: Vec<Value> = watched
            .iter()
            .filter(|(key, _)| &*key.route == route)
            .map(|(key, watched)| {
                json!({
                    "version": key.version,
                    "version_digest": format!("sha256:{}", key.version_digest),
                    "profile_digest": format!("sha256:{}", key.profile_digest),
                    "timeless": watched.observer.timeless(),
                    "gate": watched.observer.gate.report(&watched.observer.profiled),
                    "watch": watched.history.as_ref().map(|history| history.report(&watched.observer)),
                })
            })
            .collect();
        Ok(json!({"route": route, "monitor": monitor, "versions": versions}))
    }
}

/// Rows of one version under one name.
pub(super) struct Counted {
    pub(super) route: String,
    pub(super) version: String,
    pub(super) by_class: [(&'static str, u64); 4],
    pub(super) late: u64,
}

impl Watches {
    /// Rows counted so far.
    pub(super) fn counted(&self) -> Vec<Counted> {
        let watched = self.lock();
        let histories = watched.iter().filter_map(|(key, watched)| Some((key, watched.history.as_ref()?)));
        let counted = histories.map(|(key, history)| Counted {
            route: key.route.to_string(),
            version: key.version.clone(),
            by_class: history.rows(),
            late: history.late(),
        });
        counted.collect()
    }

    /// What gates have flagged or rejected, by route and version.
    pub(super) fn gated(&self) -> Vec<(Arc<str>, String, Vec<GatedRows>)> {
        let watched = self.lock();
        let gated = watched
            .iter()
            .map(|(key, watched)| (Arc::clone(&key.route), key.version.clone(), watched.observer.gate.by_rule()));
        gated.collect()
    }

    /// The newest judged window of every length, feature by feature.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        let watched = self.lock();
        let mut gauges = Vec::new();
        for (key, history) in watched.iter().filter_map(|(key, watched)| Some((key, watched.history.as_ref()?))) {
            for (length, track) in history.tracks() {
                let findings = track.latest.iter().flat_map(|judged| judged.findings.iter().enumerate());
                gauges.extend(findings.map(|(at, finding)| Gauge {
                    route: key.route.to_string(),
                    version: key.version.clone(),
                    feature: finding.feature.clone(),
                    window: length.name(),
                    state: track.state(at),
                    psi: finding.judgement.as_ref().map(|found| [found.psi, found.expected, found.threshold]),
                }));
            }
        }
        gauges
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
