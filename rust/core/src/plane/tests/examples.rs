//! What a reader wants to know about the scheduler, one case each.

use crate::plane::{Batch, Depth, Nanos, Next, Refusal, RequestKey, Scheduler, VersionKey, VersionPolicy, Waiting};

const POLICY: VersionPolicy = VersionPolicy {
    batching: true,
    max_rows: 8,
    max_delay: 0,
    instances: 2,
    max_requests: 4,
    max_bytes: 1_000,
    levels: 1,
};

fn with(policy: VersionPolicy) -> (Scheduler<char>, VersionKey) {
    let mut scheduler = Scheduler::new();
    let version = scheduler.add_version(policy);
    (scheduler, version)
}

fn waiting(rows: u32, shape: u64, payload: char) -> Waiting<char> {
    Waiting { rows, bytes: 10, shape, cost: 5, deadline: 1_000, level: 0, payload }
}

/// Queues requests of (rows, shape, name) at time zero.
fn queue(scheduler: &mut Scheduler<char>, version: VersionKey, requests: &[(u32, u64, char)]) -> Vec<RequestKey> {
    let arrive = |&(rows, shape, name): &(u32, u64, char)| scheduler.arrive(0, version, waiting(rows, shape, name));
    requests.iter().map(arrive).collect::<Result<_, _>>().expect("there is room")
}

fn run(scheduler: &mut Scheduler<char>, now: Nanos) -> Batch<char> {
    match scheduler.next(now) {
        Next::Run(batch) => batch,
        other => panic!("expected a run, got {other:?}"),
    }
}

fn names(batch: &Batch<char>) -> String {
    batch.requests.iter().map(|(_, name)| *name).collect()
}

#[test]
fn a_single_request_runs_at_once_and_alone() {
    let (mut scheduler, version) = with(POLICY);
    let keys = queue(&mut scheduler, version, &[(3, 7, 'a')]);
    let batch = run(&mut scheduler, 0);
    let expected = Batch { version, shape: 7, rows: 3, requests: vec![(keys[0], 'a')], expired: vec![], cost: 5 };
    assert_eq!(batch, expected);
    assert_eq!(scheduler.depth(version), Depth { running: 1, ..Depth::default() });
    scheduler.finished(version, 5);
    assert!(scheduler.is_idle());
}

#[test]
fn an_idle_thread_takes_all_that_waits_up_to_max_rows() {
    let (mut scheduler, version) = with(POLICY);
    queue(&mut scheduler, version, &[(3, 7, 'a'), (4, 7, 'b'), (2, 7, 'c'), (1, 7, 'd')]);
    assert_eq!(names(&run(&mut scheduler, 0)), "ab");
    assert_eq!(names(&run(&mut scheduler, 0)), "cd");
}

#[test]
fn shapes_are_never_mixed_and_the_oldest_goes_first() {
    let (mut scheduler, version) = with(POLICY);
    queue(&mut scheduler, version, &[(1, 1, 'a'), (1, 2, 'b'), (1, 1, 'c')]);
    assert_eq!(names(&run(&mut scheduler, 0)), "ac");
    assert_eq!(names(&run(&mut scheduler, 0)), "b");
}

#[test]
fn a_request_larger_than_a_batch_runs_alone() {
    let (mut scheduler, version) = with(POLICY);
    queue(&mut scheduler, version, &[(9, 1, 'a'), (1, 1, 'b'), (0, 1, 'c')]);
    assert_eq!(names(&run(&mut scheduler, 0)), "a");
    assert_eq!(names(&run(&mut scheduler, 0)), "bc");
}

#[test]
fn with_batching_off_each_request_is_a_run() {
    let (mut scheduler, version) = with(VersionPolicy { batching: false, max_delay: 50, ..POLICY });
    queue(&mut scheduler, version, &[(5, 1, 'a'), (1, 1, 'b')]);
    assert_eq!(names(&run(&mut scheduler, 0)), "a");
    assert_eq!(names(&run(&mut scheduler, 0)), "b");
}

#[test]
fn no_more_runs_at_once_than_instances() {
    let (mut scheduler, version) = with(VersionPolicy { max_rows: 1, ..POLICY });
    queue(&mut scheduler, version, &[(1, 1, 'a'), (1, 1, 'b'), (1, 1, 'c')]);
    run(&mut scheduler, 0);
    assert!(scheduler.has_free_instance(version));
    run(&mut scheduler, 0);
    assert!(!scheduler.has_free_instance(version));
    assert_eq!(scheduler.next(0), Next::Wait { until: None });
    scheduler.finished(version, 5);
    assert_eq!(names(&run(&mut scheduler, 0)), "c");
}

#[test]
fn with_a_delay_the_first_waits_for_company_until_it_is_due() {
    let (mut scheduler, version) = with(VersionPolicy { max_delay: 50, ..POLICY });
    queue(&mut scheduler, version, &[(3, 1, 'a')]);
    assert_eq!(scheduler.next(49), Next::Wait { until: Some(50) });
    scheduler.arrive(49, version, waiting(1, 1, 'b')).expect("there is room");
    assert_eq!(names(&run(&mut scheduler, 50)), "ab");
}

#[test]
fn with_a_delay_a_full_batch_goes_at_once_even_behind_another_shape() {
    let (mut scheduler, version) = with(VersionPolicy { max_delay: 50, ..POLICY });
    let keys = queue(&mut scheduler, version, &[(1, 1, 'a'), (4, 2, 'b'), (4, 2, 'c')]);
    assert_eq!(names(&run(&mut scheduler, 10)), "bc");
    assert_eq!(scheduler.next(10), Next::Wait { until: Some(50) });
    let more = queue(&mut scheduler, version, &[(8, 2, 'd')]);
    assert_eq!(scheduler.cancel(more[0]), Some('d'));
    assert_eq!(scheduler.next(10), Next::Wait { until: Some(50) }, "a cancelled request fills no batch");
    assert_eq!(scheduler.cancel(keys[0]), Some('a'));
    assert_eq!(scheduler.next(60), Next::Wait { until: None });
}

#[test]
fn what_is_too_late_is_never_run() {
    let (mut scheduler, version) = with(POLICY);
    queue(&mut scheduler, version, &[(1, 1, 'a')]);
    let alive = Waiting { deadline: 2_000, ..waiting(1, 1, 'b') };
    scheduler.arrive(0, version, alive).expect("there is room");
    queue(&mut scheduler, version, &[(1, 2, 'c')]);
    let batch = run(&mut scheduler, 1_000);
    assert_eq!((names(&batch).as_str(), batch.expired.as_slice()), ("b", ['a'].as_slice()));
    assert_eq!(scheduler.next(1_000), Next::Expired(vec!['c']));
    assert_eq!(scheduler.next(1_000), Next::Wait { until: None });
}

#[test]
fn a_full_queue_hands_the_request_back_and_a_cancelled_place_is_free_at_once() {
    let (mut scheduler, version) = with(POLICY);
    let keys = queue(&mut scheduler, version, &[(1, 1, 'a'), (1, 1, 'b'), (1, 1, 'c'), (1, 1, 'd')]);
    assert_eq!(scheduler.arrive(0, version, waiting(1, 1, 'e')), Err((Refusal::QueueFull, 'e')));
    assert_eq!(scheduler.cancel(keys[1]), Some('b'));
    assert_eq!(scheduler.cancel(keys[1]), None);
    let large = Waiting { bytes: 971, ..waiting(1, 1, 'f') };
    assert_eq!(scheduler.arrive(0, version, large), Err((Refusal::QueueBytesFull, 'f')));
    assert!(scheduler.arrive(0, version, Waiting { bytes: 970, ..large }).is_ok());
    assert_eq!(names(&run(&mut scheduler, 0)), "acdf");
}

#[test]
fn a_request_that_runs_cannot_be_cancelled() {
    let (mut scheduler, version) = with(POLICY);
    let keys = queue(&mut scheduler, version, &[(1, 1, 'a')]);
    run(&mut scheduler, 0);
    assert_eq!(scheduler.cancel(keys[0]), None);
}

#[test]
fn a_closed_version_gives_back_its_queue_and_lets_its_runs_end() {
    let (mut scheduler, version) = with(VersionPolicy { max_rows: 1, ..POLICY });
    let keys = queue(&mut scheduler, version, &[(1, 1, 'a'), (1, 1, 'b'), (1, 1, 'c')]);
    run(&mut scheduler, 0);
    assert_eq!(scheduler.close_version(version), ['b', 'c']);
    assert_eq!(scheduler.close_version(version), []);
    assert_eq!(scheduler.arrive(0, version, waiting(1, 1, 'd')), Err((Refusal::Closed, 'd')));
    assert_eq!(scheduler.cancel(keys[1]), None);
    assert!(!scheduler.is_idle());
    let other = scheduler.add_version(POLICY);
    assert_ne!(other, version);
    scheduler.finished(version, 5);
    scheduler.finished(version, 5);
    assert!(scheduler.is_idle());
    assert_eq!(scheduler.depth(version), Depth::default());
}

fn urgent(level: u8, payload: char) -> Waiting<char> {
    Waiting { level, ..waiting(1, 1, payload) }
}

#[test]
fn the_more_urgent_overtake_and_share_no_batch_with_the_others() {
    let (mut scheduler, version) = with(VersionPolicy { levels: 3, max_requests: 5, ..POLICY });
    for (level, payload) in [(2, 'a'), (1, 'b'), (0, 'c'), (9, 'd'), (0, 'e')] {
        scheduler.arrive(0, version, urgent(level, payload)).expect("there is room");
    }
    assert_eq!(scheduler.depth(version).requests, 5);
    for expected in ["ce", "b", "ad"] {
        let batch = run(&mut scheduler, 0);
        assert_eq!(names(&batch), expected);
        scheduler.finished(version, 1);
    }
}

#[test]
fn a_flood_of_urgent_requests_lets_one_below_by_now_and_then() {
    let (mut scheduler, version) = with(VersionPolicy { levels: 2, batching: false, ..POLICY });
    scheduler.arrive(0, version, urgent(1, 'z')).expect("there is room");
    let mut before = 0;
    loop {
        scheduler.arrive(1, version, urgent(0, 'a')).expect("there is room");
        let batch = run(&mut scheduler, 1);
        scheduler.finished(version, 1);
        if names(&batch) == "z" {
            break;
        }
        before += 1;
    }
    assert_eq!(before, 8);
}
