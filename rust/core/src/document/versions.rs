//! The `versions` section.

use std::collections::BTreeMap;

use serde_json::Value;

use super::parse::ON_OFF;
use super::walk::{Bounds, Fields, Walk};
use super::{Arena, Batching, BatchingMode, Sha256, VersionId, VersionSettings, providers};

/// Most versions one document names: each is loaded, and each is a label of every metric.
pub(super) const MAX_VERSIONS: usize = 1024;

const KNOWN: [&str; 8] =
    ["digest", "profile_digest", "batching", "instances", "intra_op_threads", "queue", "providers", "arena"];
const MODES: [(&str, BatchingMode); 3] =
    [("auto", BatchingMode::Auto), ("on", BatchingMode::On), ("off", BatchingMode::Off)];

const BATCH_ROWS: Bounds = Bounds { min: 1, max: 65_536, why: "rows in one batch; larger ones only wait longer" };
const BATCH_DELAY_US: Bounds = Bounds { min: 0, max: 1_000_000, why: "microseconds that every caller may wait" };
const INSTANCES: Bounds = Bounds { min: 1, max: 256, why: "runs at once; more than cores only share them" };
const INTRA_OP_THREADS: Bounds = Bounds { min: 1, max: 256, why: "threads inside one operator" };
const QUEUE_REQUESTS: Bounds = Bounds { min: 1, max: 1_048_576, why: "requests that wait" };
const QUEUE_MIB: Bounds = Bounds { min: 1, max: 1_048_576, why: "MiB of requests that wait; at most 1 TiB" };

const PRIORITY_LEVELS: Bounds = Bounds { min: 1, max: 16, why: "levels of priority; each is a queue" };
const DEFAULT_PRIORITY: Bounds = Bounds { min: 1, max: 16, why: "one of priority_levels; 1 is the most urgent" };

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>) -> BTreeMap<VersionId, VersionSettings> {
    let mut versions = BTreeMap::new();
    let Some((path, value)) = root.get("versions") else { return versions };
    let section = walk.mapping(path, value);
    if section.len() > MAX_VERSIONS {
        walk.refuse(&section.path, format!("names {} versions; at most {MAX_VERSIONS} are allowed", section.len()));
    }
    for (key, path, value) in section.entries() {
        let settings = settings(walk, path.clone(), value);
        if let Some(version) = walk.parsed(&path, key) {
            versions.insert(version, settings);
        }
    }
    versions
}

fn settings(walk: &mut Walk, path: String, value: &Value) -> VersionSettings {
    let mut settings = VersionSettings::default();
    let fields = walk.fields(path, value, &KNOWN);
    settings.digest = digest(walk, &fields, "digest");
    settings.profile_digest = digest(walk, &fields, "profile_digest");
    batching(walk, &fields, &mut settings.batching);
    walk.integer(&fields, "instances", &INSTANCES, &mut settings.instances);
    walk.integer(&fields, "intra_op_threads", &INTRA_OP_THREADS, &mut settings.intra_op_threads);
    let queue = walk.section(&fields, "queue", &["requests", "mib", "priority_levels", "default_priority"]);
    walk.integer(&queue, "requests", &QUEUE_REQUESTS, &mut settings.queue.requests);
    walk.integer(&queue, "mib", &QUEUE_MIB, &mut settings.queue.mib);
    walk.integer(&queue, "priority_levels", &PRIORITY_LEVELS, &mut settings.queue.priority_levels);
    let levels = Bounds { max: settings.queue.priority_levels, ..DEFAULT_PRIORITY };
    walk.integer(&queue, "default_priority", &levels, &mut settings.queue.default_priority);
    providers::parse(walk, &fields, &mut settings.providers);
    arena(walk, &fields, &mut settings.arena);
    settings
}

fn digest(walk: &mut Walk, fields: &Fields<'_>, name: &str) -> Option<Sha256> {
    let (path, text) = walk.text(fields, name)?;
    let digest = text.strip_prefix("sha256:").and_then(Sha256::parse);
    if digest.is_none() {
        walk.refuse(&path, format!("must be sha256: and 64 hexadecimal digits, got {text:?}"));
    }
    digest
}

fn arena(walk: &mut Walk, parent: &Fields<'_>, into: &mut Arena) {
    let fields = walk.section(parent, "arena", &["enabled", "pattern", "shrink"]);
    walk.choice(&fields, "enabled", &ON_OFF, &mut into.enabled);
    walk.choice(&fields, "pattern", &ON_OFF, &mut into.pattern);
    walk.choice(&fields, "shrink", &ON_OFF, &mut into.shrink);
    if into.shrink && !into.enabled {
        walk.refuse(&fields.path, "shrink: on has nothing to give back while enabled is off");
    }
}

/// A mapping, or a mode alone: `batching: off`.
fn batching(walk: &mut Walk, parent: &Fields<'_>, into: &mut Batching) {
    let Some((path, value)) = parent.get("batching") else { return };
    if matches!(value, Value::String(_) | Value::Bool(_)) {
        return walk.choice_at(&path, value, &MODES, &mut into.mode);
    }
    let fields = walk.fields(path, value, &["mode", "max", "max_delay_us"]);
    walk.choice(&fields, "mode", &MODES, &mut into.mode);
    walk.integer(&fields, "max", &BATCH_ROWS, &mut into.max);
    walk.integer(&fields, "max_delay_us", &BATCH_DELAY_US, &mut into.max_delay_us);
}
