//! Drift as Prometheus text: the worst features, so that a model of ten thousand does not fill a server of metrics.

use super::gate::GatedRows;
use super::watches::Watches;
use crate::observe::prometheus::{escaped, head, labels_of};
use std::fmt::Write as _;
use tidegate_core::drift::states::State;

/// Most features of all routes and window lengths together; each is four series.
const MOST_FEATURES: usize = 500;

/// What is shown of one feature in the newest window of one length.
pub(super) struct Gauge {
    pub(super) route: String,
    pub(super) version: String,
    pub(super) feature: String,
    pub(super) window: &'static str,
    pub(super) state: State,
    /// PSI, its mean under no drift, and what it has to exceed; none where there were too few rows.
    pub(super) psi: Option<[f64; 3]>,
}

impl Gauge {
    /// The worst first: by state, then by how far beyond its threshold it is.
    fn rank(&self) -> (State, f64) {
        (self.state, self.psi.map_or(0.0, |[psi, _, threshold]| psi / threshold.max(f64::MIN_POSITIVE)))
    }
}

/// Writes what is known of every monitor.
pub fn write_metrics(text: &mut String, watches: &Watches) {
    let counted = watches.counted();
    head(text, "tidegate_drift_rows_total", "counter", "Rows counted for drift, by how they came to the version.");
    for rows in &counted {
        let shared = labels_of(&rows.route, &rows.version);
        for (class, count) in rows.rows.by_class {
            let _ = writeln!(text, "tidegate_drift_rows_total{{{shared},class=\"{class}\"}} {count}");
        }
    }
    head(text, "tidegate_drift_late_rows_total", "counter", "Rows that happened before every window that is kept.");
    for rows in &counted {
        let _ = writeln!(
            text,
            "tidegate_drift_late_rows_total{{{}}} {}",
            labels_of(&rows.route, &rows.version),
            rows.rows.late
        );
    }
    let help = "Rows that broke a rule of their profile at the gate, feature by feature.";
    head(text, "tidegate_gate_rows_total", "counter", help);
    for (route, version, counts) in watches.gated() {
        let shared = labels_of(&route, &version);
        for GatedRows { rule, action, rows } in counts {
            let own = format!("{shared},rule=\"{}\",action=\"{action}\"", rule.name());
            let _ = writeln!(text, "tidegate_gate_rows_total{{{own}}} {rows}");
        }
    }
    let mut gauges = watches.gauges();
    gauges.sort_by(|left, right| {
        let ((left, less), (right, more)) = (left.rank(), right.rank());
        right.cmp(&left).then(more.total_cmp(&less))
    });
    let left_out = gauges.len().saturating_sub(MOST_FEATURES);
    gauges.truncate(MOST_FEATURES);
    head(text, "tidegate_drift_features_left_out", "gauge", "Features without series of their own: the least bad.");
    let _ = writeln!(text, "tidegate_drift_features_left_out {left_out}");
    head(text, "tidegate_drift_state", "gauge", "1 for the state that a feature is in.");
    for gauge in &gauges {
        let _ = writeln!(text, "tidegate_drift_state{{{},state=\"{}\"}} 1", labels(gauge), gauge.state.name());
    }
    let values = [
        ("tidegate_drift_psi", "PSI of the newest judged window."),
        ("tidegate_drift_psi_expected", "What PSI is in the mean when nothing has moved."),
        ("tidegate_drift_psi_threshold", "What PSI has to exceed."),
    ];
    for (at, (name, help)) in values.into_iter().enumerate() {
        head(text, name, "gauge", help);
        for gauge in &gauges {
            if let Some(psi) = gauge.psi {
                let _ = writeln!(text, "{name}{{{}}} {}", labels(gauge), psi[at]);
            }
        }
    }
}

fn labels(gauge: &Gauge) -> String {
    let shared = labels_of(&gauge.route, &gauge.version);
    format!("{shared},feature=\"{}\",window=\"{}\"", escaped(&gauge.feature), gauge.window)
}
