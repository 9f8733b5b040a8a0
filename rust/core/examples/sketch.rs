//! Nanoseconds a value costs to count, beside a sum over the same values: `cargo run --release --example sketch`.
#![allow(clippy::disallowed_methods, reason = "the clock belongs to the measurement, not to the library")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tidegate_core::sketch::{Counts, Kind, Level, Plan, Profile, Recipe, Values, build};

use tidegate_core::oip::datatype::Datatype;

/// Far more than the caches hold for one core.
const COLUMN_ROWS: usize = 1 << 26;
const ROUNDS: usize = 5;

fn main() {
    let values = normal(COLUMN_ROWS);
    let raw: Vec<u8> = values[..1 << 20].iter().flat_map(|value| value.to_le_bytes()).collect();
    let feature = reference(&values[..100_000]);
    let sum = best(|| black_box(sum(&values))) / COLUMN_ROWS as f64;
    println!("sum over {COLUMN_ROWS} f32: {sum:.2} ns/value");
    for level in Level::available() {
        println!("{level:?}");
        let plan = plan(1, &feature).at(level);
        let mut counts = Counts::<u32>::new(&plan);
        let column = best(|| counts.count_column(&plan, 0, 0, Values::F32(&values)).expect("a column"));
        let column = column / COLUMN_ROWS as f64;
        println!("  column: {column:.2} ns/value, {:.2} sums", column / sum);
        for (width, rows) in
            [(1, 1), (1, 1 << 16), (32, 1), (32, 1 << 12), (1_000, 1), (1_000, 64), (1_001, 16), (8_192, 1)]
        {
            row_kernel(level, &feature, &raw, width, rows);
        }
    }
}

fn row_kernel(level: Level, feature: &Value, raw: &[u8], width: usize, rows: usize) {
    let plan = plan(width, feature).at(level);
    let mut counts = Counts::<u32>::new(&plan);
    let raw = &raw[..width * rows * 4];
    let calls = (1 << 21) / (width * rows) + 1;
    let taken = best(|| {
        for _ in 0..calls {
            counts.count_rows(&plan, 0, raw, rows).expect("whole rows");
        }
    });
    let call = taken / calls as f64;
    println!("  [{rows}, {width}]: {:.2} ns/value, {call:.0} ns a call", call / (width * rows) as f64);
}

/// The fastest of a few rounds, in nanoseconds.
fn best<T>(mut work: impl FnMut() -> T) -> f64 {
    let round = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_nanos() as f64
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// A sum that waits for memory only.
fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 64];
    for chunk in values.as_chunks::<64>().0 {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum()
}

fn reference(values: &[f32]) -> Value {
    let Ok(Kind::F32(numeric)) = build(Datatype::Fp32, Values::F32(values), &Recipe::default()) else {
        panic!("a column of numbers has a reference")
    };
    let mut feature = serde_json::to_value(numeric).expect("finite numbers");
    feature["kind"] = json!("numeric");
    feature
}

/// The same reference in every column.
fn plan(width: usize, feature: &Value) -> Plan {
    let named = |column: usize| {
        let mut feature = feature.clone();
        feature["name"] = json!(column.to_string());
        feature["column"] = json!(column);
        feature
    };
    let features: Vec<Value> = (0..width).map(named).collect();
    let tensor = json!({
        "name": "x", "direction": "input", "datatype": "FP32", "width": width, "features": features,
    });
    let document = json!({"format": "tidegate.profile/1", "rows": 100_000, "tensors": [tensor]});
    Plan::new(Arc::new(Profile::parse(&document).expect("a good profile")))
}

/// Near-normal numbers from sums of a linear congruential generator's.
fn normal(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    (0..count).map(|_| uniform() + uniform() + uniform() + uniform() - 2.0).collect()
}
