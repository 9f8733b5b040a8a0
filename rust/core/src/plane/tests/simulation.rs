//! Seeded days in the life of a scheduler: a fake clock, fake threads, and everything that goes wrong, all at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Dice;
use super::ledger::{Ledger, Request};
use crate::plane::{Nanos, Next, VersionKey, VersionPolicy};

/// What the fake clock brings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    /// A thread's run of a version ends after so long.
    End(VersionKey, Nanos),
    Cancel,
    /// A version is closed and another one opened: the document changed.
    Change,
    /// What `Wait` asked for.
    Wake,
}

struct World {
    ledger: Ledger,
    dice: Dice,
    events: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    serial: u64,
    idle_threads: u32,
    closed: Vec<VersionKey>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            ledger: Ledger::default(),
            dice: Dice(seed),
            events: BinaryHeap::new(),
            serial: 0,
            idle_threads: 3,
            closed: Vec::new(),
        };
        for _ in 0..3 {
            world.open();
        }
        for _ in 0..3_000 {
            let at = world.dice.roll(200_000_000);
            world.plan(at, Event::Arrival);
        }
        for _ in 0..300 {
            let at = world.dice.roll(200_000_000);
            world.plan(at, Event::Cancel);
        }
        for round in 1..8 {
            world.plan(round * 25_000_000, Event::Change);
        }
        world
    }

    fn plan(&mut self, at: Nanos, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((at, self.serial, event)));
    }

    fn open(&mut self) {
        let policy = VersionPolicy {
            batching: self.dice.roll(4) > 0,
            max_rows: 1 + self.dice.roll(64) as u32,
            max_delay: [0, 0, 500_000][self.dice.roll(3) as usize],
            instances: 1 + self.dice.roll(2) as u32,
            max_requests: 40,
            max_bytes: 64 * 1_024,
            levels: [1, 1, 3][self.dice.roll(3) as usize],
        };
        self.ledger.add(policy);
    }

    fn any_version(&mut self) -> VersionKey {
        let mut versions = self.ledger.versions();
        versions.extend(self.closed.last());
        versions[self.dice.roll(versions.len() as u64) as usize]
    }

    fn run(&mut self) {
        while let Some(Reverse((now, _, event))) = self.events.pop() {
            self.happen(now, event);
            self.work(now);
        }
    }

    fn happen(&mut self, now: Nanos, event: Event) {
        match event {
            Event::Arrival => {
                let version = self.any_version();
                let request = Request {
                    rows: self.dice.roll(20) as u32,
                    bytes: self.dice.roll(8_000),
                    shape: self.dice.roll(3),
                    cost: self.dice.roll(300_000),
                    deadline: now + self.dice.roll(20_000_000),
                    level: self.dice.roll(4) as u8,
                };
                let _ = self.ledger.arrive(now, version, request);
            }
            Event::End(version, cost) => {
                self.ledger.finish(version, cost);
                self.idle_threads += 1;
            }
            Event::Cancel => {
                let pick = self.dice.roll(1_000) as usize;
                self.ledger.cancel(pick);
            }
            Event::Change => {
                let version = self.ledger.versions()[self.dice.roll(3) as usize];
                self.ledger.close(version);
                self.closed.push(version);
                self.open();
            }
            Event::Wake => {}
        }
    }

    /// Every idle thread asks until it has a batch or is told to wait. Now and then a run takes thirty times as long.
    fn work(&mut self, now: Nanos) {
        while self.idle_threads > 0 {
            match self.ledger.next(now) {
                Next::Run(batch) => {
                    let slow = if self.dice.roll(50) == 0 { 30 } else { 1 };
                    let cost = slow * (1 + batch.cost / 2 + self.dice.roll(batch.cost + 1));
                    self.idle_threads -= 1;
                    self.plan(now + cost, Event::End(batch.version, cost));
                }
                Next::Expired(_) => {}
                Next::Wait { until: Some(until) } => return self.plan(until, Event::Wake),
                Next::Wait { until: None } => return,
            }
        }
    }
}

#[test]
fn with_cancellations_expiry_slow_runs_and_changing_versions_nobody_is_lost_and_nothing_hangs() {
    let (mut ran, mut expired, mut refused) = (0, 0, 0);
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.run();
        // The last event is behind us and no queue was closed for it: all that could run did.
        assert_eq!(world.ledger.out.len() as u64, world.ledger.arrived(), "seed {seed}");
        assert_eq!(world.idle_threads, 3, "seed {seed}");
        ran += world.ledger.ran;
        expired += world.ledger.expired;
        refused += world.ledger.refused;
    }
    assert!(ran > 20_000 && expired > 500 && refused > 500, "the days were eventful: {ran} {expired} {refused}");
}

#[test]
fn the_same_seed_is_the_same_day() {
    let [one, other] = [7, 7].map(|seed| {
        let mut world = World::new(seed);
        world.run();
        (world.ledger.ran, world.ledger.expired, world.ledger.refused, world.serial)
    });
    assert_eq!(one, other);
}
