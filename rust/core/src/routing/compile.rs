//! From the document and the stored tables to what a request meets.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::document::{Document, Route, VersionId};

use super::apply::RouteTable;
use super::bucket::Salt;
use super::sticky::StickyKey;
use super::table::RangeTable;

/// A route, ready to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePlan {
    pub name: String,
    /// In name order; decisions and tables count from 0 in this order.
    pub arms: Vec<ArmPlan>,
    /// Index of the arm that everything falls back to.
    pub stable: u32,
    pub salt: Salt,
    pub sticky: Option<StickyKey>,
    pub table: RangeTable,
    /// How long a request may take when the caller asks for no less.
    pub timeout: Duration,
}

/// One thing a route can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmPlan {
    pub version: VersionId,
    pub weight: u64,
}

/// Why a version that a caller named is not answered by a route.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PinError {
    #[error("no arm of the route has this version; its arms are {arms}")]
    NotOnRoute { arms: String },
    #[error("arms of several models have this version; name one as model/version of {arms}")]
    Ambiguous { arms: String },
}

impl RoutePlan {
    /// Compiles one route; `None` when the table is not one over the route's arms.
    pub fn new(name: &str, route: &Route, table: &RouteTable) -> Option<Self> {
        let names: Vec<&str> = route.split.keys().map(VersionId::as_str).collect();
        let arms: Vec<ArmPlan> =
            route.split.iter().map(|(version, weight)| ArmPlan { version: version.clone(), weight: *weight }).collect();
        let stable = arms.iter().position(|arm| arm.version == route.stable)?;
        Some(Self {
            name: name.to_owned(),
            arms,
            stable: stable as u32,
            salt: Salt::new(&route.salt),
            sticky: route.sticky.clone(),
            table: RangeTable::new(&table.ranges, &names).ok()?,
            timeout: Duration::from_millis(route.timeout_ms),
        })
    }

    /// The arm whose version the caller named, as `3` or as `model/3`.
    pub fn pin(&self, version: &str) -> Result<u32, PinError> {
        let mut found = None;
        for (index, arm) in self.arms.iter().enumerate() {
            if arm.version.as_str() == version {
                return Ok(index as u32);
            }
            if arm.version.version() == version && found.replace(index as u32).is_some() {
                return Err(PinError::Ambiguous { arms: self.arm_names() });
            }
        }
        found.ok_or_else(|| PinError::NotOnRoute { arms: self.arm_names() })
    }

    /// The indices of the arms that get traffic.
    pub fn weighted_arms(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.arms.len() as u32).filter(|arm| self.table.share_of(*arm) > 0)
    }

    fn arm_names(&self) -> String {
        self.arms.iter().map(|arm| arm.version.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Compiles every route of a document with the tables that were applied for it.
///
/// # Panics
/// When `tables` were not made for this document by [`super::apply::apply`].
pub fn compile_routes(document: &Document, tables: &BTreeMap<String, RouteTable>) -> Vec<RoutePlan> {
    document
        .routes
        .iter()
        .map(|(name, route)| {
            tables
                .get(name)
                .and_then(|table| RoutePlan::new(name, route, table))
                .expect("apply made a table over the arms of every route")
        })
        .collect()
}
