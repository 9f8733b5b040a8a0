//! From what a gateway served to what it is to serve: epochs and range tables.
//!
//! The tables depend on their history, so they are kept as data beside the document they were made for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, Route};

use super::allocate::allocate;
use super::table::Range;

/// The range table of a route with what it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    pub salt: String,
    pub stable: String,
    pub ranges: Vec<Range>,
}

/// What a gateway has applied: the document in full, the tables of its routes, and their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Raised when a history is abandoned for another; (incarnation, epoch) orders all snapshots.
    pub incarnation: u64,
    /// Raised by one with every change of the document.
    pub epoch: u64,
    /// The document as [`crate::document::render`] fills it in.
    pub document: Value,
    pub tables: BTreeMap<String, RouteTable>,
}

/// What serving `document` after `previous` means. A document that says the same changes nothing.
pub fn apply(previous: Option<&Applied>, document: &Document) -> Applied {
    let rendered = crate::document::render(document);
    let Some(previous) = previous else {
        return Applied { incarnation: 1, epoch: 1, tables: tables(None, document), document: rendered };
    };
    if previous.document == rendered {
        return previous.clone();
    }
    Applied {
        incarnation: previous.incarnation,
        epoch: previous.epoch + 1,
        tables: tables(Some(&previous.tables), document),
        document: rendered,
    }
}

fn tables(previous: Option<&BTreeMap<String, RouteTable>>, document: &Document) -> BTreeMap<String, RouteTable> {
    document
        .routes
        .iter()
        .map(|(name, route)| (name.clone(), table(previous.and_then(|tables| tables.get(name)), route)))
        .collect()
}

/// Explicit ranges as they are; otherwise the smallest change from the table of the same salt, or from all stable.
fn table(previous: Option<&RouteTable>, route: &Route) -> RouteTable {
    let ranges = route.ranges.clone().unwrap_or_else(|| {
        let weights = route.split.iter().map(|(arm, weight)| (arm.to_string(), *weight)).collect();
        let start = previous.filter(|table| table.salt == route.salt).map_or(&[][..], |table| &table.ranges);
        allocate(start, &weights, route.stable.as_str()).expect("a parsed route has weight, a stored table was checked")
    });
    RouteTable { salt: route.salt.clone(), stable: route.stable.to_string(), ranges }
}
