//! Histories on clocks that jump.

use super::*;
use crate::observe::drift::Profiled;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tidegate_core::document::Sha256;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::sketch::{Counts, Length};

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
    History::open(observer, &key, monitor, (None, 1)).0
}

/// A hundred rows of a day, half of them on either side of the edge.
fn open(observer: &Observer, at_s: u64) -> (Traffic, Box<Open>) {
    let mut counts = Counts::new(&observer.profiled.plan);
    let raw: Vec<u8> = (0..100).flat_map(|at| (at as f32 / 100.0).to_le_bytes()).collect();
    counts.count_rows(&observer.profiled.plan, 0, &raw, 100).expect("whole rows");
    (Traffic::Split, Box::new(Open { start_s: at_s, unit_s: DAY_S, counts }))
}

/// Takes what was counted, and says how much was told of it.
fn take(
    history: &History,
    observer: &Observer,
    monitor: &Monitor,
    arrival_s: u64,
    opens: [Vec<(Traffic, Box<Open>)>; 2],
) -> usize {
    let mut told = 0;
    history.take(observer, monitor, arrival_s, opens, |_| told += 1);
    told
}

/// What is remembered of the windows of the only length that is judged.
fn remembered(history: &History, observer: &Observer) -> Value {
    let seen = history.seen();
    let (_, track) = seen.tracks.first_key_value().expect("one length is judged");
    judge::describe(track, observer)["history"].clone()
}

fn starts(remembered: &Value) -> Vec<u64> {
    let windows = remembered.as_array().expect("it is a list");
    windows.iter().map(|past| past["start_s"].as_u64().expect("a time")).collect()
}

#[test]
fn an_arrival_clock_that_jumps_back_judges_nothing_twice_and_loses_nothing() {
    let (observer, monitor) = (Observer::new(Arc::new(profiled())), monitor());
    let history = history(&observer, &monitor);
    for (day, arrival_s, expected) in [
        (0, START_S + 5, &[][..]),
        (1, START_S + DAY_S + 5, &[0]),
        // The clock of the machine is set back by a day, and then by a year.
        (0, START_S + 7, &[0]),
        (1, START_S - 365 * DAY_S, &[0]),
        (2, START_S + 2 * DAY_S + 5, &[0, 1]),
    ] {
        let opens = vec![open(&observer, START_S + day * DAY_S)];
        take(&history, &observer, &monitor, arrival_s, [opens, Vec::new()]);
        let judged: Vec<u64> =
            starts(&remembered(&history, &observer)).iter().map(|start_s| (start_s - START_S) / DAY_S).collect();
        assert_eq!(judged, expected, "at {arrival_s}");
    }
    assert_eq!((history.rows().by_class[0].1, history.rows().late), (500, 0));
    let windows = history.windows();
    let days: Vec<u64> = windows.of(Length::Day).map(|day| day.counts.rows(&observer.profiled.plan)).collect();
    assert_eq!(days, [200, 200, 100]);
}

#[test]
fn a_version_without_a_profile_has_windows_and_no_states() {
    let (observer, monitor) = (Observer::new(Arc::new(Profiled::bare(&signature()))), monitor());
    let history = history(&observer, &monitor);
    for day in 0..3 {
        let opens = vec![open(&observer, START_S + day * DAY_S)];
        assert_eq!(take(&history, &observer, &monitor, START_S + day * DAY_S, [opens, Vec::new()]), 0);
    }
    let report = history.report(&observer);
    assert_eq!(report["features"], json!([]));
    let [feature] = &report["unjudged"].as_array().expect("a list")[..] else { panic!("{report}") };
    assert_eq!((&feature["feature"], &feature["state"]), (&json!("x"), &json!("unprofiled")));
    assert_eq!(feature["windows"]["1d"]["start_s"], json!(START_S + 2 * DAY_S));
    assert_eq!(feature["windows"]["1d"]["cell"]["rows"], json!(100));
}

#[test]
fn every_month_in_a_jump_of_time_is_judged_in_order_with_all_of_its_rows() {
    let observer = Observer::new(Arc::new(profiled()));
    let mut monitor = Monitor { windows: [WindowLength::Month].into(), ..Monitor::default() };
    monitor.observe.clock = Some("metadata[\"x-event-time\"]".parse().expect("a clock"));
    let history = history(&observer, &monitor);
    let mut months = vec![WindowLength::Month.start_of(START_S)];
    for month in 1..5 {
        months.push(WindowLength::Month.end_of(months[month - 1]));
    }
    // All of it comes within one tick, the newest first, and the third month has no rows.
    let times = [months[3] + DAY_S, months[1] + 9 * DAY_S, months[1], months[0] + 20 * DAY_S, months[0] + 2 * DAY_S];
    let opens = times.map(|at_s| open(&observer, at_s)).into();
    take(&history, &observer, &monitor, 0, [opens, Vec::new()]);
    let past = remembered(&history, &observer);
    assert_eq!(starts(&past), months[..3]);
    let is_judged: Vec<bool> = (0..3).map(|month| past[month]["psi"][0].is_number()).collect();
    assert_eq!(is_judged, [true, true, false]);
    // A year without any traffic is a year of empty months, each of them in its turn.
    let later = WindowLength::Month.start_of(months[4] + 366 * DAY_S);
    take(&history, &observer, &monitor, 0, [vec![open(&observer, later)], Vec::new()]);
    let judged = starts(&remembered(&history, &observer));
    assert!(judged.windows(2).all(|pair| WindowLength::Month.end_of(pair[0]) == pair[1]), "{judged:?}");
    assert_eq!(judged.last().map(|last| WindowLength::Month.end_of(*last)), Some(later));
}

#[test]
fn what_only_the_second_collection_has_found_closes_nothing_yet() {
    let (observer, mut monitor) = (Observer::new(Arc::new(profiled())), monitor());
    monitor.observe.clock = Some("metadata[\"x-event-time\"]".parse().expect("a clock"));
    let history = history(&observer, &monitor);
    let [today, again, tomorrow] = [0, 0, 1].map(|day| open(&observer, START_S + day * DAY_S));
    take(&history, &observer, &monitor, 0, [vec![today], vec![tomorrow, again]]);
    assert_eq!((history.rows().by_class[0].1, starts(&remembered(&history, &observer))), (200, Vec::new()));
    // What came before it in another lane is there by now.
    let before = open(&observer, START_S);
    take(&history, &observer, &monitor, 0, [vec![before], Vec::new()]);
    assert_eq!((history.rows().by_class[0].1, starts(&remembered(&history, &observer))), (400, vec![START_S]));
    let windows = history.windows();
    let days: Vec<u64> = windows.of(Length::Day).map(|day| day.counts.rows(&observer.profiled.plan)).collect();
    assert_eq!(days, [300, 100]);
}

#[test]
fn whoever_looks_does_not_wait_for_whoever_judges() {
    let (observer, monitor) = (Observer::new(Arc::new(profiled())), monitor());
    let history = history(&observer, &monitor);
    take(&history, &observer, &monitor, START_S, [vec![open(&observer, START_S)], Vec::new()]);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        // As it is held for as long as a thousand windows take.
        let judging = history.following.lock().expect("nobody failed");
        scope.spawn(|| {
            let rows = history.rows().by_class[0].1;
            let report = history.report(&observer);
            tell.send((rows, history.seen().tracks.len(), report["rows"]["split"].clone())).expect("it is waited for");
        });
        let found = told.recv_timeout(Duration::from_secs(10));
        drop(judging);
        assert_eq!(found, Ok((100, 1, json!(100))));
    });
}
