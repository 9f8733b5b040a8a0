//! Drift as Prometheus text: the worst features, so that a model of ten thousand does not fill a server of metrics.

use super::gate::GatedRows;
use super::outbox::{Outbox, Reader};
use super::watches::Watches;
use crate::observe::prometheus::{escaped, head, labels_of};
use std::fmt::Write as _;
use tidegate_core::drift::states::State;
use tidegate_core::sketch::Direction;

/// Most features of all routes and window lengths together; each is four series.
const MOST_FEATURES: usize = 500;

/// What is shown of one feature in the newest window of one length, beside a profile or another version.
pub(super) struct Gauge {
    pub(super) route: String,
    pub(super) version: String,
    /// The stable version, and the side of the tensor, where versions are compared; `None` beside a profile.
    pub(super) against: Option<(String, Direction)>,
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
    write_gauges(text, "tidegate_drift", "features", watches.gauges());
    write_gauges(text, "tidegate_drift_versions", "features of versions beside the stable one", watches.compared());
    write_outbox(text, &watches.outbox);
}

/// The worst of some features, and how many others there are.
fn write_gauges(text: &mut String, prefix: &str, what: &str, mut gauges: Vec<Gauge>) {
    gauges.sort_by(|left, right| {
        let ((left, less), (right, more)) = (left.rank(), right.rank());
        right.cmp(&left).then(more.total_cmp(&less))
    });
    let left_out = gauges.len().saturating_sub(MOST_FEATURES);
    gauges.truncate(MOST_FEATURES);
    let name = format!("{prefix}_features_left_out");
    head(text, &name, "gauge", &format!("Of {what}, those without series of their own: the least bad."));
    let _ = writeln!(text, "{name} {left_out}");
    let name = format!("{prefix}_state");
    head(text, &name, "gauge", &format!("Of {what}: 1 for the state that each is in."));
    for gauge in &gauges {
        let _ = writeln!(text, "{name}{{{},state=\"{}\"}} 1", labels(gauge), gauge.state.name());
    }
    let values = [
        ("psi", "PSI of the newest judged window."),
        ("psi_expected", "what PSI is in the mean when nothing has moved."),
        ("psi_threshold", "what PSI has to exceed."),
    ];
    for (at, (own, help)) in values.into_iter().enumerate() {
        let name = format!("{prefix}_{own}");
        head(text, &name, "gauge", &format!("Of {what}: {help}"));
        for gauge in &gauges {
            if let Some(psi) = gauge.psi {
                let _ = writeln!(text, "{name}{{{}}} {}", labels(gauge), psi[at]);
            }
        }
    }
}

fn labels(gauge: &Gauge) -> String {
    let mut labels = labels_of(&gauge.route, &gauge.version);
    if let Some((against, direction)) = &gauge.against {
        let side = match direction {
            Direction::Input => "input",
            Direction::Output => "output",
        };
        let _ = write!(labels, ",against=\"{against}\",direction=\"{side}\"");
    }
    let _ = write!(labels, ",feature=\"{}\",window=\"{}\"", escaped(&gauge.feature), gauge.window);
    labels
}

/// How far those are who are told of changes.
fn write_outbox(text: &mut String, outbox: &Outbox) {
    let readers = outbox.readers();
    let mut write = |name: &str, kind: &str, help: &str, value: fn(&Reader, u64) -> u64| {
        head(text, name, kind, help);
        for (sink, reader, waits) in &readers {
            let _ = writeln!(text, "{name}{{sink=\"{}\"}} {}", escaped(sink), value(reader, *waits));
        }
    };
    let help = "Changes of a drift state that a sink does not have yet.";
    write("tidegate_drift_transitions_waiting", "gauge", help, |_, waits| waits);
    let help = "Changes of a drift state that a sink has taken.";
    write("tidegate_drift_transitions_delivered_total", "counter", help, |reader, _| reader.delivered);
    let help = "Changes of a drift state that were dropped before a sink had them, because too many waited.";
    write("tidegate_drift_transitions_dropped_total", "counter", help, |reader, _| reader.dropped);
    let help = "Tries to tell a sink of drift that have failed; each is made again.";
    write("tidegate_drift_transitions_failures_total", "counter", help, |reader, _| reader.failures);
}
