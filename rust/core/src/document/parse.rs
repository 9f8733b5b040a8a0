//! From JSON to a [`Document`], or to everything that is wrong with it.

use serde_json::Value;

use super::walk::{Bounds, Fields, Violation, Walk};
use super::{
    Document, Log, LogFormat, LogLevel, Route, Threads, front, keys, limits, listen, monitors, routes, sinks, versions,
};

const FIELDS: [&str; 19] = [
    "listen",
    "front",
    "interceptors",
    "repository",
    "state_dir",
    "versions",
    "routes",
    "keys",
    "monitors",
    "sinks",
    "timeout_ms",
    "inline_budget_us",
    "answer_parameters",
    "drain_delay_ms",
    "drain_timeout_ms",
    "load_timeout_ms",
    "limits",
    "threads",
    "log",
];

pub(super) const TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 3_600_000, why: "milliseconds; whoever waits longer than an hour wants a batch job" };
const INLINE_BUDGET_US: Bounds =
    Bounds { min: 0, max: 10_000, why: "microseconds that others on the same thread wait; 0 runs nothing inline" };
const DRAIN_DELAY_MS: Bounds =
    Bounds { min: 0, max: 600_000, why: "milliseconds; balancers notice within ten minutes" };
const DRAIN_TIMEOUT_MS: Bounds =
    Bounds { min: 0, max: 3_600_000, why: "milliseconds; no request may take longer than an hour" };
const LOAD_TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 86_400_000, why: "milliseconds; a load of more than a day never ends" };

const LOAD_THREADS: Bounds =
    Bounds { min: 1, max: 64, why: "versions loaded at once; each takes a core and the memory of a load" };

const THREADS: Bounds = Bounds { min: 0, max: 1024, why: "threads; 0 is one per core" };

pub(super) const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];
const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
const LOG_LEVELS: [(&str, LogLevel); 4] =
    [("debug", LogLevel::Debug), ("info", LogLevel::Info), ("warning", LogLevel::Warning), ("error", LogLevel::Error)];

/// Longest path of a folder in bytes, as Linux has it.
const MAX_PATH_BYTES: usize = 4096;

/// Reads a document: the typed form with every default, or every violation in the order of the document.
pub fn parse(value: &Value) -> Result<Document, Vec<Violation>> {
    let mut walk = Walk::default();
    let root = walk.fields(String::new(), value, &FIELDS);
    let mut document = Document::default();
    listen::parse(&mut walk, &root, &mut document.listen);
    front::parse(&mut walk, &root, &mut document);
    path(&mut walk, &root, "repository", "folder", &mut document.repository);
    path(&mut walk, &root, "state_dir", "folder", &mut document.state_dir);
    document.versions = versions::parse(&mut walk, &root);
    document.routes = routes::parse(&mut walk, &root);
    document.keys = keys::parse(&mut walk, &root);
    document.monitors = monitors::parse(&mut walk, &root);
    sinks::parse(&mut walk, &root, &mut document.sinks);
    walk.integer(&root, "timeout_ms", &TIMEOUT_MS, &mut document.timeout_ms);
    walk.integer(&root, "inline_budget_us", &INLINE_BUDGET_US, &mut document.inline_budget_us);
    walk.choice(&root, "answer_parameters", &ON_OFF, &mut document.answer_parameters);
    walk.integer(&root, "drain_delay_ms", &DRAIN_DELAY_MS, &mut document.drain_delay_ms);
    walk.integer(&root, "drain_timeout_ms", &DRAIN_TIMEOUT_MS, &mut document.drain_timeout_ms);
    walk.integer(&root, "load_timeout_ms", &LOAD_TIMEOUT_MS, &mut document.load_timeout_ms);
    limits::parse(&mut walk, &root, &mut document.limits);
    threads(&mut walk, &root, &mut document.threads);
    log(&mut walk, &root, &mut document.log);
    if !walk.violations.is_empty() {
        return Err(walk.violations);
    }
    for version in document.routes.values().flat_map(Route::versions) {
        document.versions.entry(version.clone()).or_default();
    }
    Ok(document)
}

/// A path of what is called a `kind`.
pub(super) fn path(walk: &mut Walk, fields: &Fields<'_>, name: &str, kind: &str, into: &mut String) {
    let Some((path, text)) = walk.text(fields, name) else { return };
    if text.is_empty() || text.len() > MAX_PATH_BYTES || text.contains('\0') {
        walk.refuse(&path, format!("must be the path of a {kind}: 1 to {MAX_PATH_BYTES} bytes without NUL"));
    } else {
        text.clone_into(into);
    }
}

fn threads(walk: &mut Walk, root: &Fields<'_>, into: &mut Threads) {
    let fields = walk.section(root, "threads", &["front", "compute", "load"]);
    walk.integer(&fields, "front", &THREADS, &mut into.front);
    walk.integer(&fields, "compute", &THREADS, &mut into.compute);
    walk.integer(&fields, "load", &LOAD_THREADS, &mut into.load);
}

fn log(walk: &mut Walk, root: &Fields<'_>, into: &mut Log) {
    let fields = walk.section(root, "log", &["format", "level"]);
    walk.choice(&fields, "format", &LOG_FORMATS, &mut into.format);
    walk.choice(&fields, "level", &LOG_LEVELS, &mut into.level);
}
