//! Everything a request may meet, immutable: names, arms, loaded versions.

use super::lease::Lease;
use super::recorded::Recorded;
use super::workers::Seats;
use crate::observe::batches::BatchCounters;
use crate::observe::counters::Series;
use crate::observe::drift::{Callers, Counting, Observed, Profiled};
use crate::observe::misses::Misses;
use crate::runtime::Model;
use crate::shadow::Shadows;
use http::HeaderValue;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidegate_core::condition::Context;
use tidegate_core::document::{VersionId, VersionSettings};
use tidegate_core::oip::answer::Stamp;
use tidegate_core::oip::signature::Signature;
use tidegate_core::plane::{LoadId, Nanos, SharedCost, SharedInlineGate, VersionKey};
use tidegate_core::routing::{Head, Reason, RoutePlan, Verdicts, sub_cell_of};
use tidegate_core::snapshot::SnapshotDocument;

/// What one epoch of a gateway serves.
#[derive(Clone, Default)]
pub struct Snapshot {
    pub epoch: u64,
    pub incarnation: u64,
    /// Routes and the models that no route shadows, by public name.
    pub targets: Arc<HashMap<String, Arc<Target>>>,
    /// Every version that answers under some name.
    pub versions: Arc<Vec<Arc<Version>>>,
    /// The same as a document, with the tables of every route.
    pub document: Arc<SnapshotDocument>,
    /// What is not served, or not yet; it moves on without a new epoch.
    pub progress: Arc<Progress>,
}

/// How far what a document wants has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Every version folder of the repository, loaded or not.
    pub index: Vec<IndexEntry>,
    /// Every loading of a version, from the order to the end of its memory.
    pub loads: Vec<LoadStatus>,
    /// Routes that wait for a version, with what they wait for.
    pub pending: BTreeMap<String, String>,
    /// Routes whose newest content was refused, with the reason.
    pub refused: BTreeMap<String, String>,
}

/// A loading of a version as `tidegate status` shows it.
#[derive(Clone, Debug)]
pub struct LoadStatus {
    pub load: LoadId,
    pub version: VersionId,
    pub state: &'static str,
    /// Its drain timeout is over and a run still holds it.
    pub is_stuck: bool,
    /// When it came into this state.
    pub since: Nanos,
    /// What it waits for, if it has not begun.
    pub waits_for: Option<String>,
}

impl Snapshot {
    /// Every version folder of the repository, loaded or not.
    pub fn index(&self) -> &[IndexEntry] {
        &self.progress.index
    }
}

/// A loaded version with everything that belongs to it for as long as anything holds it.
pub struct Version {
    pub id: VersionId,
    /// Its place in every thread's list of workers; another version may have it after the end of this one.
    pub slot: LoadId,
    /// Which of its kind it is: of two loads of one version the later one has the higher number.
    pub serial: u64,
    pub digest: String,
    pub size_bytes: u64,
    pub model: Arc<dyn Model>,
    pub settings: VersionSettings,
    /// Why requests run one by one; `None` if they are batched.
    pub unbatched: Option<String>,
    pub cost: SharedCost,
    pub gate: SharedInlineGate,
    pub queue: VersionKey,
    /// Where copies of other versions' requests wait.
    pub shadow_queue: VersionKey,
    pub batches: BatchCounters,
    pub recorded: Recorded,
    /// What its traffic is compared with.
    pub profile: Option<Arc<Profiled>>,
    /// Says that nothing holds the version any more; before the seats, whose end may follow at once.
    pub lease: Option<Lease>,
    pub seats: Arc<Seats>,
}

impl Version {
    pub fn is_batched(&self) -> bool {
        self.unbatched.is_none()
    }

    pub fn signature(&self) -> &Signature {
        self.model.signature()
    }

    /// Most rows of one batch; 1 for an unbatched version.
    pub fn max_rows(&self) -> u32 {
        max_rows(&self.settings, self.is_batched())
    }
}

/// Most rows of one batch of a version with these settings.
pub fn max_rows(settings: &VersionSettings, is_batched: bool) -> u32 {
    if is_batched { settings.batching.max as u32 } else { 1 }
}

/// A public name: a route, or a model under its own name.
pub struct Target {
    pub name: Arc<str>,
    pub route: Option<Arc<RoutePlan>>,
    /// A route's arms in the plan's order; a model's loaded versions in ascending order.
    pub arms: Vec<Arc<Arm>>,
    /// Index of the arm whose signature and configuration speak for the name: the stable arm, or the highest version.
    pub lead: usize,
    pub timeout: Nanos,
    /// Counts requests that failed before an arm was chosen.
    pub series: Arc<Series>,
    /// For each condition of the route, how often each of its keys was missing.
    pub misses: Vec<Vec<Arc<Misses>>>,
    pub shadows: Shadows,
}

/// A version under a public name. A request holds the arm that answers it, and so no other version of the route.
pub struct Arm {
    pub name: Arc<str>,
    pub route: Option<Arc<RoutePlan>>,
    pub version: Arc<Version>,
    pub stamp: Stamp,
    /// `model/3`, ready for a header.
    pub label: HeaderValue,
    /// The reasons of the route's segments, ready for a header.
    pub segment_labels: Arc<[HeaderValue]>,
    pub series: Arc<Series>,
    /// Where its features and predictions are counted, if there is a profile to count by.
    pub observed: Option<Observed>,
    /// Where its split traffic is counted by callers, if it is compared with another version.
    pub callers: Option<Arc<Callers>>,
}

impl Arm {
    /// Who counts its requests, if anybody does.
    pub fn counting(&self) -> Option<Counting<'_>> {
        let counting = Counting { observed: self.observed.as_ref(), callers: self.callers.as_deref() };
        (counting.observed.is_some() || counting.callers.is_some()).then_some(counting)
    }

    /// When a request happened, in Unix seconds, if it has to say so and does.
    pub fn happened_s(&self, request: &impl Context) -> Option<u64> {
        match (&self.observed, &self.callers) {
            (Some(observed), _) => observed.observer.happened_s(request),
            (None, Some(callers)) => callers.observer.happened_s(request),
            (None, None) => None,
        }
    }

    /// The sub-cell of the caller of a request that was decided so, where it counts.
    #[inline]
    pub fn sub_cell<C: Context>(&self, reason: Reason, head: &Head<'_, C>) -> Option<u8> {
        match (&self.callers, &self.route, reason) {
            (Some(callers), Some(route), Reason::Split | Reason::Unkeyed) if callers.observer.is_watched() => {
                Some(sub_cell_of(route, head))
            }
            _ => None,
        }
    }

    /// A reason for which this arm was chosen, in the words that callers read.
    pub fn reason(&self, reason: Reason) -> &str {
        reason.name(self.route.as_deref())
    }

    /// The same for a header, without a copy.
    pub fn reason_label(&self, reason: Reason) -> HeaderValue {
        match reason {
            Reason::Split => HeaderValue::from_static("split"),
            Reason::Unkeyed => HeaderValue::from_static("unkeyed"),
            Reason::Only => HeaderValue::from_static("only"),
            Reason::Pinned => HeaderValue::from_static("pinned"),
            Reason::Model => HeaderValue::from_static("model"),
            Reason::Segment(index) => self.segment_labels[usize::from(index)].clone(),
        }
    }
}

impl Target {
    /// Whether it is what a plan, or a model's own name, makes of these loads: the same ones, none more.
    pub fn is_of(&self, plan: Option<&Arc<RoutePlan>>, versions: &[Arc<Version>]) -> bool {
        let is_same_plan = match (&self.route, plan) {
            (None, None) => true,
            (Some(own), Some(plan)) => Arc::ptr_eq(own, plan),
            _ => false,
        };
        let holds = |arm: &Arc<Arm>| versions.iter().any(|version| Arc::ptr_eq(version, &arm.version));
        // A plan has an arm or a shadow for each of its versions; a model's name has an arm.
        is_same_plan
            && (plan.is_some() || self.arms.len() == versions.len())
            && self.arms.iter().chain(self.shadows.arms()).all(holds)
    }

    pub fn lead(&self) -> &Arc<Arm> {
        &self.arms[self.lead]
    }

    /// The arm of that version number (or `model/number`).
    pub fn arm_of(&self, version: &str) -> Option<usize> {
        self.arms.iter().position(|arm| arm.version.id.version() == version || arm.version.id.as_str() == version)
    }

    /// Counts the conditions that found a key missing.
    pub fn count_misses(&self, verdicts: &Verdicts, thread: usize) {
        for (condition, key) in verdicts.missing() {
            self.misses[condition][usize::from(key)].count(thread);
        }
    }
}

/// A version folder as RepositoryIndex shows it.
#[derive(Clone, Debug)]
pub struct IndexEntry {
    pub model: String,
    pub version: String,
    pub ready: bool,
    /// Why it is not ready.
    pub reason: String,
}
