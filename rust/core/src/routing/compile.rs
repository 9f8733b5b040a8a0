//! From a revision to what a request meets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::condition::{Condition, Context, Outcome};
use crate::document::{MAX_CONDITIONS, Pins, Route, VersionId};

use super::bucket::{BUCKETS, Salt};
use super::revision::{Revision, RouteTable};
use super::sticky::StickyKey;
use super::table::RangeTable;

/// A route, ready to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePlan {
    pub name: String,
    /// Everything that the split or a segment can answer with, in name order; decisions and tables count from 0 in this
    /// order.
    pub arms: Vec<VersionId>,
    /// Index of the arm that everything falls back to.
    pub stable: u32,
    pub sticky: Option<StickyKey>,
    pub split: SplitPlan,
    pub segments: Vec<SegmentPlan>,
    pub pins: PinPlan,
    pub shadows: Vec<ShadowPlan>,
    /// Every different condition of the route once; segments, pins and shadows name them by index.
    pub conditions: Vec<Arc<Condition>>,
    /// How long a request may take when the caller asks for no less.
    pub timeout: Duration,
}

/// A salted table over the arms of the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPlan {
    pub salt: Salt,
    pub table: RangeTable,
    /// The weight of each arm of the route; `None` for one that this split does not name.
    pub weights: Box<[Option<u64>]>,
    /// Whether it has no other arm to choose from.
    pub is_single: bool,
}

/// A segment, ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPlan {
    pub name: String,
    /// `segment:<name>`, as answers say it.
    pub reason: String,
    /// Index into [`RoutePlan::conditions`].
    pub when: u8,
    pub split: SplitPlan,
}

/// Whether callers may name the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinPlan {
    Allow,
    Deny,
    /// Index into [`RoutePlan::conditions`].
    When(u8),
}

/// A shadow, ready to sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowPlan {
    pub version: VersionId,
    pub share_bp: u64,
    /// Requests whose bucket lies below are copied.
    pub below: u64,
    pub salt: Salt,
    /// Index into [`RoutePlan::conditions`].
    pub when: Option<u8>,
    pub max_in_flight: u64,
    pub max_bytes: u64,
    pub timeout: Duration,
}

/// Why a version that a caller named is not answered by a route.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PinError {
    #[error("no arm of the route has this version; its arms are {arms}")]
    NotOnRoute { arms: String },
    #[error("arms of several models have this version; name one as model/version of {arms}")]
    Ambiguous { arms: String },
    #[error("this route chooses the version itself (pins); leave model_version empty")]
    Denied,
}

impl RoutePlan {
    /// Compiles one revision; `None` when a table is not one over the route's arms.
    pub fn new(name: &str, revision: &Revision) -> Option<Self> {
        let route = &revision.route;
        let arms: Vec<VersionId> = route.arms().into_iter().cloned().collect();
        let names: Vec<&str> = arms.iter().map(VersionId::as_str).collect();
        let conditions = distinct(route);
        let index = |condition: &Arc<Condition>| {
            conditions.iter().position(|known| known == condition).map(|index| index as u8)
        };
        let segments = route.segments.iter().map(|segment| {
            Some(SegmentPlan {
                name: segment.name.clone(),
                reason: format!("segment:{}", segment.name),
                when: index(&segment.when)?,
                split: SplitPlan::new(revision.segments.get(&segment.name)?, &segment.split, &names)?,
            })
        });
        let shadows = route.shadow.iter().map(|shadow| ShadowPlan {
            version: shadow.to.clone(),
            share_bp: shadow.share_bp,
            below: shadow.share_bp * BUCKETS / 10_000,
            salt: Salt::new(&shadow.salt),
            when: shadow.when.as_ref().and_then(index),
            max_in_flight: shadow.max_in_flight,
            max_bytes: shadow.max_mib << 20,
            timeout: Duration::from_millis(shadow.timeout_ms),
        });
        Some(Self {
            name: name.to_owned(),
            stable: arms.iter().position(|arm| arm.as_str() == revision.stable())? as u32,
            sticky: route.sticky.clone(),
            split: SplitPlan::new(&revision.table, &route.split, &names)?,
            segments: segments.collect::<Option<_>>()?,
            pins: match &route.pins {
                Pins::Allow => PinPlan::Allow,
                Pins::Deny => PinPlan::Deny,
                Pins::When(when) => PinPlan::When(index(when)?),
            },
            shadows: shadows.collect(),
            timeout: Duration::from_millis(route.timeout_ms),
            arms,
            conditions,
        })
    }

    /// The arm whose version the caller named, as `3` or as `model/3`.
    pub fn pin(&self, version: &str) -> Result<u32, PinError> {
        let mut found = None;
        for (index, arm) in self.arms.iter().enumerate() {
            if arm.as_str() == version {
                return Ok(index as u32);
            }
            if arm.version() == version && found.replace(index as u32).is_some() {
                return Err(PinError::Ambiguous { arms: self.arm_names() });
            }
        }
        found.ok_or_else(|| PinError::NotOnRoute { arms: self.arm_names() })
    }

    fn arm_names(&self) -> String {
        self.arms.iter().map(VersionId::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl SplitPlan {
    fn new(table: &RouteTable, split: &BTreeMap<VersionId, u64>, arms: &[&str]) -> Option<Self> {
        Some(Self {
            salt: Salt::new(&table.salt),
            table: RangeTable::new(&table.ranges, arms).ok()?,
            weights: arms.iter().map(|arm| split.get(*arm).copied()).collect(),
            is_single: split.len() == 1,
        })
    }
}

fn distinct(route: &Route) -> Vec<Arc<Condition>> {
    let mut conditions: Vec<Arc<Condition>> = Vec::new();
    for condition in route.conditions() {
        if !conditions.contains(condition) {
            conditions.push(Arc::clone(condition));
        }
    }
    conditions
}

/// What the conditions of a route said to one request: each is asked at most once, and only when somebody wants to know.
#[derive(Clone, Debug)]
pub struct Verdicts {
    known: u64,
    matched: u64,
    missed: u64,
    keys: [u16; MAX_CONDITIONS],
}

impl Default for Verdicts {
    fn default() -> Self {
        Self { known: 0, matched: 0, missed: 0, keys: [0; MAX_CONDITIONS] }
    }
}

impl Verdicts {
    /// Whether a condition of the route holds for the request.
    pub fn holds(&mut self, route: &RoutePlan, index: u8, request: &impl Context) -> bool {
        let bit = 1 << index;
        if self.known & bit == 0 {
            self.known |= bit;
            match route.conditions[usize::from(index)].evaluate(request) {
                Outcome::Match => self.matched |= bit,
                Outcome::NoMatch => {}
                Outcome::Missing(key) => {
                    self.missed |= bit;
                    self.keys[usize::from(index)] = key;
                }
            }
        }
        self.matched & bit != 0
    }

    /// The conditions that found a key missing: index of the condition, index of the key in it.
    pub fn missing(&self) -> impl Iterator<Item = (usize, u16)> + '_ {
        let mut left = self.missed;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            Some((index, self.keys[index]))
        })
    }
}
