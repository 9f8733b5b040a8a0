//! Windows: which are added, where late rows go, and that bytes bring back what was written.

use super::*;
use crate::document::Sha256;

const DAY_S: u64 = 86_400;
/// Some midnight.
const START_S: u64 = 20_000 * DAY_S;

fn plan() -> Plan {
    Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([5]), &Value::Null)]))
}

fn strings_plan() -> Plan {
    let feature = json!({
        "name": "carrier", "column": 0, "kind": "categorical", "categories": ["UA"], "counts": [10],
    });
    Plan::new(profile("BYTES", 1, 10, &[feature]))
}

fn key() -> Key {
    Key { route: "flight".to_owned(), version: Sha256([1; 32]), profile: Sha256([2; 32]), traffic: Traffic::Split }
}

fn counts(plan: &Plan, values: &[f32]) -> Counts<u32> {
    let mut counts = Counts::new(plan);
    counts.count_rows(plan, 0, &bytes_of(values), values.len()).expect("whole rows");
    counts
}

fn window(plan: &Plan, values: &[f32]) -> Window {
    let mut closed = Counts::new(plan);
    closed.merge(&counts(plan, values));
    Window { key: key(), start_s: START_S, length: Length::Minute, counts: closed }
}

fn rows(plan: &Plan, window: &Window) -> u64 {
    match window.counts.cell(plan, 0) {
        Cell::Numeric(cell) => cell.rows(),
        Cell::Categorical(cell) => cell.rows(),
    }
}

#[test]
fn only_equal_keys_are_added() {
    let plan = plan();
    let mut rings = Rings::new(key(), Capacity::default());
    let own = window(&plan, &[6.0, 7.0]);
    rings.restore(&plan, &own).expect("equal keys");
    rings.restore(&plan, &own).expect("equal keys, and added to what is there");
    let mut refused = |change: fn(&mut Window)| {
        let mut other = own.clone();
        change(&mut other);
        rings.restore(&plan, &other).expect_err("another key").to_string()
    };
    let digests = ["03".repeat(32), "02".repeat(32)];
    let expected = format!(
        "windows by profile {} are not added to windows by profile {}: their bins differ",
        digests[0], digests[1]
    );
    assert_eq!(refused(|other| other.key.profile = Sha256([3; 32])), expected);
    assert!(refused(|other| other.key.version = Sha256([3; 32])).starts_with("the version of the window is 0303"));
    assert_eq!(refused(|other| other.key.route = "else".to_owned()), "the route of the window is else, not flight");
    assert_eq!(
        refused(|other| other.key.traffic = Traffic::Shadow),
        "the traffic class of the window is shadow, not split"
    );
    assert!(refused(|other| other.counts = Counts::new(&strings_plan())).contains("not counted with the bins"));
    assert_eq!(rows(&plan, rings.windows(Length::Minute)[0]), 4);
}

#[test]
fn rows_go_into_a_window_of_each_length() {
    let plan = plan();
    let mut rings = Rings::new(key(), Capacity::default());
    for minute in 0..90 {
        rings.add(&plan, START_S + 60 * minute + 7, 1, &counts(&plan, &[1.0]));
    }
    let starts = |length| -> Vec<(u64, u64)> {
        rings.windows(length).into_iter().map(|window| (window.start_s - START_S, rows(&plan, window))).collect()
    };
    assert_eq!(starts(Length::Hour), [(0, 60), (3_600, 30)]);
    assert_eq!(starts(Length::Day), [(0, 90)]);
    assert_eq!(starts(Length::Minute), (30..90).map(|minute| (60 * minute, 1)).collect::<Vec<_>>());
}

#[test]
fn a_clock_that_jumps_back_makes_rows_late_and_nothing_else() {
    let plan = plan();
    let mut rings = Rings::new(key(), Capacity { minutes: 2, hours: 0, days: 1 });
    rings.add(&plan, START_S + 200, 1, &counts(&plan, &[1.0]));
    rings.add(&plan, START_S + 130, 1, &counts(&plan, &[1.0]));
    rings.add(&plan, START_S, 1, &counts(&plan, &[1.0]));
    assert_eq!(rings.watermark_s(), Some(START_S + 200));
    assert_eq!([Length::Minute, Length::Hour, Length::Day].map(|length| rings.late(length)), [1, 3, 0]);
    assert_eq!(rings.windows(Length::Minute).len(), 2);
    assert_eq!(rows(&plan, rings.windows(Length::Day)[0]), 3);
    // A day later the windows of before are gone, though nothing took their place yet.
    rings.add(&plan, START_S + DAY_S, 1, &counts(&plan, &[1.0]));
    assert_eq!(rings.windows(Length::Minute).len(), 1);
}

#[test]
fn where_room_is_short_days_go_first_then_hours_then_minutes_and_the_newest_of_each_stays() {
    let within = |windows: usize| {
        let Capacity { minutes, hours, days } = Capacity::default().within(1_000, windows * 1_000 + 999);
        (minutes, hours, days)
    };
    assert_eq!(within(1_000), (60, 24, 35));
    assert_eq!(within(119), (60, 24, 35));
    assert_eq!(within(118), (60, 24, 34));
    assert_eq!(within(84), (60, 23, 1));
    assert_eq!(within(61), (59, 1, 1));
    assert_eq!(within(0), (1, 1, 1));
    let days_only = Capacity { minutes: 0, hours: 0, days: 35 };
    assert_eq!(days_only.within(1_000, 3_000), Capacity { days: 3, ..days_only });
    assert_eq!(days_only.size_bytes(1_000), 35_000);
}

#[test]
fn stored_windows_come_back_where_they_were() {
    let plan = plan();
    let mut rings = Rings::new(key(), Capacity::default());
    rings.add(&plan, START_S, 2, &counts(&plan, &[1.0, f32::NAN]));
    let stored: Vec<Vec<u8>> =
        Length::ALL.into_iter().flat_map(|length| rings.windows(length)).map(Window::encode).collect();
    let mut again = Rings::new(key(), Capacity::default());
    for bytes in &stored {
        again.restore(&plan, &Window::decode(bytes).expect("whole")).expect("the same key");
    }
    for length in Length::ALL {
        assert_eq!(again.windows(length), rings.windows(length));
    }
    let mut other = Window::decode(&stored[0]).expect("whole");
    other.counts = Counts::new(&strings_plan());
    assert_eq!(again.restore(&plan, &other), Err(MergeError::Shape));
}

#[test]
fn bytes_bring_back_what_was_written() {
    for values in [vec![], vec![1.0, 6.0, -0.0, f32::NAN, f32::INFINITY, 1e30]] {
        let window = window(&plan(), &values);
        assert_eq!(Window::decode(&window.encode()), Ok(window));
    }
    let plan = strings_plan();
    let mut open = Counts::<u32>::new(&plan);
    let values: [&[u8]; 4] = [b"UA", b"ZZ", b"", b"\xff"];
    open.count_strings(&plan, 0, values.into_iter(), 4).expect("whole rows");
    let mut window = Window { counts: Counts::new(&plan), ..window(&plan_of_numbers(), &[]) };
    window.counts.merge(&open);
    assert_eq!(Window::decode(&window.encode()), Ok(window));
}

fn plan_of_numbers() -> Plan {
    plan()
}

#[test]
fn bytes_that_are_no_window_of_this_version_are_refused() {
    let bytes = window(&plan(), &[1.0]).encode();
    let mut newer = bytes.clone();
    newer[4] = 3;
    assert_eq!(Window::decode(&newer), Err(CodecError::Version(3)));
    assert!(CodecError::Version(3).to_string().contains("read it with a newer one"));
    assert_eq!(Window::decode(b"else"), Err(CodecError::Name));
    for end in 0..bytes.len() {
        assert!(Window::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert!(Window::decode(&damaged).is_err(), "changed at {at}");
    }
}

#[test]
fn windows_of_the_first_version_are_still_read() {
    let window = window(&plan(), &[1.0, 7.0]);
    let mut bytes = window.encode();
    bytes[4] = 1;
    let body = bytes.len() - 8;
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes[..body]);
    bytes[body..].copy_from_slice(&hash.to_le_bytes());
    assert_eq!(Window::decode(&bytes), Ok(window));
}
