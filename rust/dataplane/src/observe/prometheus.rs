//! The counters as Prometheus text (exposition format 0.0.4).

use super::counters::{Counters, PHASES};
use super::drift;
use super::histogram::Snapshot;
use crate::drive::plane::Plane;
use crate::drive::snapshot::{Target, Version};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use tidegate_core::fault::Code;
use tidegate_core::plane::Depth;

/// Bounds in nanoseconds: ×1.5 from 10 µs, 35 steps, as wide as 9 s.
fn bounds() -> Vec<u64> {
    let mut bound = 10_000f64;
    (0..35)
        .map(|_| {
            let own = bound as u64;
            bound *= 1.5;
            own
        })
        .collect()
}

/// Everything under `/metrics`.
pub fn render(plane: &Plane) -> String {
    let mut text = String::with_capacity(64 << 10);
    let counters = &plane.counters;
    let bounds = bounds();
    requests(&mut text, counters, &bounds);
    versions(&mut text, plane);
    shadows(&mut text, plane);
    connections(&mut text, plane);
    drift::write_metrics(&mut text, &plane.watches);
    let gauges = &counters.gauges;
    let snapshot = plane.snapshot();
    for (name, kind, help, value) in [
        (
            "tidegate_in_flight_requests",
            "gauge",
            "Requests read and not yet answered.",
            gauges.in_flight_requests.load(Ordering::Relaxed),
        ),
        (
            "tidegate_in_flight_bytes",
            "gauge",
            "Bytes of requests read and not yet answered.",
            gauges.in_flight_bytes.load(Ordering::Relaxed),
        ),
        ("tidegate_connections", "gauge", "Open gRPC connections.", gauges.connections.load(Ordering::Relaxed)),
        (
            "tidegate_rest_connections",
            "gauge",
            "Open HTTP connections that asked for /v2.",
            gauges.rest_connections.load(Ordering::Relaxed),
        ),
        (
            "tidegate_connections_refused_total",
            "counter",
            "Connections closed at once because of the limit.",
            gauges.refused_connections.load(Ordering::Relaxed) as i64,
        ),
        ("tidegate_epoch", "gauge", "Number of the snapshot that is served.", snapshot.epoch as i64),
        (
            "tidegate_versions_stuck",
            "gauge",
            "Versions whose time to load or to drain is over and whose memory something still holds.",
            snapshot.progress.loads.iter().filter(|load| load.is_stuck).count() as i64,
        ),
        (
            "tidegate_changing",
            "gauge",
            "1 while documents are taken; 0 after a failure that only a restart mends.",
            i64::from(plane.is_changing()),
        ),
        ("tidegate_ready", "gauge", "1 while the gateway takes requests.", i64::from(plane.is_ready())),
    ] {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}

fn requests(text: &mut String, counters: &Counters, bounds: &[u64]) {
    let series = counters.all();
    let totals: Vec<_> = series.iter().map(|series| series.totals()).collect();
    head(text, "tidegate_requests_total", "counter", "Requests by route, version and gRPC code.");
    let each = || series.iter().map(|series| &series.labels).zip(&totals);
    for (labels, totals) in each() {
        let shared = labels_of(&labels.route, &labels.version);
        let is_version = !labels.version.is_empty();
        let has_ok = totals.by_code.iter().any(|(code, _)| *code == Code::Ok);
        if is_version && !has_ok {
            let _ = writeln!(text, "tidegate_requests_total{{{shared},code=\"OK\"}} 0");
        }
        for (code, latency) in &totals.by_code {
            let _ = writeln!(text, "tidegate_requests_total{{{shared},code=\"{}\"}} {}", code.name(), latency.count());
        }
    }
    head(text, "tidegate_refusals_total", "counter", "Requests without an answer, by reason.");
    for (labels, totals) in each() {
        let shared = labels_of(&labels.route, &labels.version);
        for (reason, count) in &totals.by_reason {
            let _ = writeln!(text, "tidegate_refusals_total{{{shared},reason=\"{}\"}} {count}", reason.name());
        }
    }
    head(text, "tidegate_condition_missing_total", "counter", "Conditions without a match because a key was missing.");
    for (labels, count) in counters.all_misses() {
        let (route, condition, key) = (&labels.route, &labels.condition, escaped(&labels.key));
        let shared = format!("route=\"{route}\",condition=\"{condition}\",key=\"{key}\"");
        let _ = writeln!(text, "tidegate_condition_missing_total{{{shared}}} {count}");
    }
    head(text, "tidegate_request_duration_seconds", "histogram", "From the last byte of the request to its answer.");
    for (labels, totals) in each() {
        let shared = labels_of(&labels.route, &labels.version);
        for (code, latency) in &totals.by_code {
            let own = format!("{shared},code=\"{}\"", code.name());
            histogram(text, "tidegate_request_duration_seconds", &own, latency, bounds);
        }
    }
    head(
        text,
        "tidegate_phase_duration_seconds",
        "histogram",
        "Parts of answered requests: queue, input, infer, output.",
    );
    for (labels, totals) in each().filter(|(_, totals)| totals.ok().0 > 0) {
        let shared = labels_of(&labels.route, &labels.version);
        for (phase, latency) in PHASES.iter().zip(&totals.phases) {
            histogram(text, "tidegate_phase_duration_seconds", &format!("{shared},phase=\"{phase}\""), latency, bounds);
        }
    }
}

fn versions(text: &mut String, plane: &Plane) {
    let snapshot = plane.snapshot();
    // A version that is being replaced for its settings is there twice for a while, and one series.
    let mut versions: BTreeMap<&str, Vec<&Version>> = BTreeMap::new();
    for version in snapshot.versions.iter() {
        versions.entry(version.id.as_str()).or_default().push(version);
    }
    let depths = |loads: &[&Version], part: fn(&Depth) -> u64| -> u64 {
        loads.iter().map(|version| part(&plane.compute.depth(version.queue))).sum()
    };
    head(text, "tidegate_queue_requests", "gauge", "Requests that wait for a version.");
    for (id, loads) in &versions {
        let requests = depths(loads, |depth| u64::from(depth.requests));
        let _ = writeln!(text, "tidegate_queue_requests{{version=\"{id}\"}} {requests}");
    }
    head(text, "tidegate_queue_bytes", "gauge", "Bytes of requests that wait for a version.");
    for (id, loads) in &versions {
        let bytes = depths(loads, |depth| depth.bytes);
        let _ = writeln!(text, "tidegate_queue_bytes{{version=\"{id}\"}} {bytes}");
    }
    head(text, "tidegate_batch_rows", "histogram", "Rows per run; an unbatched run counts as one.");
    for (id, loads) in &versions {
        let shared = format!("version=\"{id}\"");
        let sizes: Vec<_> = loads.iter().flat_map(|version| version.batches.totals()).collect();
        let most = loads.iter().map(|version| u64::from(version.max_rows())).max().unwrap_or(1);
        let mut bound = 1u64;
        loop {
            let within: u64 = sizes.iter().filter(|size| size.rows <= bound).map(|size| size.count).sum();
            let _ = writeln!(text, "tidegate_batch_rows_bucket{{{shared},le=\"{bound}\"}} {within}");
            if bound >= most {
                break;
            }
            bound *= 2;
        }
        let (count, rows) = sizes.iter().fold((0, 0), |(count, rows), size| (count + size.count, rows + size.rows_sum));
        let _ = writeln!(text, "tidegate_batch_rows_bucket{{{shared},le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "tidegate_batch_rows_sum{{{shared}}} {rows}");
        let _ = writeln!(text, "tidegate_batch_rows_count{{{shared}}} {count}");
    }
}

fn shadows(text: &mut String, plane: &Plane) {
    let snapshot = plane.snapshot();
    let routes: BTreeMap<&str, &Target> =
        snapshot.targets.values().map(|target| (&*target.name, target.as_ref())).collect();
    let each = || routes.values().flat_map(|target| target.shadows.iter().map(|shadow| (&target.name, shadow)));
    head(text, "tidegate_shadow_requests_total", "counter", "Copies for a shadow, by what became of them.");
    for (route, shadow) in each() {
        let shared = labels_of(route, shadow.arm.version.id.as_str());
        let account = &shadow.account;
        for (outcome, count) in [("compared", account.compared_total())].into_iter().chain(account.drops()) {
            let _ = writeln!(text, "tidegate_shadow_requests_total{{{shared},outcome=\"{outcome}\"}} {count}");
        }
    }
    head(text, "tidegate_shadow_in_flight", "gauge", "Copies that wait or run.");
    for (route, shadow) in each() {
        let shared = labels_of(route, shadow.arm.version.id.as_str());
        let _ = writeln!(text, "tidegate_shadow_in_flight{{{shared}}} {}", shadow.account.held().0);
    }
}

fn connections(text: &mut String, plane: &Plane) {
    head(text, "tidegate_connections_closed_total", "counter", "Connections that the gateway ended, by reason.");
    for (reason, count) in plane.counters.closed.all() {
        let _ = writeln!(text, "tidegate_connections_closed_total{{reason=\"{}\"}} {count}", reason.name());
    }
    let Some(tls) = &plane.tls else { return };
    head(text, "tidegate_tls_certificate_days_left", "gauge", "Days until the certificate that callers see expires.");
    let _ = writeln!(text, "tidegate_tls_certificate_days_left {}", tls.days_left(plane.clock.unix_ms()));
    head(text, "tidegate_tls_files_refused", "gauge", "1 while the files of TLS cannot serve and older ones do.");
    let _ = writeln!(text, "tidegate_tls_files_refused {}", u8::from(!tls.violations().is_empty()));
    head(text, "tidegate_tls_reloads_total", "counter", "Changes of the files of TLS, by outcome.");
    for (outcome, count) in tls.reloads() {
        let _ = writeln!(text, "tidegate_tls_reloads_total{{outcome=\"{outcome}\"}} {count}");
    }
}

pub(super) fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Names need no escaping: the document allows letters, digits, dots, dashes and underscores only.
pub(super) fn labels_of(route: &str, version: &str) -> String {
    format!("route=\"{route}\",version=\"{version}\"")
}

/// Keys come from the document as its author spelled them.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn histogram(text: &mut String, name: &str, labels: &str, latency: &Snapshot, bounds: &[u64]) {
    for (bound, count) in bounds.iter().zip(latency.cumulative(bounds)) {
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{}\"}} {count}", seconds(*bound));
    }
    let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", latency.count());
    let _ = writeln!(text, "{name}_sum{{{labels}}} {}", seconds(latency.sum()));
    let _ = writeln!(text, "{name}_count{{{labels}}} {}", latency.count());
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
