//! From JSON to a [`Document`], or to everything that is wrong with it.

use serde_json::Value;

use super::address::check_address;
use super::walk::{Bounds, Fields, Violation, Walk};
use super::{Document, Limits, Listen, Log, LogFormat, LogLevel, Route, Threads, front, routes, versions};

const FIELDS: [&str; 16] = [
    "listen",
    "front",
    "interceptors",
    "repository",
    "state_dir",
    "versions",
    "routes",
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

const MESSAGE_MIB: Bounds = Bounds { min: 1, max: 2047, why: "MiB; a protobuf message stays below 2 GiB" };
const IN_FLIGHT_MIB: Bounds = Bounds { min: 1, max: 1_048_576, why: "MiB of requests held at once; at most 1 TiB" };
const CONNECTIONS: Bounds = Bounds { min: 1, max: 1_000_000, why: "connections, a file descriptor each" };
const STREAMS: Bounds = Bounds { min: 1, max: 65_536, why: "calls at once on one connection" };
const HEADER_LIST_KIB: Bounds = Bounds { min: 1, max: 1024, why: "KiB of metadata, held for every call" };
const LOAD_THREADS: Bounds =
    Bounds { min: 1, max: 64, why: "versions loaded at once; each takes a core and the memory of a load" };
const HANDSHAKE_TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 600_000, why: "milliseconds that a silent connection is held" };
const IDLE_BODY_TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 3_600_000, why: "milliseconds that a half-sent request is held" };

const THREADS: Bounds = Bounds { min: 0, max: 1024, why: "threads; 0 is one per core" };

const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];
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
    listen(&mut walk, &root, &mut document.listen);
    front::parse(&mut walk, &root, &mut document);
    folder(&mut walk, &root, "repository", &mut document.repository);
    folder(&mut walk, &root, "state_dir", &mut document.state_dir);
    document.versions = versions::parse(&mut walk, &root);
    document.routes = routes::parse(&mut walk, &root);
    walk.integer(&root, "timeout_ms", &TIMEOUT_MS, &mut document.timeout_ms);
    walk.integer(&root, "inline_budget_us", &INLINE_BUDGET_US, &mut document.inline_budget_us);
    walk.choice(&root, "answer_parameters", &ON_OFF, &mut document.answer_parameters);
    walk.integer(&root, "drain_delay_ms", &DRAIN_DELAY_MS, &mut document.drain_delay_ms);
    walk.integer(&root, "drain_timeout_ms", &DRAIN_TIMEOUT_MS, &mut document.drain_timeout_ms);
    walk.integer(&root, "load_timeout_ms", &LOAD_TIMEOUT_MS, &mut document.load_timeout_ms);
    limits(&mut walk, &root, &mut document.limits);
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

fn listen(walk: &mut Walk, root: &Fields<'_>, into: &mut Listen) {
    let fields = walk.section(root, "listen", &["grpc", "http"]);
    for (name, into) in [("grpc", &mut into.grpc), ("http", &mut into.http)] {
        let Some((path, text)) = walk.text(&fields, name) else { continue };
        match check_address(text) {
            Ok(()) => text.clone_into(into),
            Err(reason) => walk.refuse(&path, reason),
        }
    }
    if into.grpc == into.http && !into.grpc.ends_with(":0") {
        let reason = format!("grpc and http cannot both listen on {}", into.grpc);
        walk.refuse(&fields.path, reason);
    }
}

fn folder(walk: &mut Walk, root: &Fields<'_>, name: &str, into: &mut String) {
    let Some((path, text)) = walk.text(root, name) else { return };
    if text.is_empty() || text.len() > MAX_PATH_BYTES || text.contains('\0') {
        walk.refuse(&path, "must be the path of a folder: 1 to 4096 bytes without NUL");
    } else {
        text.clone_into(into);
    }
}

fn limits(walk: &mut Walk, root: &Fields<'_>, into: &mut Limits) {
    let known = [
        "message_mib",
        "in_flight_mib",
        "connections",
        "streams_per_connection",
        "header_list_kib",
        "handshake_timeout_ms",
        "idle_body_timeout_ms",
    ];
    let fields = walk.section(root, "limits", &known);
    walk.integer(&fields, "message_mib", &MESSAGE_MIB, &mut into.message_mib);
    walk.integer(&fields, "in_flight_mib", &IN_FLIGHT_MIB, &mut into.in_flight_mib);
    walk.integer(&fields, "connections", &CONNECTIONS, &mut into.connections);
    walk.integer(&fields, "streams_per_connection", &STREAMS, &mut into.streams_per_connection);
    walk.integer(&fields, "header_list_kib", &HEADER_LIST_KIB, &mut into.header_list_kib);
    walk.integer(&fields, "handshake_timeout_ms", &HANDSHAKE_TIMEOUT_MS, &mut into.handshake_timeout_ms);
    walk.integer(&fields, "idle_body_timeout_ms", &IDLE_BODY_TIMEOUT_MS, &mut into.idle_body_timeout_ms);
    if into.in_flight_mib < into.message_mib {
        let reason = format!(
            "in_flight_mib ({}) is below message_mib ({}): the largest message allowed could never be taken",
            into.in_flight_mib, into.message_mib
        );
        walk.refuse(&fields.path, reason);
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
