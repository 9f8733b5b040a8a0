//! Versions get equal time, whatever a run of theirs costs, and nobody starves.

use proptest::prelude::*;

use crate::plane::{Nanos, Next, QUANTUM, Scheduler, VersionKey, VersionPolicy, Waiting};

const POLICY: VersionPolicy = VersionPolicy {
    batching: true,
    max_rows: 1,
    max_delay: 0,
    instances: 1,
    max_requests: 1_000_000,
    max_bytes: u64::MAX,
    levels: 1,
};

fn request(payload: usize, cost: Nanos) -> Waiting<usize> {
    Waiting { rows: 1, bytes: 1, shape: 0, cost, deadline: u64::MAX, level: 0, payload }
}

/// One thread serves versions that always have something waiting; returns the time each one got.
fn shares(predicted: &[Nanos], actual: &[Nanos], span: Nanos) -> Vec<Nanos> {
    let mut scheduler = Scheduler::new();
    let versions: Vec<VersionKey> = predicted.iter().map(|_| scheduler.add_version(POLICY)).collect();
    let mut times = vec![0; predicted.len()];
    let mut now = 0;
    for (index, version) in versions.iter().enumerate() {
        for _ in 0..2 {
            scheduler.arrive(now, *version, request(index, predicted[index])).expect("there is room");
        }
    }
    while now < span {
        let Next::Run(batch) = scheduler.next(now) else { panic!("there is always something to run") };
        let index = batch.requests[0].1;
        now += actual[index];
        times[index] += actual[index];
        scheduler.finished(batch.version, actual[index]);
        scheduler.arrive(now, batch.version, request(index, predicted[index])).expect("there is room");
    }
    times
}

fn spread(times: &[Nanos]) -> Nanos {
    times.iter().max().expect("not empty") - times.iter().min().expect("not empty")
}

proptest! {
    #[test]
    fn busy_versions_get_equal_time_to_within_a_run_and_two_rounds(
        costs in prop::collection::vec(1_000u64..20_000_000, 2..6),
    ) {
        let times = shares(&costs, &costs, 2_000_000_000);
        let largest = costs.iter().max().expect("not empty");
        prop_assert!(spread(&times) <= largest + 2 * QUANTUM, "{costs:?} got {times:?}");
    }

    #[test]
    fn a_wrong_prediction_is_charged_when_the_run_ends(
        actual in prop::collection::vec(1_000u64..20_000_000, 2..6),
        wrong in prop::collection::vec(1_000u64..20_000_000, 6),
    ) {
        let times = shares(&wrong[..actual.len()], &actual, 2_000_000_000);
        let largest = actual.iter().chain(&wrong).max().expect("not empty");
        prop_assert!(spread(&times) <= 2 * largest + 2 * QUANTUM, "{actual:?} for {wrong:?} got {times:?}");
    }
}

#[test]
fn a_light_request_waits_for_one_heavy_run_at_most() {
    const HEAVY: Nanos = 50_000_000;
    let mut scheduler = Scheduler::new();
    let heavy = scheduler.add_version(POLICY);
    let light = scheduler.add_version(POLICY);
    for _ in 0..1_000 {
        scheduler.arrive(0, heavy, request(0, HEAVY)).expect("there is room");
    }
    let mut now = 0;
    for _ in 0..500 {
        let Next::Run(batch) = scheduler.next(now) else { panic!("heavy runs wait") };
        assert_eq!(batch.version, heavy);
        scheduler.arrive(now + HEAVY / 2, light, request(1, 20_000)).expect("there is room");
        now += HEAVY;
        scheduler.finished(heavy, HEAVY);
        let Next::Run(batch) = scheduler.next(now) else { panic!("the light one waits") };
        assert_eq!(batch.version, light);
        now += 20_000;
        scheduler.finished(light, 20_000);
    }
}

/// Two versions with runs of a millisecond, the first of which has run for an hour: how many runs the other one gets
/// before it.
fn runs_after_an_hour(predicted: Nanos) -> usize {
    const HOUR: Nanos = 3_600_000_000_000;
    let mut scheduler = Scheduler::new();
    let (hung, other) = (scheduler.add_version(POLICY), scheduler.add_version(POLICY));
    scheduler.arrive(0, hung, request(0, predicted)).expect("there is room");
    for _ in 0..2_000 {
        scheduler.arrive(0, hung, request(0, 1_000_000)).expect("there is room");
        scheduler.arrive(0, other, request(1, 1_000_000)).expect("there is room");
    }
    let Next::Run(first) = scheduler.next(0) else { panic!("both wait") };
    assert_eq!(first.version, hung);
    let mut before = 0;
    while let Next::Run(batch) = scheduler.next(HOUR) {
        scheduler.finished(batch.version, 1_000_000);
        before += 1;
        if before == 10 {
            scheduler.finished(hung, HOUR);
        }
        if batch.version == hung {
            break;
        }
    }
    before
}

#[test]
fn a_run_that_hung_for_an_hour_does_not_lock_its_version_out_for_an_hour() {
    for predicted in [1_000_000, 3_600_000_000_000] {
        let before = runs_after_an_hour(predicted);
        assert!((980..=1_020).contains(&before), "it was held back for about a second: {before} ms");
    }
}

#[test]
fn a_version_that_was_idle_for_long_has_saved_a_quantum_and_no_more() {
    const RUN: Nanos = QUANTUM / 10;
    let mut scheduler = Scheduler::new();
    let (busy, idle) = (scheduler.add_version(POLICY), scheduler.add_version(POLICY));
    for _ in 0..10_000 {
        scheduler.arrive(0, busy, request(0, RUN)).expect("there is room");
    }
    let mut runs = Vec::new();
    for turn in 0..3_000 {
        let Next::Run(batch) = scheduler.next(0) else { panic!("one is busy") };
        scheduler.finished(batch.version, RUN);
        runs.push(batch.version);
        if turn == 2_000 {
            for _ in 0..1_000 {
                scheduler.arrive(0, idle, request(1, RUN)).expect("there is room");
            }
        }
    }
    let late = runs[2_001..2_101].iter().filter(|version| **version == idle).count();
    assert!((40..=60).contains(&late), "{late} of 100 runs");
}

#[test]
fn a_version_that_was_alone_owes_nobody_for_it() {
    let mut scheduler = Scheduler::new();
    let (alone, late) = (scheduler.add_version(POLICY), scheduler.add_version(POLICY));
    for _ in 0..1_000 {
        scheduler.arrive(0, alone, request(0, 10_000_000)).expect("there is room");
        let Next::Run(batch) = scheduler.next(0) else { panic!("it waits") };
        scheduler.finished(batch.version, 10_000_000);
    }
    let mut order = Vec::new();
    for _ in 0..4 {
        scheduler.arrive(0, alone, request(0, 10_000_000)).expect("there is room");
        scheduler.arrive(0, late, request(1, 10_000_000)).expect("there is room");
    }
    while let Next::Run(batch) = scheduler.next(0) {
        order.push(batch.version == alone);
        scheduler.finished(batch.version, 10_000_000);
    }
    assert_eq!(order.iter().take(4).filter(|is_alone| **is_alone).count(), 2, "they take turns at once: {order:?}");
}

#[test]
fn a_debt_is_paid_while_others_run_even_if_the_debtor_has_nothing_waiting() {
    const LONG: Nanos = 500_000_000;
    const SHORT: Nanos = 1_000_000;
    let mut scheduler = Scheduler::new();
    let (debtor, other) = (scheduler.add_version(POLICY), scheduler.add_version(POLICY));
    let mut serve = |arrivals: &[(VersionKey, Nanos)]| {
        for (version, cost) in arrivals {
            scheduler.arrive(0, *version, request(0, *cost)).expect("there is room");
        }
        let Next::Run(batch) = scheduler.next(0) else { panic!("one waits") };
        scheduler.finished(batch.version, batch.cost);
        batch.version
    };
    serve(&[(debtor, LONG)]);
    for _ in 0..2 * LONG / SHORT {
        serve(&[(other, SHORT)]);
    }
    let order: Vec<_> = (0..10).map(|_| serve(&[(debtor, SHORT), (other, SHORT)])).collect();
    let debtors = order.iter().filter(|version| **version == debtor).count();
    assert!((4..=6).contains(&debtors), "{order:?}");
}
