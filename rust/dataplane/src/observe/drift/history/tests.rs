//! Histories on clocks that jump.

use super::*;
use crate::observe::drift::Profiled;
use std::sync::Arc;
use tidegate_core::document::Sha256;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::{Signature, TensorSpec};

const DAY_S: u64 = 86_400;
/// Some midnight.
const START_S: u64 = 20_000 * DAY_S;

fn signature() -> Signature {
    let spec = TensorSpec { name: "x".to_owned(), datatype: Datatype::Fp32, dims: vec![-1], axes: vec![String::new()] };
    Signature { inputs: vec![spec], outputs: Vec::new() }
}

fn profiled() -> Profiled {
    let feature = json!({
        "name": "x", "column": 0, "kind": "numeric", "edges": [0.5], "counts": [500, 500],
        "min": 0, "max": 1, "mean": 0.5, "sd": 0.5,
    });
    let tensor = json!({"name": "x", "direction": "input", "datatype": "FP32", "width": 1, "features": [feature]});
    let profile = json!({"format": "tidegate.profile/1", "rows": 1_000, "tensors": [tensor]});
    Profiled::read(profile.to_string().as_bytes(), &signature()).expect("it fits")
}

fn monitor() -> Monitor {
    Monitor { windows: [WindowLength::Day].into(), ..Monitor::default() }
}

fn history(observer: &Observer, monitor: &Monitor) -> History {
    observer.watch(Some(monitor));
    let key =
        Key { route: "r".to_owned(), version: Sha256([1; 32]), profile: Sha256([2; 32]), traffic: Traffic::Split };
    History::open(observer, &key, monitor, None).0
}

/// A hundred rows of a day, half of them on either side of the edge.
fn open(observer: &Observer, at_s: u64) -> Open {
    let mut counts = Counts::new(&observer.profiled.plan);
    let raw: Vec<u8> = (0..100).flat_map(|at| (at as f32 / 100.0).to_le_bytes()).collect();
    counts.count_rows(&observer.profiled.plan, 0, &raw, 100).expect("whole rows");
    Open { start_s: at_s, unit_s: DAY_S, counts }
}

#[test]
fn an_arrival_clock_that_jumps_back_judges_nothing_twice_and_loses_nothing() {
    let (observer, monitor) = (Observer::new(Arc::new(profiled())), monitor());
    let mut history = history(&observer, &monitor);
    let judged = |history: &History| -> Vec<u64> {
        let (_, track) = history.tracks().next().expect("days are judged");
        serde_json::to_value(&track.history)
            .expect("it is a list")
            .as_array()
            .expect("it is a list")
            .iter()
            .map(|past| (past["start_s"].as_u64().expect("a time") - START_S) / DAY_S)
            .collect()
    };
    for (day, arrival_s, expected) in [
        (0, START_S + 5, &[][..]),
        (1, START_S + DAY_S + 5, &[0]),
        // The clock of the machine is set back by a day, and then by a year.
        (0, START_S + 7, &[0]),
        (1, START_S - 365 * DAY_S, &[0]),
        (2, START_S + 2 * DAY_S + 5, &[0, 1]),
    ] {
        history.add(&observer, Traffic::Split, &open(&observer, START_S + day * DAY_S));
        history.advance(&observer, &monitor, arrival_s);
        assert_eq!(judged(&history), expected, "at {arrival_s}");
    }
    assert_eq!((history.rows()[0].1, history.late()), (500, 0));
    let days: Vec<u64> = history.windows(Length::Day).map(|day| day.counts.rows(&observer.profiled.plan)).collect();
    assert_eq!(days, [200, 200, 100]);
}

#[test]
fn a_version_without_a_profile_has_windows_and_no_states() {
    let (observer, monitor) = (Observer::new(Arc::new(Profiled::bare(&signature()))), monitor());
    let mut history = history(&observer, &monitor);
    for day in 0..3 {
        history.add(&observer, Traffic::Split, &open(&observer, START_S + day * DAY_S));
        assert!(history.advance(&observer, &monitor, START_S + day * DAY_S).is_empty());
    }
    let report = history.report(&observer);
    assert_eq!(report["features"], json!([]));
    let [feature] = &report["unjudged"].as_array().expect("a list")[..] else { panic!("{report}") };
    assert_eq!((&feature["feature"], &feature["state"]), (&json!("x"), &json!("unprofiled")));
    assert_eq!(feature["windows"]["1d"]["start_s"], json!(START_S + 2 * DAY_S));
    assert_eq!(feature["windows"]["1d"]["cell"]["rows"], json!(100));
}
