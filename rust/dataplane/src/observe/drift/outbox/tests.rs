//! Outboxes of several readers: nothing is lost before it has to be, and nothing is told twice that was acknowledged.

use super::*;
use crate::testing::runtime::Folder;

fn open(folder: &Folder, sinks: &[&str]) -> Outbox {
    let (outbox, refusal) =
        Outbox::open(folder.path().join("transitions.json"), sinks.iter().map(|sink| (*sink).to_owned()));
    assert_eq!(refusal, None);
    outbox
}

fn put(outbox: &Outbox, changes: impl IntoIterator<Item = u64>) {
    changes.into_iter().for_each(|change| outbox.put(&json!({ "change": change })));
}

/// What waits for a sink, and the number of the last of it.
fn taken(outbox: &Outbox, sink: &str, told: u64) -> (Vec<u64>, u64) {
    let found = outbox.after(sink, told, 1_000).expect("it is a reader");
    let change = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON")["change"].as_u64();
    let changes = found.iter().map(|(_, text)| change(text).expect("a number")).collect();
    (changes, found.last().map_or(told, |(number, _)| *number))
}

#[test]
fn each_sink_reads_at_its_own_pace_and_what_all_have_is_gone() {
    let folder = Folder::new();
    let outbox = open(&folder, &["a:", "b:"]);
    put(&outbox, 1..=3);
    let (changes, last) = taken(&outbox, "a:", 0);
    assert_eq!(changes, [1, 2, 3]);
    assert_eq!(taken(&outbox, "a:", 0).0, [1, 2, 3], "what is not acknowledged is there again");
    assert!(taken(&outbox, "a:", last).0.is_empty());
    assert_eq!(outbox.after("b:", 0, 2).expect("it is a reader").len(), 2, "no more than was asked for");
    assert_eq!(taken(&outbox, "b:", 2).0, [3]);
    assert!(taken(&outbox, "b:", 3).0.is_empty());
    assert_eq!(outbox.lock().bytes, 0);
    assert_eq!(outbox.after("c:", 0, 1), None);
    assert_eq!(outbox.failed("c:"), None);
}

#[test]
fn what_waits_survives_a_restart_and_a_new_sink_hears_only_what_is_new() {
    let folder = Folder::new();
    let outbox = open(&folder, &["a:", "b:"]);
    put(&outbox, 1..=3);
    taken(&outbox, "a:", 2);
    taken(&outbox, "b:", 3);
    outbox.write().expect("a writable folder");
    drop(outbox);
    let outbox = open(&folder, &["a:", "c:"]);
    assert_eq!(taken(&outbox, "a:", 0).0, [3]);
    assert!(taken(&outbox, "c:", 0).0.is_empty());
    put(&outbox, [4]);
    assert_eq!((taken(&outbox, "a:", 0).0, taken(&outbox, "c:", 0).0), (vec![3, 4], vec![4]));
}

#[test]
fn what_is_acknowledged_is_forgotten_on_disk_too() {
    let folder = Folder::new();
    let outbox = open(&folder, &["a:"]);
    put(&outbox, 1..=2);
    outbox.write().expect("a writable folder");
    taken(&outbox, "a:", 2);
    outbox.write().expect("a writable folder");
    assert!(taken(&open(&folder, &["a:"]), "a:", 0).0.is_empty());
}

#[test]
fn a_full_outbox_drops_the_oldest_and_counts_it_for_who_had_it_not() {
    let folder = Folder::new();
    let outbox = open(&folder, &["quick:", "slow:"]);
    let long = "x".repeat(MOST_BYTES / 4);
    (0..3).for_each(|_| outbox.put(&json!(long)));
    outbox.after("quick:", 3, 0).expect("it is a reader");
    (0..3).for_each(|_| outbox.put(&json!(long)));
    assert!(outbox.lock().bytes <= MOST_BYTES);
    let dropped: Vec<(String, u64, u64)> =
        outbox.readers().into_iter().map(|(sink, reader, waits)| (sink, reader.dropped, waits)).collect();
    assert_eq!(dropped, [("quick:".to_owned(), 0, 3), ("slow:".to_owned(), 3, 3)]);
}

#[test]
fn the_end_waits_for_who_is_on_its_way_and_not_for_who_fails() {
    let folder = Folder::new();
    let outbox = open(&folder, &["a:"]);
    put(&outbox, [1]);
    outbox.failed("a:").expect("it is a reader");
    // Without end, if it waited.
    outbox.settle(Duration::from_secs(3_600));
    taken(&outbox, "a:", 1);
    put(&outbox, [2]);
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| taken(&outbox, "a:", 2));
        outbox.settle(Duration::from_secs(3_600));
        assert!(taking.join().expect("it takes").0.is_empty());
    });
    assert_eq!(outbox.readers()[0].2, 0);
}

#[test]
fn a_file_that_is_none_of_ours_is_named_and_the_gateway_goes_on() {
    let folder = Folder::new();
    let path = folder.path().join("transitions.json");
    for text in ["{", "[]", r#"{"last": 1, "told": {}, "changes": ["1", "2"]}"#] {
        fs::write(&path, text).expect("a writable folder");
        let (outbox, refusal) = Outbox::open(path.clone(), ["a:".to_owned()].into_iter());
        assert!(refusal.is_some_and(|reason| reason.contains("transitions.json")), "{text}");
        put(&outbox, [1]);
        assert_eq!(taken(&outbox, "a:", 0).0, [1]);
    }
}
