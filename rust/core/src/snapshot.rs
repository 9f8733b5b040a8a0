//! The snapshot as a document: everything that decides who answers, in one JSON value that any release can read.
//!
//! What a person writes is strict; a snapshot is written by one release and read by others, older ones too. So a reader
//! passes over fields that it does not know, and a writer lists in `requires` what a route would be served wrongly
//! without: a reader that does not know such a word refuses that route, by name, and serves the others.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::document::{Pins, VersionId, check_name, parse_stored};
use crate::routing::{Revision, RouteTable, check_ranges};

/// The form that this release writes.
pub const SCHEMA: u64 = 2;

/// What this release can do beyond a split.
const FEATURES: [&str; 2] = ["segments", "pins"];

/// The JSON of routes as it was last written, so that of many routes only those that have changed are written anew.
#[derive(Debug, Default)]
pub struct RouteTexts(BTreeMap<String, (Arc<Revision>, String)>);

/// What a gateway serves, or served when it was last told to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotDocument {
    /// Raised when a history is abandoned for another; (incarnation, epoch) orders all snapshots.
    pub incarnation: u64,
    /// Raised by one with every swap.
    pub epoch: u64,
    pub routes: BTreeMap<String, Arc<Revision>>,
    /// The digest, in hex, under which each version was first served; it never changes.
    pub digests: BTreeMap<VersionId, String>,
    /// Routes that were written by a release that can do more, with the reason why this one does not serve them.
    pub refused: BTreeMap<String, String>,
}

impl SnapshotDocument {
    /// The document as JSON. What was refused when it was read is not in it.
    pub fn to_json(&self) -> Value {
        let routes: Map<String, Value> =
            self.routes.iter().map(|(name, revision)| (name.clone(), route_to_json(revision))).collect();
        let digests: Map<String, Value> = self
            .digests
            .iter()
            .map(|(id, digest)| (id.to_string(), json!({"digest": format!("sha256:{digest}")})))
            .collect();
        json!({
            "schema": SCHEMA,
            "incarnation": self.incarnation,
            "epoch": self.epoch,
            "routes": routes,
            "versions": digests,
        })
    }

    /// The text of [`Self::to_json`] in pieces, of which each route is one.
    pub fn pieces<'a>(&self, texts: &'a mut RouteTexts) -> Vec<Cow<'a, str>> {
        let is_route = |name: &String| self.routes.contains_key(name);
        texts.0.retain(|name, _| is_route(name));
        for (name, revision) in &self.routes {
            if texts.0.get(name).is_none_or(|(known, _)| !Arc::ptr_eq(known, revision)) {
                let text = format!("{}:{}", Value::from(&**name), route_to_json(revision));
                texts.0.insert(name.clone(), (Arc::clone(revision), text));
            }
        }
        // What is around the routes is the document without them.
        let Self { incarnation, epoch, ref digests, .. } = *self;
        let bare = Self { incarnation, epoch, digests: digests.clone(), ..Self::default() }.to_json().to_string();
        let (head, tail) = bare.split_once("\"routes\":{}").expect("a document has routes");
        let mut pieces = vec![Cow::Owned(format!("{head}\"routes\":{{"))];
        for (index, (_, text)) in texts.0.values().enumerate() {
            pieces.extend((index > 0).then_some(Cow::Borrowed(",")));
            pieces.push(Cow::Borrowed(text));
        }
        pieces.push(Cow::Owned(format!("}}{tail}")));
        pieces
    }

    /// Reads a document of this form, an earlier one, or a later one that says it can be read so.
    ///
    /// # Errors
    /// A sentence: it is none, or needs a newer release as a whole.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("it holds no JSON object")?;
        let schema = fields.get("schema").and_then(Value::as_u64).ok_or("it names no schema")?;
        if let Some(word) = unknown_requirement(value) {
            return Err(format!("it requires {word}, which this release does not know; use the release that wrote it"));
        }
        let number = |name: &str| fields.get(name).and_then(Value::as_u64).ok_or(format!("it has no {name}"));
        let mut read = Self { incarnation: number("incarnation")?, epoch: number("epoch")?, ..Self::default() };
        match schema {
            1 => read.read_first_schema(fields)?,
            // A later schema that could not be read so would say it in `requires`.
            _ => read.read_routes(fields)?,
        }
        Ok(read)
    }

    /// Schema 1 kept the user's document and the tables beside each other.
    fn read_first_schema(&mut self, fields: &Map<String, Value>) -> Result<(), String> {
        let routes = fields.get("document").and_then(|document| document.get("routes"));
        for (name, route) in entries(routes)? {
            let table = fields.get("tables").and_then(|tables| tables.get(name));
            let route = parse_stored(name, route).map_err(|reason| format!("route {name:?}: {reason}"))?;
            let table =
                read_table(table, &route.split).map_err(|reason| format!("the table of route {name:?} {reason}"))?;
            self.routes.insert(name.clone(), Arc::new(Revision { route, table, segments: BTreeMap::new() }));
        }
        Ok(())
    }

    fn read_routes(&mut self, fields: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in entries(fields.get("routes"))? {
            check_name(name).map_err(|error| error.to_string())?;
            match route_from_json(name, value) {
                Ok(revision) => drop(self.routes.insert(name.clone(), Arc::new(revision))),
                Err(RouteError::Requires(word)) => {
                    let reason = format!("it requires {word}, which this release does not know; use a newer release");
                    self.refused.insert(name.clone(), reason);
                }
                Err(RouteError::Broken(reason)) => return Err(reason),
            }
        }
        for (id, version) in entries(fields.get("versions"))? {
            let id: VersionId = id.parse().map_err(|error: crate::document::NameError| error.to_string())?;
            let digest = version.get("digest").and_then(Value::as_str).and_then(|text| text.strip_prefix("sha256:"));
            let digest = digest.ok_or_else(|| format!("version {id} has no sha256 digest"))?;
            self.digests.insert(id, digest.to_owned());
        }
        Ok(())
    }
}

enum RouteError {
    Requires(String),
    Broken(String),
}

/// The entries of a mapping; one that is not there has none.
fn entries(value: Option<&Value>) -> Result<impl Iterator<Item = (&String, &Value)>, String> {
    match value {
        None => Ok(None.into_iter().flatten()),
        Some(Value::Object(entries)) => Ok(Some(entries).into_iter().flatten()),
        Some(_) => Err("a mapping is expected where there is none".to_owned()),
    }
}

fn unknown_requirement(value: &Value) -> Option<String> {
    let words = value.get("requires").and_then(Value::as_array)?;
    // What is no word is nothing this release knows either.
    words.iter().find(|word| !word.as_str().is_some_and(|word| FEATURES.contains(&word))).map(ToString::to_string)
}

fn route_to_json(revision: &Revision) -> Value {
    let route = &revision.route;
    // A shadow that an older release leaves out changes no answer; these would.
    let requires: Vec<&str> = [(!route.segments.is_empty(), "segments"), (route.pins != Pins::Allow, "pins")]
        .into_iter()
        .filter_map(|(is_used, word)| is_used.then_some(word))
        .collect();
    json!({
        "requires": requires,
        "route": route,
        "table": revision.table,
        "segment_tables": revision.segments,
    })
}

fn route_from_json(name: &str, value: &Value) -> Result<Revision, RouteError> {
    if let Some(word) = unknown_requirement(value) {
        return Err(RouteError::Requires(word));
    }
    let broken = |reason: String| RouteError::Broken(format!("route {name:?}: {reason}"));
    let route = value.get("route").ok_or_else(|| broken("it has no content".to_owned()))?;
    let route = parse_stored(name, route).map_err(broken)?;
    let table = read_table(value.get("table"), &route.split).map_err(|reason| broken(format!("its table {reason}")))?;
    let mut segments = BTreeMap::new();
    for segment in &route.segments {
        let table = value.get("segment_tables").and_then(|tables| tables.get(&segment.name));
        let table = read_table(table, &segment.split)
            .map_err(|reason| broken(format!("the table of segment {:?} {reason}", segment.name)))?;
        segments.insert(segment.name.clone(), table);
    }
    Ok(Revision { route, table, segments })
}

/// Reads a table over the arms of a split.
fn read_table(value: Option<&Value>, split: &BTreeMap<VersionId, u64>) -> Result<RouteTable, String> {
    let value = value.ok_or("is missing")?;
    let table: RouteTable = serde_json::from_value(value.clone()).map_err(|error| format!("is none: {error}"))?;
    if !split.contains_key(&*table.stable) {
        return Err(format!("starts from {:?}, which is not an arm of its split", table.stable));
    }
    match check_ranges(&table.ranges, |arm| split.contains_key(arm)).first() {
        None => Ok(table),
        Some(error) => Err(format!("is none: {error}")),
    }
}

#[cfg(test)]
mod tests;
