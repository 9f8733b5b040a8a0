//! What the gateway is doing, as JSON for people and scripts.

use crate::drive::plane::{Phase, Plane};
use crate::drive::snapshot::{Snapshot, Target, Version};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tidegate_core::plane::Nanos;
use tidegate_core::routing::{BUCKETS, RoutePlan};

/// Everything under `/status`; the gateway has been up since `started`.
pub(super) fn status(plane: &Plane, started: Nanos) -> Value {
    let snapshot = plane.snapshot();
    // Alphabetical, so that two readings can be laid side by side.
    let targets: BTreeMap<&String, &Target> = snapshot.targets.iter().map(|(name, target)| (name, &**target)).collect();
    let (mut routes, mut models) = (Map::new(), Map::new());
    for (name, target) in targets {
        match &target.route {
            Some(plan) => routes.insert(name.clone(), route(plan, target)),
            None => models.insert(name.clone(), model(target)),
        };
    }
    let versions: Map<String, Value> = snapshot
        .versions
        .iter()
        .map(|version| (version.id.as_str().to_owned(), self::version(plane, version)))
        .collect();
    json!({
        "server": "tidegate",
        "version": env!("CARGO_PKG_VERSION"),
        "runtime": {"name": "onnxruntime", "version": plane.runtime_version},
        "phase": phase(*plane.phase.borrow()),
        "uptime_s": plane.clock.now().saturating_sub(started) / 1_000_000_000,
        "epoch": snapshot.epoch,
        "incarnation": snapshot.incarnation,
        "routes": routes,
        "models": models,
        "versions": versions,
        "not_loaded": not_loaded(&snapshot),
    })
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Serving => "serving",
        Phase::NotServing => "not_serving",
        Phase::Draining => "draining",
        Phase::Aborting => "aborting",
        Phase::Over => "over",
    }
}

fn route(plan: &RoutePlan, target: &Target) -> Value {
    let arms = plan.arms.iter().enumerate().map(|(index, arm)| {
        json!({
            "version": arm.version.as_str(),
            "weight": arm.weight,
            "share": plan.table.share_of(index as u32) as f64 / BUCKETS as f64,
            "digest": target.arms.get(index).map(|arm| digest(&arm.version)),
        })
    });
    json!({
        "arms": arms.collect::<Vec<_>>(),
        "stable": plan.arms[plan.stable as usize].version.as_str(),
        "sticky": plan.sticky.as_ref().map(ToString::to_string),
        "timeout_ms": plan.timeout.as_millis() as u64,
        "ranges": plan.table.range_count(),
    })
}

fn model(target: &Target) -> Value {
    json!({
        "versions": target.arms.iter().map(|arm| arm.version.id.as_str()).collect::<Vec<_>>(),
        "answers": target.lead().version.id.as_str(),
        "timeout_ms": target.timeout / 1_000_000,
    })
}

fn version(plane: &Plane, version: &Version) -> Value {
    let depth = plane.compute.depth(version.queue);
    json!({
        "state": "ready",
        "digest": digest(version),
        "size_bytes": version.size_bytes,
        "batching": if version.is_batched() { "on" } else { "off" },
        "unbatched_reason": version.unbatched,
        "max_rows": version.max_rows(),
        "queue": {"requests": depth.requests, "rows": depth.rows, "bytes": depth.bytes},
        "running": depth.running,
        "row_cost_us": version.cost.predict(row_elements(version)) as f64 / 1e3,
    })
}

fn digest(version: &Version) -> String {
    format!("sha256:{}", version.digest)
}

/// Elements of one row over all inputs, the smallest there is: a dynamic axis counts as one.
fn row_elements(version: &Version) -> u64 {
    let elements = |dims: &[i64]| dims.iter().fold(1u64, |product, &dim| product.saturating_mul(dim.unsigned_abs()));
    version.signature().inputs.iter().map(|spec| elements(&spec.dims)).fold(0, u64::saturating_add)
}

fn not_loaded(snapshot: &Snapshot) -> Vec<Value> {
    let waiting = snapshot.index.iter().filter(|entry| !entry.ready);
    waiting.map(|entry| json!({"model": entry.model, "version": entry.version, "reason": entry.reason})).collect()
}
