//! Counting, from documents to cells.

mod bare;
mod binding;
mod building;
mod counting;
mod gate;
mod kernels;
mod strings;
mod windows;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

/// A profile of one input with these features.
fn profile(datatype: &str, width: usize, rows: u64, features: &[Value]) -> Arc<Profile> {
    let tensor = json!({
        "name": "x", "direction": "input", "datatype": datatype, "width": width, "features": features,
    });
    let document = json!({"format": FORMAT, "rows": rows, "tensors": [tensor]});
    Arc::new(Profile::parse(&document).expect("a good profile"))
}

/// A numeric feature of ten reference rows between 0 and 10 with mean 5.
fn feature(column: usize, edges: &Value, sentinel: &Value) -> Value {
    let bins = edges.as_array().map_or(0, Vec::len) + 1;
    let mut counts = vec![0; bins];
    counts[0] = 10;
    json!({
        "name": format!("f{column}"), "column": column, "kind": "numeric", "edges": edges, "counts": counts,
        "min": 0, "max": 10, "mean": 5, "sd": 2, "sentinel": sentinel,
    })
}

fn numeric(counts: &Counts<u32>, plan: &Plan, feature: usize) -> NumericCell {
    match counts.cell(plan, feature) {
        Cell::Numeric(cell) => cell,
        Cell::Categorical(_) => panic!("feature {feature} is numeric"),
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
