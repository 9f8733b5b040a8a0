//! The `routes` section.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::routing::{BUCKETS, Range, StickyKey, check_ranges};

use super::names::clip;
use super::parse::TIMEOUT_MS;
use super::segments::{pins, segments};
use super::shadows::{decision, shadows};
use super::walk::{Fields, Walk, describe};
use super::{Document, Route, VersionId, check_name};

/// Most routes in one document: each is a label of every metric.
pub(super) const MAX_ROUTES: usize = 16_384;
/// Most arms of one route: decisions search them, and a person has to oversee them.
const MAX_ARMS: usize = 64;
/// Most explicit ranges of one route: a table that the allocator made never comes near.
const MAX_RANGES: usize = 4096;
/// Most different conditions of one route, in segments, pins and shadows together: a request keeps a bit for each.
pub const MAX_CONDITIONS: usize = 64;
/// Longest salt in bytes.
const MAX_SALT_BYTES: usize = 256;

const FIELDS: [&str; 10] =
    ["sticky", "split", "stable", "salt", "segments", "pins", "shadow", "decision", "timeout_ms", "ranges"];

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>) -> BTreeMap<String, Route> {
    let mut routes = BTreeMap::new();
    let Some((path, value)) = root.get("routes") else { return routes };
    let section = walk.mapping(path, value);
    if section.len() > MAX_ROUTES {
        walk.refuse(&section.path, format!("names {} routes; at most {MAX_ROUTES} are allowed", section.len()));
    }
    for (name, path, value) in section.entries() {
        if let Err(error) = check_name(name) {
            walk.refuse(&path, error.to_string());
        }
        let fields = walk.fields(path, value, &FIELDS);
        if let Some(route) = route(walk, name, &fields) {
            routes.insert(name.to_owned(), route);
        }
    }
    routes
}

/// A route, as far as it can be read; `None` when it has no arms to speak of, which is refused on the way.
fn route(walk: &mut Walk, name: &str, fields: &Fields<'_>) -> Option<Route> {
    let sticky = sticky(walk, fields);
    let split = split(walk, fields);
    let stable = stable(walk, fields, split.as_ref());
    let salt = salt(walk, fields).unwrap_or(name).to_owned();
    let mut timeout_ms = Document::default().timeout_ms;
    walk.integer(fields, "timeout_ms", &TIMEOUT_MS, &mut timeout_ms);
    let ranges = ranges(walk, fields, split.as_ref());
    let segments = segments(walk, fields, &salt);
    let pins = pins(walk, fields);
    let shadow = shadows(walk, fields, &salt, timeout_ms, split.as_ref());
    let decision = decision(walk, fields);
    let route = Route { sticky, split: split?, stable, salt, segments, pins, shadow, decision, timeout_ms, ranges };
    let distinct: HashSet<_> = route.conditions().map(|condition| condition.text()).collect();
    if distinct.len() > MAX_CONDITIONS {
        let reason = format!("has {} different conditions; at most {MAX_CONDITIONS} are allowed", distinct.len());
        walk.refuse(&fields.path, reason);
    }
    Some(route)
}

/// Reads a route that a gateway has stored, perhaps a newer one: fields that are not known here are passed over.
///
/// # Errors
/// What of it cannot be read, in one sentence.
pub fn parse_stored(name: &str, value: &Value) -> Result<Route, String> {
    let mut walk = Walk::lenient();
    let fields = walk.fields(String::new(), value, &FIELDS);
    let route = route(&mut walk, name, &fields);
    let sentences: Vec<_> =
        walk.violations.iter().map(|violation| format!("{}: {}", violation.path, violation.reason)).collect();
    route.filter(|_| sentences.is_empty()).ok_or_else(|| sentences.join("; "))
}

fn sticky(walk: &mut Walk, fields: &Fields<'_>) -> Option<StickyKey> {
    let (path, text) = walk.text(fields, "sticky")?;
    walk.parsed(&path, text)
}

/// The weights, when every one of them is good.
pub(super) fn split(walk: &mut Walk, fields: &Fields<'_>) -> Option<BTreeMap<VersionId, u64>> {
    let Some((path, value)) = fields.get("split") else {
        walk.refuse(&fields.path, "has no split: name at least one version with a weight");
        return None;
    };
    let before = walk.violations.len();
    let section = walk.mapping(path, value);
    if value.is_object() && !(1..=MAX_ARMS).contains(&section.len()) {
        walk.refuse(&section.path, format!("must name 1 to {MAX_ARMS} versions, got {}", section.len()));
    }
    let mut split = BTreeMap::new();
    for (key, path, value) in section.entries() {
        let version = walk.parsed(&path, key);
        match (version, value.as_u64()) {
            (Some(version), Some(weight)) => {
                split.insert(version, weight);
            }
            (None, Some(_)) => {}
            (_, None) => {
                let got = describe(value);
                walk.refuse(&path, format!("a weight must be a whole number from 0 to {}, got {got}", u64::MAX));
            }
        }
    }
    if walk.violations.len() == before {
        match split.values().map(|weight| u128::from(*weight)).sum::<u128>() {
            0 => walk.refuse(&section.path, "the weights add up to 0; at least one version needs a weight"),
            total if total > u128::from(u64::MAX) => {
                walk.refuse(&section.path, format!("the weights add up to {total}; at most {} is allowed", u64::MAX));
            }
            _ => {}
        }
    }
    (walk.violations.len() == before).then_some(split)
}

/// The arm that is named.
pub(super) fn stable(
    walk: &mut Walk,
    fields: &Fields<'_>,
    split: Option<&BTreeMap<VersionId, u64>>,
) -> Option<VersionId> {
    let (path, text) = walk.text(fields, "stable")?;
    let version = walk.parsed::<VersionId>(&path, text)?;
    let split = split?;
    if !split.contains_key(&version) {
        let arms: Vec<_> = split.keys().map(VersionId::as_str).collect();
        walk.refuse(&path, format!("{:?} is not an arm of the split: {}", version.as_str(), arms.join(", ")));
    }
    Some(version)
}

pub(super) fn salt<'v>(walk: &mut Walk, fields: &Fields<'v>) -> Option<&'v str> {
    let (path, text) = walk.text(fields, "salt")?;
    if text.is_empty() || text.len() > MAX_SALT_BYTES {
        walk.refuse(&path, format!("must be 1 to {MAX_SALT_BYTES} bytes long, got {}", text.len()));
        return None;
    }
    Some(text)
}

pub(super) fn ranges(
    walk: &mut Walk,
    fields: &Fields<'_>,
    split: Option<&BTreeMap<VersionId, u64>>,
) -> Option<Vec<Range>> {
    let (path, value) = fields.get("ranges")?;
    let Some(items) = value.as_array() else {
        walk.refuse(&path, format!("must be a list of [start, end, \"arm\"], got {}", describe(value)));
        return None;
    };
    if items.len() > MAX_RANGES {
        walk.refuse(&path, format!("has {} ranges; at most {MAX_RANGES} are allowed", items.len()));
        return None;
    }
    let mut ranges = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match range(item) {
            Some(range) => ranges.push(range),
            None => walk.refuse(
                &format!("{path}[{index}]"),
                format!(
                    "must be [start, end, \"arm\"] with whole numbers from 0 to {BUCKETS}, got {}",
                    clip(&item.to_string())
                ),
            ),
        }
    }
    if ranges.len() < items.len() {
        return None;
    }
    // Without a readable split every arm is let pass: the split itself is refused already.
    let is_arm = |arm: &str| split.is_none_or(|split| split.contains_key(arm));
    for error in check_ranges(&ranges, is_arm) {
        let at = if error.index() < ranges.len() { format!("{path}[{}]", error.index()) } else { path.clone() };
        walk.refuse(&at, error.to_string());
    }
    Some(ranges)
}

fn range(item: &Value) -> Option<Range> {
    let [start, end, arm] = item.as_array()?.as_slice() else { return None };
    let bound = |value: &Value| value.as_u64().filter(|bucket| *bucket <= BUCKETS);
    Some(Range::new(bound(start)?, bound(end)?, arm.as_str()?))
}
