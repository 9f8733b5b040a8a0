//! What was counted of one version, and what that says: one thread adds and judges, any number of readers look on.
//!
//! Windows are locked while they are added to and summed up, which takes milliseconds at most. Judging, which may take
//! seconds after a pause, holds no lock that a reader waits for; what it has found is published when it is done.

#[cfg(test)]
mod tests;

use super::judge::{self, Asked, Judge, Seen};
use super::observer::{InOrder, Observer, Open};
use super::room::Room;
use super::store::Store;
use super::track::Told;
use super::unjudged;
use super::windows::Windows;
use arc_swap::ArcSwap;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::sketch::{Feature, Key, Traffic};

/// The windows of one version, its judge, and what that has found.
pub(super) struct History {
    windows: Mutex<Windows>,
    /// Taken by whoever adds and judges, and by nobody who only looks.
    following: Mutex<Following>,
    seen: ArcSwap<Seen>,
    rows: ArcSwap<Rows>,
    /// Windows that ended before were judged, and told of, by the gateway that stored them.
    stored_s: u64,
    store: Option<Store>,
    /// Whether much memory was taken and given back since that was asked.
    is_loose: AtomicBool,
}

#[derive(Default)]
struct Following {
    judge: Judge,
    order: InOrder<Traffic>,
}

/// Rows counted, as they were when the threads were last relieved of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows {
    pub(super) by_class: [(&'static str, u64); Traffic::ALL.len()],
    /// Those that came too late for every window.
    pub(super) late: u64,
}

impl History {
    /// The history that is stored of a version, and a sentence for each file of it that cannot be read.
    pub(super) fn open(
        observer: &Observer,
        key: &Key,
        monitor: &Monitor,
        (store, threads): (Option<Store>, usize),
    ) -> (Self, Vec<String>) {
        let mut windows = Windows::new(observer, key, Room::new(observer, monitor, threads));
        let (stored, mut refusals) = store.as_ref().map(Store::read).unwrap_or_default();
        for window in stored {
            if let Err(refusal) = windows.restore(observer, &window) {
                refusals.push(format!("a stored window is left out: {refusal}"));
            }
        }
        let history = Self {
            stored_s: windows.newest_s().unwrap_or(0),
            windows: Mutex::new(windows),
            following: Mutex::default(),
            seen: ArcSwap::default(),
            rows: ArcSwap::default(),
            store,
            is_loose: AtomicBool::new(false),
        };
        history.publish_rows();
        (history, refusals)
    }

    pub(super) fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was judged last.
    pub(super) fn seen(&self) -> Arc<Seen> {
        self.seen.load_full()
    }

    pub(super) fn rows(&self) -> Rows {
        **self.rows.load()
    }

    fn publish_rows(&self) {
        let windows = self.windows();
        let rows = Rows { by_class: windows.rows(), late: windows.late() };
        drop(windows);
        self.rows.store(Arc::new(rows));
    }

    /// What the watch needs, for people.
    pub(super) fn memory(&self) -> Value {
        self.windows().memory()
    }

    /// Whether judging has left memory behind that the allocator could give back.
    pub(super) fn has_left_memory(&self) -> bool {
        self.is_loose.swap(false, Ordering::Relaxed)
    }

    /// Adds what threads have counted, as two collections have found it, and judges what has closed since. Where requests say when they happened, theirs is the
    /// clock.
    ///
    /// Older rows come first, and what newer ones close is judged before they may take its place: a jump in time closes
    /// every window in it, one after the other. What changes is told of as it is found.
    pub(super) fn take(
        &self,
        observer: &Observer,
        monitor: &Monitor,
        arrival_s: u64,
        [first, second]: [Vec<(Traffic, Box<Open>)>; 2],
        mut tell: impl FnMut(Told),
    ) {
        let asked = Asked::of(observer, monitor);
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let Following { judge, order } = &mut *following;
        let opens = order.take(first, second);
        let mut tell_of_new = |told: Told| {
            if told.transition.at_ms / 1_000 > self.stored_s {
                tell(told);
            }
        };
        let has_changed = self.windows().change(observer, monitor);
        for (class, open) in opens {
            let is_newer = self.windows().newest_s().is_some_and(|newest_s| newest_s < open.start_s);
            if is_newer {
                judge.advance(observer, &asked, open.start_s, &self.windows, &mut tell_of_new);
            }
            self.windows().add(observer, class, &open);
        }
        self.publish_rows();
        // Nothing closes before anything was counted.
        let now_s = self.windows().now_s(monitor, arrival_s);
        if let Some(now_s) = now_s {
            judge.advance(observer, &asked, now_s, &self.windows, &mut tell_of_new);
        }
        if judge.has_news() || has_changed {
            self.seen.store(Arc::new(judge.seen()));
            self.is_loose.store(true, Ordering::Relaxed);
        }
    }

    /// Writes the windows that have changed.
    ///
    /// # Errors
    /// The first of the system's refusals; what it was about is tried again next time.
    pub(super) fn write(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let unwritten = self.windows().take_unwritten();
        let mut written_to = BTreeSet::new();
        for (traffic, length, start_s) in &unwritten {
            // Nobody waits for the disk: only the bytes are made under the lock.
            let bytes = self.windows().encode(*traffic, *length, *start_s);
            let written = bytes.map_or(Ok(()), |bytes| store.write_bytes(*traffic, *length, *start_s, &bytes));
            if let Err(error) = written {
                let rest = unwritten.range((*traffic, *length, *start_s)..);
                self.windows().return_unwritten(rest.copied());
                return Err(error);
            }
            written_to.insert((*traffic, *length));
        }
        // Once for all windows of a ring: each look lists the folder.
        for (traffic, length) in written_to {
            let oldest_s = self.windows().oldest_s(traffic, length);
            if let Some(oldest_s) = oldest_s {
                store.remove_before(traffic, length, oldest_s);
            }
        }
        Ok(())
    }

    pub(super) fn report(&self, observer: &Observer) -> Value {
        let seen = self.seen();
        let profile = observer.profiled.plan.profile();
        let features: Vec<Value> = profile
            .features()
            .enumerate()
            .map(|(at, (tensor, feature))| {
                json!({
                    "tensor": tensor.name,
                    "direction": tensor.direction,
                    "feature": feature.name,
                    "state": seen.state(at),
                    "reference": reference(feature),
                })
            })
            .collect();
        let windows = self.windows();
        let mut report = windows.report();
        let unjudged = unjudged::report(&windows, observer);
        drop(windows);
        report.insert("features".to_owned(), json!(features));
        report.insert("unjudged".to_owned(), json!(unjudged));
        let tracks = seen.tracks.iter();
        let tracks: Map<String, Value> = tracks
            .map(|(length, track)| (WindowLength::name(*length).to_owned(), judge::describe(track, observer)))
            .collect();
        report.insert("windows".to_owned(), Value::Object(tracks));
        Value::Object(report)
    }
}

/// A feature of the profile without what may be long and nobody reads here.
fn reference(feature: &Feature) -> Value {
    let mut value = serde_json::to_value(feature).expect("a profile is made of strings, finite numbers and lists");
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "chunks" | "others"));
    }
    value
}
