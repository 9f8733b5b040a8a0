//! How one version runs, typed, with its defaults.

use serde::{Serialize, Serializer};

use super::{Provider, Sha256};

/// How one version runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct VersionSettings {
    /// The files that it is to be; whatever lies in its folder if this is not said.
    #[serde(serialize_with = "prefixed")]
    pub digest: Option<Sha256>,
    /// The `profile.json` that is to lie beside its model.
    #[serde(serialize_with = "prefixed")]
    pub profile_digest: Option<Sha256>,
    pub batching: Batching,
    /// How many batches run at once.
    pub instances: u64,
    /// Threads inside one operator.
    pub intra_op_threads: u64,
    pub queue: Queue,
    /// What the operators run on: each takes what those before it leave. Where the processor is not among them, it takes
    /// nothing.
    pub providers: Vec<Provider>,
    pub arena: Arena,
}

impl Default for VersionSettings {
    fn default() -> Self {
        Self {
            digest: None,
            profile_digest: None,
            batching: Batching::default(),
            instances: 2,
            intra_op_threads: 1,
            queue: Queue::default(),
            providers: vec![Provider::cpu()],
            arena: Arena::default(),
        }
    }
}

/// As documents write a digest that is no secret's.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn prefixed<S: Serializer>(digest: &Option<Sha256>, serializer: S) -> Result<S::Ok, S::Error> {
    digest.map(|digest| format!("sha256:{digest}")).serialize(serializer)
}

/// How the runtime keeps the memory of a version's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Arena {
    /// Whether memory of a run is kept for the next one; otherwise it goes back to the system's allocator.
    pub enabled: bool,
    /// Whether the runtime plans the memory of each shape of inputs and remembers the plan.
    pub pattern: bool,
    /// Whether what a run did not need goes back to the system after it.
    pub shrink: bool,
}

impl Default for Arena {
    fn default() -> Self {
        Self { enabled: true, pattern: true, shrink: false }
    }
}

/// How requests share a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Batching {
    pub mode: BatchingMode,
    /// Most rows in one batch.
    pub max: u64,
    /// How long an idle instance waits for more rows.
    pub max_delay_us: u64,
}

impl Default for Batching {
    fn default() -> Self {
        Self { mode: BatchingMode::Auto, max: 64, max_delay_us: 0 }
    }
}

/// Whether requests share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchingMode {
    /// When warm-up found that rows do not influence each other.
    Auto,
    On,
    Off,
}

/// What may wait for a version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Queue {
    pub requests: u64,
    pub mib: u64,
    /// Levels of priority; 1 is the most urgent.
    pub priority_levels: u64,
    /// The level of requests that name none, or one that is not there.
    pub default_priority: u64,
}

impl Queue {
    /// The place of a request in the order of levels: 0 for the most urgent. Priority 0 names none.
    pub fn level(&self, priority: u64) -> u8 {
        let priority = if (1..=self.priority_levels).contains(&priority) { priority } else { self.default_priority };
        (priority - 1) as u8
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { requests: 1024, mib: 256, priority_levels: 1, default_priority: 1 }
    }
}

#[cfg(test)]
mod tests {
    use crate::document::parse;
    use serde_json::{Value, json};

    #[test]
    fn priorities_fall_back_to_the_default_which_is_one_of_the_levels() {
        let with = |queue: Value| parse(&json!({"versions": {"m/1": {"queue": queue}}}));
        let document = with(json!({"priority_levels": 3, "default_priority": 2})).expect("a good document");
        let queue = &document.versions.values().next().expect("a version").queue;
        assert_eq!([0, 1, 3, 4, u64::MAX].map(|priority| queue.level(priority)), [1, 0, 2, 1, 1]);
        for (bad, path) in [
            (json!({"priority_levels": 0}), "priority_levels"),
            (json!({"priority_levels": 17}), "priority_levels"),
            (json!({"priority_levels": 2, "default_priority": 3}), "default_priority"),
            (json!({"default_priority": 0}), "default_priority"),
        ] {
            assert!(with(bad).expect_err("it is refused")[0].path.ends_with(&format!("queue.{path}")));
        }
    }
}
