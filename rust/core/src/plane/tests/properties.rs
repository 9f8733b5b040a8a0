//! Any history of a scheduler, however odd, beside its account.

use proptest::prelude::*;

use super::ledger::{Ledger, Request};
use crate::plane::levels::PATIENCE;
use crate::plane::{Nanos, Next, Scheduler, VersionKey, VersionPolicy, Waiting};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Add(VersionPolicy),
    Close(usize),
    Arrive(usize, Request),
    Cancel(usize),
    Next,
    Finish(usize, Nanos),
    Advance(Nanos),
}

prop_compose! {
    fn policy()(batching in prop::bool::weighted(0.8), max_rows in 0u32..10, max_delay in prop_oneof![Just(0), 1u64..50],
                instances in 0u32..4, max_requests in 1u32..30, max_bytes in 100u64..1_000,
                levels in 0u8..5) -> VersionPolicy {
        VersionPolicy { batching, max_rows, max_delay, instances, max_requests, max_bytes, levels }
    }
}

prop_compose! {
    fn request()(rows in 0u32..14, bytes in 0u64..100, shape in 0u64..4, cost in 0u64..2_000_000,
                 deadline in 0u64..400, level in 0u8..6) -> Request {
        Request { rows, bytes, shape, cost, deadline, level }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => policy().prop_map(Step::Add),
        1 => any::<usize>().prop_map(Step::Close),
        30 => (any::<usize>(), request()).prop_map(|(version, request)| Step::Arrive(version, request)),
        6 => any::<usize>().prop_map(Step::Cancel),
        16 => Just(Step::Next),
        12 => (any::<usize>(), 0u64..4_000_000).prop_map(|(run, cost)| Step::Finish(run, cost)),
        6 => (1u64..30).prop_map(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn every_request_comes_out_once_and_every_batch_is_lawful(
        policies in prop::collection::vec(policy(), 1..4),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut ledger = Ledger::default();
        let mut keys: Vec<VersionKey> = policies.into_iter().map(|policy| ledger.add(policy)).collect();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Add(policy) => keys.push(ledger.add(policy)),
                Step::Close(version) => ledger.close(keys[version % keys.len()]),
                Step::Arrive(version, request) => {
                    // Closed versions stay in `keys`: their stale keys must be refused, not confused.
                    let request = Request { deadline: now + request.deadline, ..request };
                    let _ = ledger.arrive(now, keys[version % keys.len()], request);
                }
                Step::Cancel(pick) => ledger.cancel(pick),
                Step::Next => drop(ledger.next(now)),
                Step::Finish(pick, cost) => {
                    if let Some(version) = ledger.running(pick) {
                        ledger.finish(version, cost);
                    }
                }
                Step::Advance(by) => now += by,
            }
        }
        for version in ledger.versions() {
            ledger.close(version);
        }
        while let Some(version) = ledger.running(0) {
            ledger.finish(version, 1);
        }
        prop_assert_eq!(ledger.out.len() as u64, ledger.arrived());
    }

    #[test]
    fn below_the_top_nobody_waits_for_more_runs_than_the_bound(
        levels in 2u8..6,
        batching in any::<bool>(),
        arrivals in prop::collection::vec((0u8..6, 0u64..3, 0usize..4), 1..120),
    ) {
        let mut scheduler = Scheduler::new();
        let policy = VersionPolicy {
            batching, max_rows: 3, max_delay: 0, instances: 1, max_requests: 1_000, max_bytes: 1_000_000, levels,
        };
        let version = scheduler.add_version(policy);
        // When each request may have begun at the latest, in runs of the version.
        let mut latest: BTreeMap<usize, u64> = BTreeMap::new();
        let mut begun = 0;
        let mut run = |scheduler: &mut Scheduler<usize>, latest: &mut BTreeMap<usize, u64>| {
            let Next::Run(batch) = scheduler.next(1_000) else { return false };
            begun += 1;
            for (_, number) in batch.requests {
                if let Some(latest) = latest.remove(&number) {
                    assert!(begun <= latest, "{number} began as run {begun}, at the latest {latest}");
                }
            }
            scheduler.finished(version, 1);
            true
        };
        let mut runs = 0;
        for (number, (level, shape, work)) in arrivals.into_iter().enumerate() {
            let level = level.min(levels - 1);
            let waiting = Waiting { rows: 1, bytes: 1, shape, cost: 1, deadline: u64::MAX, level, payload: number };
            prop_assert!(scheduler.arrive(number as u64, version, waiting).is_ok());
            if level > 0 {
                let bound = u64::from(PATIENCE + 1) * (latest.len() as u64 + 1);
                latest.insert(number, runs + bound);
            }
            for _ in 0..work {
                runs += u64::from(run(&mut scheduler, &mut latest));
            }
        }
        while run(&mut scheduler, &mut latest) {}
        prop_assert!(latest.is_empty());
    }
}

#[test]
fn who_has_waited_longest_below_the_top_goes_before_the_less_urgent_that_came_later() {
    let mut scheduler = Scheduler::new();
    let policy = VersionPolicy {
        batching: false,
        max_rows: 1,
        max_delay: 0,
        instances: 1,
        max_requests: 100,
        max_bytes: 1_000,
        levels: 5,
    };
    let version = scheduler.add_version(policy);
    let levels = [3, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4];
    for (number, level) in levels.into_iter().enumerate() {
        let waiting = Waiting { rows: 1, bytes: 1, shape: 0, cost: 1, deadline: u64::MAX, level, payload: number };
        assert!(scheduler.arrive(number as u64, version, waiting).is_ok());
    }
    let mut begun = Vec::new();
    while let Next::Run(batch) = scheduler.next(1_000) {
        begun.extend(batch.requests.into_iter().map(|(_, number)| number));
        scheduler.finished(version, 1);
    }
    assert_eq!(begun, [1, 2, 4, 5, 6, 7, 8, 9, 0, 3, 10], "eight of the top, then the first that came");
}
