//! Where the time of a run goes, node by node, as the profiler of ONNX Runtime tells it.

use crate::drive::clock::SystemClock;
use crate::runtime::artifact::Artifact;
use crate::runtime::onnx::OnnxRuntime;
use crate::runtime::warmup::rehearse;
use crate::runtime::{LoadOptions, Runtime as _};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::{DirBuilder, File};
use std::io::BufReader;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use tidegate_core::document::VersionSettings;

/// The first runs allocate and touch memory for the first time; they are not counted.
const WARM_RUNS: usize = 20;
const MOST_RUNS: usize = 220;
/// A slow model has been understood sooner.
const LONGEST_NS: u64 = 5_000_000_000;

/// How the profiler ends the name of the event in which a node computes.
const KERNEL: &str = "_kernel_time";

/// Profiles runs of so many rows, or of one request where rows cannot be told apart.
///
/// # Errors
/// The model fails with generated inputs, or the events cannot be written or read.
pub(super) fn profile(runtime: &OnnxRuntime, artifact: &Artifact, rows: Option<u32>) -> Result<Value, String> {
    let folder = Folder::make()?;
    let (settings, prefix) = (VersionSettings::default(), folder.0.join("run"));
    let model = runtime.load(artifact, LoadOptions { profile: Some(&prefix), ..LoadOptions::of(&settings) })?;
    let runs = rehearse(model.as_ref(), rows, MOST_RUNS, LONGEST_NS, &SystemClock::new())?;
    let path = model.end_profile()?;
    let unreadable = |error: &dyn std::fmt::Display| format!("the profile {} cannot be read: {error}", path.display());
    let file = File::open(&path).map_err(|error| unreadable(&error))?;
    let events: Vec<Event> = serde_json::from_reader(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    let mut found = summarize(&events, WARM_RUNS.min(runs - 1)).ok_or("the profiler saw no run")?;
    found["rows"] = json!(rows.unwrap_or(1));
    Ok(found)
}

/// One event of the profiler; times are in microseconds.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    name: String,
    ts: f64,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: HashMap<String, Value>,
}

/// The mean time of each node in the runs after the first `skipped`, the longest first. A node that holds others, such as
/// `If`, has their time too.
fn summarize(events: &[Event], skipped: usize) -> Option<Value> {
    let mut runs: Vec<&Event> = events.iter().filter(|event| event.name == "model_run").collect();
    runs.sort_by(|a, b| a.ts.total_cmp(&b.ts));
    let counted = runs.get(skipped..).filter(|counted| !counted.is_empty())?;
    let (begin, count) = (counted[0].ts, counted.len() as f64);
    let whole = counted.iter().map(|run| run.dur).sum::<f64>() / count;
    let mut nodes: HashMap<(&str, &str, &str), f64> = HashMap::new();
    for event in events.iter().filter(|event| event.cat == "Node" && event.ts >= begin) {
        let Some(name) = event.name.strip_suffix(KERNEL) else { continue };
        let said = |key: &str| event.args.get(key).and_then(Value::as_str).unwrap_or_default();
        // Nodes need no name; their place in the graph tells them apart.
        let name = if name.is_empty() { said("node_index") } else { name };
        *nodes.entry((name, said("op_name"), said("provider"))).or_default() += event.dur;
    }
    let mut nodes: Vec<_> = nodes.into_iter().map(|(node, sum)| (sum / count, node)).collect();
    nodes.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|&(mean, (name, operator, provider))| {
            let share = if whole > 0.0 { mean / whole } else { 0.0 };
            json!({"name": name, "operator": operator, "provider": provider, "microseconds": mean, "share": share})
        })
        .collect();
    Some(json!({"runs": counted.len(), "run_microseconds": whole, "nodes": nodes}))
}

/// A folder of our own that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("tidegate-profile-{}", std::process::id()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map(|()| Self(path.clone())).map_err(|error| format!("{} cannot be made: {error}", path.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is for the system to clean up, as everything there is.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(cat: &str, name: &str, ts: f64, dur: f64) -> Event {
        let args = HashMap::from([("op_name".to_owned(), json!("Gemm")), ("node_index".to_owned(), json!("7"))]);
        Event { cat: cat.to_owned(), name: name.to_owned(), ts, dur, args }
    }

    #[test]
    fn nodes_have_the_mean_of_the_runs_that_count_and_the_longest_comes_first() {
        let events = [
            event("Session", "model_run", 0.0, 900.0),
            event("Node", "slow_kernel_time", 10.0, 800.0),
            event("Session", "model_run", 1000.0, 30.0),
            event("Node", "slow_kernel_time", 1001.0, 20.0),
            event("Node", "_kernel_time", 1022.0, 5.0),
            event("Node", "slow_fence_before", 1001.0, 1.0),
            event("Session", "model_run", 2000.0, 50.0),
            event("Node", "slow_kernel_time", 2001.0, 40.0),
            event("Node", "_kernel_time", 2042.0, 5.0),
        ];
        let found = summarize(&events, 1).expect("runs");
        assert_eq!((&found["runs"], &found["run_microseconds"]), (&json!(2), &json!(40.0)));
        let nodes = found["nodes"].as_array().expect("nodes");
        let told: Vec<_> = nodes.iter().map(|node| (&node["name"], &node["microseconds"], &node["share"])).collect();
        assert_eq!(told, [(&json!("slow"), &json!(30.0), &json!(0.75)), (&json!("7"), &json!(5.0), &json!(0.125))]);
        assert!(summarize(&events, 3).is_none());
    }
}
