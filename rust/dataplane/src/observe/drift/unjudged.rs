//! What is counted and not judged: features without a profile, and those of which memory has room for the moments only.

use super::observer::Observer;
use super::windows::{Windows, sum};
use serde_json::{Map, Value, json};
use tidegate_core::sketch::Length;

/// Each feature with the newest window of every length that has rows, whether that has ended or not.
pub(super) fn report(windows: &Windows, observer: &Observer) -> Vec<Value> {
    let plan = &observer.profiled.plan;
    if plan.bare().is_empty() {
        return Vec::new();
    }
    let mut by_feature: Vec<Map<String, Value>> = plan.bare_features().map(|_| Map::new()).collect();
    for length in Length::ALL {
        let Some(start_s) = windows.of(length).map(|window| window.start_s).max() else { continue };
        let newest = windows.of(length).filter(|window| window.start_s == start_s);
        let Some(counts) = sum(newest) else { continue };
        for (own, cell) in by_feature.iter_mut().zip(counts.bare_cells(plan)) {
            let cell = json!({"start_s": start_s, "end_s": start_s + length.seconds(), "cell": cell.render()});
            own.insert(name_of(length).to_owned(), cell);
        }
    }
    let features = plan.bare_features().zip(by_feature);
    features
        .map(|((tensor, column), windows)| {
            json!({
                "tensor": tensor.name,
                "direction": tensor.direction,
                "datatype": tensor.datatype.name(),
                "feature": column.name,
                "state": column.state.name(),
                "windows": windows,
            })
        })
        .collect()
}

fn name_of(length: Length) -> &'static str {
    match length {
        Length::Minute => "1m",
        Length::Hour => "1h",
        Length::Day => "1d",
    }
}
