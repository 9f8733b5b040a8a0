//! Everything a request may meet, immutable: names, arms, loaded versions.

use crate::observe::counters::{BatchCounters, SeriesId};
use crate::runtime::Model;
use http::HeaderValue;
use std::collections::HashMap;
use std::sync::Arc;
use tidegate_core::document::{VersionId, VersionSettings};
use tidegate_core::oip::answer::Stamp;
use tidegate_core::oip::signature::Signature;
use tidegate_core::plane::{Nanos, SharedCost, SharedInlineGate, VersionKey};
use tidegate_core::routing::RoutePlan;

/// What one epoch of a gateway serves.
pub struct Snapshot {
    pub epoch: u64,
    pub incarnation: u64,
    /// Routes and the models that no route shadows, by public name.
    pub targets: HashMap<String, Arc<Target>>,
    /// Every loaded version, by its slot.
    pub versions: Vec<Arc<Version>>,
    /// Every version folder of the repository, loaded or not.
    pub index: Vec<IndexEntry>,
}

/// A loaded version with everything that belongs to it for as long as it is loaded.
pub struct Version {
    pub id: VersionId,
    /// Its place in [`Snapshot::versions`] and in every thread's list of workers.
    pub slot: usize,
    pub digest: String,
    pub size_bytes: u64,
    pub model: Box<dyn Model>,
    pub settings: VersionSettings,
    /// Why requests run one by one; `None` if they are batched.
    pub unbatched: Option<String>,
    pub cost: SharedCost,
    pub gate: SharedInlineGate,
    pub queue: VersionKey,
    pub batches: BatchCounters,
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
        if self.is_batched() { self.settings.batching.max as u32 } else { 1 }
    }
}

/// A public name: a route, or a model under its own name.
pub struct Target {
    pub name: String,
    pub route: Option<RoutePlan>,
    /// A route's arms in the plan's order; a model's loaded versions in ascending order.
    pub arms: Vec<Arm>,
    /// Index of the arm whose signature and configuration speak for the name: the stable arm, or the highest version.
    pub lead: usize,
    pub timeout: Nanos,
    /// Counts requests that failed before an arm was chosen.
    pub series: SeriesId,
}

/// A version under a public name.
pub struct Arm {
    pub version: Arc<Version>,
    pub stamp: Stamp,
    /// `model/3`, ready for a header.
    pub label: HeaderValue,
    pub series: SeriesId,
}

impl Target {
    pub fn lead(&self) -> &Arm {
        &self.arms[self.lead]
    }

    /// The arm of that version number (or `model/number`).
    pub fn arm_of(&self, version: &str) -> Option<usize> {
        self.arms.iter().position(|arm| arm.version.id.version() == version || arm.version.id.as_str() == version)
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
