//! What the gateway is doing, as JSON for people and scripts.

use crate::drive::plane::{Phase, Plane};
use crate::drive::snapshot::{Snapshot, Target, Version};
use crate::front::tls::Tls;
use crate::observe::log::timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tidegate_core::plane::Nanos;
use tidegate_core::routing::{BUCKETS, PinPlan, RoutePlan, SplitPlan};

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
        "keys": plane.keys.load().labels().len(),
        "tls": plane.tls.as_ref().map(|tls| self::tls(plane, tls)),
        "routes": routes,
        "models": models,
        "versions": versions,
        "loads": loads(plane, &snapshot),
        "pending": snapshot.progress.pending,
        "refused": snapshot.progress.refused,
        "changing": plane.is_changing(),
        "not_loaded": not_loaded(&snapshot),
    })
}

/// Who the gateway is to callers, and what is wrong with the files that it would be somebody else by.
fn tls(plane: &Plane, tls: &Tls) -> Value {
    let certificate = &tls.identity().certificate;
    let violations = tls.violations();
    json!({
        "certificate": {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "sha256": certificate.fingerprint,
            "not_after": timestamp(certificate.not_after_ms),
            "days_left": tls.days_left(plane.clock.unix_ms()),
        },
        "client_certificates": tls.asks_for_certificates(),
        "refused": violations.iter().map(|wrong| format!("{}: {}", wrong.path, wrong.reason)).collect::<Vec<_>>(),
    })
}

/// Every loading of a version, from the order to the end of its memory.
fn loads(plane: &Plane, snapshot: &Snapshot) -> Vec<Value> {
    let now = plane.clock.now();
    let shown = snapshot.progress.loads.iter().map(|load| {
        json!({
            "load": load.load,
            "version": load.version.as_str(),
            "state": load.state,
            "stuck": load.is_stuck,
            "since_s": now.saturating_sub(load.since) / 1_000_000_000,
            "waits_for": load.waits_for,
        })
    });
    shown.collect()
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
    let segments = plan.segments.iter().map(|segment| {
        json!({
            "name": segment.name,
            "when": plan.conditions[usize::from(segment.when)].text(),
            "arms": arms(plan, &segment.split, target),
        })
    });
    let shadows = target.shadows.iter().map(|shadow| {
        let (in_flight, bytes) = shadow.account.held();
        json!({
            "to": shadow.arm.version.id.as_str(),
            "share_bp": shadow.share_bp,
            "in_flight": in_flight,
            "bytes": bytes,
            "sampled": shadow.account.sampled_total(),
            "compared": shadow.account.compared_total(),
        })
    });
    json!({
        "arms": arms(plan, &plan.split, target),
        "stable": plan.arms[plan.stable as usize].as_str(),
        "sticky": plan.sticky.as_ref().map(ToString::to_string),
        "segments": segments.collect::<Vec<_>>(),
        "pins": match plan.pins {
            PinPlan::Allow => json!("allow"),
            PinPlan::Deny => json!("deny"),
            PinPlan::When(when) => json!({"when": plan.conditions[usize::from(when)].text()}),
        },
        "shadow": shadows.collect::<Vec<_>>(),
        "timeout_ms": plan.timeout.as_millis() as u64,
        "ranges": plan.split.table.range_count(),
    })
}

/// The arms that a split names, with what they get of it.
fn arms(plan: &RoutePlan, split: &SplitPlan, target: &Target) -> Vec<Value> {
    let all = plan.arms.iter().zip(&split.weights).zip(&target.arms).enumerate();
    all.filter_map(|(index, ((version, weight), arm))| {
        Some(json!({
            "version": version.as_str(),
            "weight": (*weight)?,
            "share": split.table.share_of(index as u32) as f64 / BUCKETS as f64,
            "digest": digest(&arm.version),
        }))
    })
    .collect()
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
    let waiting = snapshot.index().iter().filter(|entry| !entry.ready);
    waiting.map(|entry| json!({"model": entry.model, "version": entry.version, "reason": entry.reason})).collect()
}
