//! One immutable content of a route: what its document says, with the range tables that its history has led to.
//!
//! Tables depend on their history, so they are kept as data beside the policy they were made for, and are never
//! computed again by a reader.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{Route, VersionId, heaviest};

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
    pub fn after(previous: Option<&Self>, route: &Route) -> Self {
        let split = match &route.ranges {
            Some(ranges) => {
                RouteTable { salt: route.salt.clone(), stable: route.stable.to_string(), ranges: ranges.clone() }
            }
            None => table(previous.map(|revision| &revision.table), &route.split, &route.stable, &route.salt),
        };
        let segments = route.segments.iter().map(|segment| {
            let before = previous.and_then(|revision| revision.segments.get(&segment.name));
            let has_stable = segment.split.contains_key(&route.stable);
            let heaviest = heaviest(&segment.split).expect("a parsed split has an arm");
            let base = if has_stable { &route.stable } else { heaviest };
            (segment.name.clone(), table(before, &segment.split, base, &segment.salt))
        });
        Self { route: route.clone(), table: split, segments: segments.collect() }
    }
}

fn table(
    previous: Option<&RouteTable>,
    split: &BTreeMap<VersionId, u64>,
    stable: &VersionId,
    salt: &str,
) -> RouteTable {
    let weights = split.iter().map(|(arm, weight)| (arm.to_string(), *weight)).collect();
    let start = previous.filter(|table| table.salt == salt).map_or(&[][..], |table| &table.ranges);
    let ranges =
        allocate(start, &weights, stable.as_str()).expect("a parsed split has weight, a stored table was checked");
    RouteTable { salt: salt.to_owned(), stable: stable.to_string(), ranges }
}
