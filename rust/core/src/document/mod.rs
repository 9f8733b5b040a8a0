//! The gateway document: everything an operator says, typed, with every default filled in.
//!
//! The defaults live here and nowhere else. [`parse`] collects every violation of form and meaning at once; [`render`]
//! is the way back to JSON. `docs/configuration.md` is this module for readers.

mod address;
mod amend;
mod front;
mod gate;
mod keys;
mod limits;
mod listen;
mod monitors;
mod names;
mod parse;
mod providers;
mod route;
mod routes;
mod segments;
mod settings;
mod shadows;
mod sinks;
mod versions;
pub(crate) mod walk;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

pub use address::check_address;
pub use amend::{Amendment, parse_amendment};
pub use front::Front;
pub use gate::GateMode;
pub use keys::{Key, KeyRoutes, Sha256};
pub use limits::Limits;
pub use listen::{Listen, Tls};
pub use monitors::{Monitor, MonitoredFeature, PageBudget, WindowLength};
pub use names::{MAX_NAME_BYTES, NameError, VersionId, check_name};
pub use parse::parse;
pub use providers::{CPU, Provider};
pub use route::{Decision, Pins, Route, Segment, Shadow};
use routes::MAX_ROUTES;
pub use routes::{MAX_CONDITIONS, parse_stored};
pub use settings::{Arena, Batching, BatchingMode, Queue, VersionSettings};
pub use sinks::LOG_SINK;
use versions::MAX_VERSIONS;
pub use walk::Violation;

/// The document with every default filled in, fields in the order of `docs/configuration.md`, names sorted.
pub fn render(document: &Document) -> Value {
    serde_json::to_value(document).expect("a document is made of strings, integers, lists and string-keyed maps")
}

/// What a document says beside routes, versions, keys and monitors, by field: what only a restart can change.
pub fn render_settings(document: &Document) -> Map<String, Value> {
    // Taken apart by name, so that a new field is sorted in here or there by whoever adds it.
    let Document {
        listen,
        front,
        interceptors,
        repository,
        state_dir,
        versions: _,
        routes: _,
        keys: _,
        monitors: _,
        sinks,
        timeout_ms,
        inline_budget_us,
        answer_parameters,
        drain_delay_ms,
        drain_timeout_ms,
        load_timeout_ms,
        limits,
        threads,
        log,
    } = document;
    let fields = json!({
        "listen": listen,
        "front": front,
        "interceptors": interceptors,
        "repository": repository,
        "state_dir": state_dir,
        "sinks": sinks,
        "timeout_ms": timeout_ms,
        "inline_budget_us": inline_budget_us,
        "answer_parameters": answer_parameters,
        "drain_delay_ms": drain_delay_ms,
        "drain_timeout_ms": drain_timeout_ms,
        "load_timeout_ms": load_timeout_ms,
        "limits": limits,
        "threads": threads,
        "log": log,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => unreachable!("a mapping was written"),
    }
}

/// What one gateway serves and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    pub listen: Listen,
    /// Who reads requests from the wire.
    pub front: Front,
    /// What Python's front puts around every call, each as `module:factory`, the outermost first.
    pub interceptors: Vec<String>,
    /// Folder of `<model>/<version>/model.onnx`; relative to the folder of the document.
    pub repository: String,
    /// Folder of what the gateway remembers between starts; relative to the folder of the document.
    pub state_dir: String,
    /// Settings of versions; versions that routes name are always here.
    pub versions: BTreeMap<VersionId, VersionSettings>,
    pub routes: BTreeMap<String, Route>,
    /// Who may ask, by label; nobody is asked who they are while there is none.
    pub keys: BTreeMap<String, Key>,
    /// What is watched for drift, by route.
    pub monitors: BTreeMap<String, Monitor>,
    /// Who is told of drift: addresses, as `log:` or `file:events.jsonl`.
    pub sinks: Vec<String>,
    /// Timeout of requests to models without a route.
    pub timeout_ms: u64,
    /// A batch that is predicted to cost no more runs on the thread that read it.
    pub inline_budget_us: u64,
    /// Whether answers carry who answered in their parameters.
    pub answer_parameters: bool,
    /// How long connections are still accepted after the signal to end.
    pub drain_delay_ms: u64,
    /// How long begun requests may go on after that.
    pub drain_timeout_ms: u64,
    /// How long a version may take to load and to warm up.
    pub load_timeout_ms: u64,
    pub limits: Limits,
    pub threads: Threads,
    pub log: Log,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            front: Front::Native,
            interceptors: Vec::new(),
            repository: "./models".to_owned(),
            state_dir: ".tidegate".to_owned(),
            versions: BTreeMap::new(),
            routes: BTreeMap::new(),
            keys: BTreeMap::new(),
            monitors: BTreeMap::new(),
            sinks: vec![LOG_SINK.to_owned()],
            timeout_ms: 30_000,
            inline_budget_us: 100,
            answer_parameters: true,
            drain_delay_ms: 5_000,
            drain_timeout_ms: 30_000,
            load_timeout_ms: 600_000,
            limits: Limits::default(),
            threads: Threads::default(),
            log: Log::default(),
        }
    }
}

impl Document {
    /// Threads of the pool that the runs of all versions share: as many as the version with the most wants.
    pub fn pool_threads(&self) -> u64 {
        self.versions.values().map(|version| version.intra_op_threads).max().unwrap_or(1)
    }

    /// The settings of a version, whether or not the document names it.
    pub fn settings_of(&self, version: &VersionId) -> VersionSettings {
        self.versions.get(version).cloned().unwrap_or_default()
    }

    /// The versions that routes name, each once, in name order.
    pub fn routed_versions(&self) -> Vec<&VersionId> {
        let mut versions: Vec<_> = self.routes.values().flat_map(Route::versions).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

/// How many threads there are; for `front` and `compute` 0 = one per core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Threads {
    /// Threads that read and answer.
    pub front: u64,
    /// Threads that run what is too large for the front.
    pub compute: u64,
    /// Versions that are loaded at once.
    pub load: u64,
}

impl Default for Threads {
    fn default() -> Self {
        Self { front: 0, compute: 0, load: 1 }
    }
}

/// How the gateway speaks of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

/// One line an event, for people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// The least grave event that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
}

#[cfg(test)]
mod tests;
