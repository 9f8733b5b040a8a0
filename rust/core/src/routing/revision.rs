//! One immutable content of a route: what its document says, with the range tables that its history has led to.
//!
//! Tables depend on their history, so they are kept as data beside the policy they were made for, and are never
//! computed again by a reader.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{Route, VersionId};

use super::allocate::allocate;
use super::table::Range;

/// A range table with what it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    pub salt: String,
    pub stable: String,
    pub ranges: Vec<Range>,
}

/// One content of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub route: Route,
    /// The table of the split.
    pub table: RouteTable,
    /// The table of each segment's split, by the segment's name.
    pub segments: BTreeMap<String, RouteTable>,
}

impl Revision {
    /// What serving `route` after `previous` means: the smallest change from tables of the same salt, else from all
    /// stable; explicit ranges as they are.
    ///
    /// Stable is the arm that the document names; else the one before, as long as it is an arm, so that a ramp past one
    /// half can be walked back; else the heaviest, ties by name. A segment starts from the route's arm unless it names
    /// another; without it, it has one of its own, found in the same way.
    pub fn after(previous: Option<&Self>, route: &Route) -> Self {
        let before = previous.map(|revision| &revision.table);
        let stable = stable([route.stable.as_ref().map(VersionId::as_str), stable_of(before)], &route.split);
        let table = table(route.ranges.as_ref(), before, &route.split, stable, &route.salt);
        let segments = route.segments.iter().map(|segment| {
            let before = previous.and_then(|revision| revision.segments.get(&segment.name));
            let named = segment.stable.as_ref().map(VersionId::as_str);
            let base = self::stable([named, Some(stable), stable_of(before)], &segment.split);
            (segment.name.clone(), self::table(segment.ranges.as_ref(), before, &segment.split, base, &segment.salt))
        });
        Self { route: route.clone(), segments: segments.collect(), table }
    }

    /// The arm that everything falls back to.
    pub fn stable(&self) -> &str {
        &self.table.stable
    }
}

fn stable_of(table: Option<&RouteTable>) -> Option<&str> {
    table.map(|table| &*table.stable)
}

/// The first of `wishes` that is an arm, or the heaviest arm, ties by name.
fn stable<'a, const N: usize>(wishes: [Option<&'a str>; N], split: &'a BTreeMap<VersionId, u64>) -> &'a str {
    // Arms come in name order, and of equal weights max_by_key keeps the last it sees: walk backwards.
    let heaviest = split.iter().rev().max_by_key(|(_, weight)| **weight);
    let heaviest = || heaviest.expect("a parsed split has an arm").0.as_str();
    wishes.into_iter().flatten().find(|wish| split.contains_key(*wish)).unwrap_or_else(heaviest)
}

/// The table that is written, or the one that a history leads to.
fn table(
    written: Option<&Vec<Range>>,
    previous: Option<&RouteTable>,
    split: &BTreeMap<VersionId, u64>,
    stable: &str,
    salt: &str,
) -> RouteTable {
    let after_history = || {
        let weights = split.iter().map(|(arm, weight)| (arm.to_string(), *weight)).collect();
        let start = previous.filter(|table| table.salt == salt).map_or(&[][..], |table| &table.ranges);
        allocate(start, &weights, stable).expect("a parsed split has weight, a stored table was checked")
    };
    let ranges = written.cloned().unwrap_or_else(after_history);
    RouteTable { salt: salt.to_owned(), stable: stable.to_string(), ranges }
}
