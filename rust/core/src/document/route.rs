//! What a route says, typed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::VersionId;
use crate::condition::Condition;
use crate::routing::{Range, StickyKey};

/// The policy behind one public name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    pub sticky: Option<StickyKey>,
    /// Weight of each arm, any scale; the sum is above 0 and fits 64 bits.
    pub split: BTreeMap<VersionId, u64>,
    /// The arm that everything falls back to, if the document names it; see [`Revision::after`].
    ///
    /// [`Revision::after`]: crate::routing::Revision::after
    pub stable: Option<VersionId>,
    pub salt: String,
    /// Who is sent elsewhere; the first that matches counts.
    pub segments: Vec<Segment>,
    pub pins: Pins,
    pub shadow: Vec<Shadow>,
    pub decision: Option<Decision>,
    pub timeout_ms: u64,
    /// An explicit table; nothing is ever recomputed for a route that carries one.
    pub ranges: Option<Vec<Range>>,
}

impl Route {
    /// Every version that can answer, by the split or by a segment, each once, in name order.
    pub fn arms(&self) -> BTreeSet<&VersionId> {
        let segments = self.segments.iter().flat_map(|segment| segment.split.keys());
        self.split.keys().chain(segments).collect()
    }

    /// Every version that the route needs loaded, each once, in name order.
    pub fn versions(&self) -> BTreeSet<&VersionId> {
        let mut versions = self.arms();
        versions.extend(self.shadow.iter().map(|shadow| &shadow.to));
        versions
    }

    /// Every condition, in the order in which a request meets them.
    pub fn conditions(&self) -> impl Iterator<Item = &Arc<Condition>> {
        let pins = match &self.pins {
            Pins::When(when) => Some(when),
            Pins::Allow | Pins::Deny => None,
        };
        let segments = self.segments.iter().map(|segment| &segment.when);
        pins.into_iter().chain(segments).chain(self.shadow.iter().filter_map(|shadow| shadow.when.as_ref()))
    }
}

/// A named condition that sends matching requests to a split of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    pub name: String,
    pub when: Arc<Condition>,
    pub split: BTreeMap<VersionId, u64>,
    /// The arm that its table starts from, if the document names it; see [`Revision::after`].
    ///
    /// [`Revision::after`]: crate::routing::Revision::after
    pub stable: Option<VersionId>,
    pub salt: String,
    /// An explicit table, as of a route.
    pub ranges: Option<Vec<Range>>,
}

/// Whether callers may name the version that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pins {
    Allow,
    Deny,
    When(Arc<Condition>),
}

/// A sampled copy of a route's requests, whose answer is compared and never returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shadow {
    pub to: VersionId,
    /// How many of ten thousand requests are copied.
    pub share_bp: u64,
    /// Copies that wait or run at once.
    pub max_in_flight: u64,
    /// MiB of copies that wait or run at once.
    pub max_mib: u64,
    pub when: Option<Arc<Condition>>,
    pub timeout_ms: u64,
    pub salt: String,
}

/// What an answer of the route decides: whether `output` reaches `threshold`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    pub output: String,
    pub threshold: f64,
}

// A parsed threshold is a finite number, so equality is total.
impl Eq for Decision {}
