//! Seeded days of a gateway whose documents change all the time: the reconciler and the scheduler with a fake clock and a
//! fake runtime that is slow, fails, hangs and fills the disk.
//!
//! Every request is accounted for: it is answered by a version that its route had when it came, or it is refused in a way
//! that the rules allow. Every loading of a version ends with its memory given back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

mod requests;

use requests::{End, Held, Request, Run};

use super::Dice;
use super::reconcile::{document, want, with_settings};
use crate::plane::{
    ChangeCommand as Do, ChangeEvent as On, Content, LifecycleCommand, LifecycleEvent as Life, LoadId, Nanos,
    Reconciler, Scheduler, Subject, VersionPolicy, Want,
};

const MS: Nanos = 1_000_000;
const DRAIN_TIMEOUT: Nanos = 40 * MS;
const LOAD_TIMEOUT: Nanos = 45 * MS;
const ROUTES: [&str; 3] = ["r", "s", "t"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Apply,
    Arrival,
    /// A loading thread is done with the step of a load.
    LoadEnds(LoadId),
    /// A load has had its time.
    Overdue(LoadId, u64),
    Patience(LoadId),
    Drain(LoadId, u64),
    /// A run of a load ends.
    RunEnds(u64),
    Unloaded(LoadId),
    Wake,
}

struct World {
    dice: Dice,
    now: Nanos,
    events: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    serial: u64,
    reconciler: Reconciler,
    scheduler: Scheduler<usize>,
    held: BTreeMap<LoadId, Held>,
    requests: Vec<Request>,
    runs: BTreeMap<u64, Run>,
    idle_threads: u32,
    published: u64,
    disk_full: u64,
    failed_loads: u64,
    overdue: u64,
    gave_up: u64,
    begun: u64,
    unloaded: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            dice: Dice(seed),
            now: 0,
            events: BinaryHeap::new(),
            serial: 0,
            reconciler: Reconciler::new(1 + seed as usize % 2, BTreeMap::new()),
            scheduler: Scheduler::new(),
            held: BTreeMap::new(),
            requests: Vec::new(),
            runs: BTreeMap::new(),
            idle_threads: 3,
            published: 0,
            disk_full: 0,
            failed_loads: 0,
            overdue: 0,
            gave_up: 0,
            begun: 0,
            unloaded: 0,
        };
        for _ in 0..60 {
            let at = world.dice.roll(1_000 * MS);
            world.plan(at, Event::Apply);
        }
        for _ in 0..3_000 {
            let at = world.dice.roll(1_200 * MS);
            world.plan(at, Event::Arrival);
        }
        world
    }

    fn plan(&mut self, at: Nanos, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((at, self.serial, event)));
    }

    fn run(&mut self) {
        while let Some(Reverse((now, _, event))) = self.events.pop() {
            self.now = now;
            self.happen(event);
            self.work();
            self.let_go();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Apply => {
                let wanted = self.any_document();
                self.step(On::Apply(wanted));
            }
            Event::Arrival => self.arrive(),
            Event::LoadEnds(id) => {
                let is_warm = self.reconciler.loads()[&id].life.state().name() == "WARMING";
                let event = match (self.dice.roll(8), is_warm) {
                    (0, false) => Life::LoadFailed("torn".into()),
                    (0, true) => Life::WarmFailed("NaN".into()),
                    (_, false) => Life::Loaded,
                    (_, true) => Life::Warmed,
                };
                if matches!(event, Life::LoadFailed(_) | Life::WarmFailed(_)) {
                    self.failed_loads += 1;
                }
                if event == Life::Warmed && !self.reconciler.loads()[&id].life.is_leaving() {
                    let policy = VersionPolicy {
                        batching: true,
                        max_rows: 8,
                        max_delay: 0,
                        instances: 2,
                        max_requests: 1_000,
                        max_bytes: 1 << 30,
                        levels: 1,
                    };
                    let queue = self.scheduler.add_version(policy);
                    self.held.get_mut(&id).expect("it is in memory").queue = Some(queue);
                }
                if matches!(event, Life::LoadFailed(_)) {
                    self.held.remove(&id);
                    self.unloaded += 1;
                }
                self.step(On::Load(id, event));
            }
            Event::Overdue(id, serial) => {
                let load = self
                    .reconciler
                    .loads()
                    .get(&id)
                    .filter(|_| self.held.get(&id).is_some_and(|held| held.serial == serial));
                if load.is_some_and(|load| load.life.state().is_under_way()) {
                    self.overdue += 1;
                    self.step(On::Load(id, Life::LoadTimeout("slow".into())));
                }
            }
            Event::Patience(id) => {
                if self.reconciler.loads().get(&id).is_some_and(|load| load.is_held_up) {
                    self.gave_up += 1;
                    self.step(On::Load(id, Life::LoadFailed("it waited".into())));
                }
            }
            Event::Drain(id, serial) => {
                if self.held.get(&id).is_some_and(|held| held.serial == serial && held.retired.is_some()) {
                    self.step(On::Load(id, Life::DrainTimeout));
                }
            }
            Event::RunEnds(number) => self.run_ends(number),
            Event::Unloaded(id) => {
                self.held.remove(&id);
                self.unloaded += 1;
                self.step(On::Load(id, Life::Unloaded));
            }
            Event::Wake => {}
        }
    }

    fn any_document(&mut self) -> BTreeMap<Subject, Content> {
        let mut routes: Vec<(&str, Vec<Want>)> = Vec::new();
        for name in ROUTES {
            if self.dice.roll(6) == 0 {
                continue;
            }
            let count = 1 + self.dice.roll(2);
            let wants = (0..count).map(|_| match self.dice.roll(6) {
                0 => with_settings(1, 1),
                number => want(number),
            });
            routes.push((name, wants.collect()));
        }
        let borrowed: Vec<(&str, &[Want])> = routes.iter().map(|(name, wants)| (*name, &wants[..])).collect();
        document(&borrowed)
    }

    fn step(&mut self, event: On) {
        let mut todo: std::collections::VecDeque<Do> = self.reconciler.step(event).into();
        while let Some(command) = todo.pop_front() {
            match command {
                Do::Begin(id, want) => {
                    self.begun += 1;
                    self.serial += 1;
                    let held =
                        Held { serial: self.serial, want, queue: None, retired: None, is_aborted: false, holders: 0 };
                    assert!(self.held.insert(id, held).is_none(), "a number is used again only after its end");
                    let twins = self.held.values().filter(|held| held.want == self.held[&id].want).count();
                    assert_eq!(twins, 1, "no version is in memory twice with one setting");
                    self.plan(self.now + LOAD_TIMEOUT, Event::Overdue(id, self.serial));
                    self.load_ends_later(id);
                }
                Do::Wait(id) => self.plan(self.now + LOAD_TIMEOUT, Event::Patience(id)),
                Do::Load(id, LifecycleCommand::WarmUp) => self.load_ends_later(id),
                Do::Load(id, LifecycleCommand::Release) => {
                    let held = self.held.get_mut(&id).expect("it is in memory");
                    held.retired = Some(self.now);
                    let serial = held.serial;
                    self.plan(self.now + DRAIN_TIMEOUT, Event::Drain(id, serial));
                }
                Do::Load(id, LifecycleCommand::AbortRemaining) => self.abort(id),
                Do::Load(id, LifecycleCommand::Unload) => {
                    assert_eq!(self.held[&id].holders, 0, "nothing is unloaded below a request");
                    if let Some(queue) = self.held[&id].queue {
                        assert_eq!(self.scheduler.close_version(queue), Vec::<usize>::new());
                    }
                    let takes = self.dice.roll(5 * MS);
                    self.plan(self.now + takes, Event::Unloaded(id));
                }
                Do::Publish(changes) => {
                    let is_full = self.dice.roll(12) == 0;
                    let event = if is_full {
                        self.disk_full += 1;
                        On::Rejected(changes.into_keys().map(|subject| (subject, "full".to_owned())).collect())
                    } else {
                        self.published += 1;
                        On::Published
                    };
                    todo.extend(self.reconciler.step(event));
                }
                Do::Load(_, LifecycleCommand::Load | LifecycleCommand::Terminate | LifecycleCommand::Admit)
                | Do::Settled(..) => {}
            }
        }
    }

    fn load_ends_later(&mut self, id: LoadId) {
        let takes = if self.dice.roll(20) == 0 { 3 * LOAD_TIMEOUT } else { MS + self.dice.roll(30 * MS) };
        self.plan(self.now + takes, Event::LoadEnds(id));
    }
}

#[test]
fn whatever_fails_nobody_is_lost_and_no_memory_is_kept() {
    let (mut answered, mut not_begun, mut aborted) = (0, 0, 0);
    let (mut published, mut disk_full, mut failed, mut overdue, mut gave_up) = (0, 0, 0, 0, 0);
    for seed in 0..200 {
        let mut world = World::new(seed);
        world.run();
        for request in &world.requests {
            match request.end.expect("every request comes to an end").0 {
                End::Answered => answered += 1,
                End::NotBegun => not_begun += 1,
                End::Aborted => aborted += 1,
                End::NoRoute => {}
            }
            assert!(request.end.is_some_and(|(_, at)| at >= request.arrived));
        }
        let kept: Vec<&Want> = world.reconciler.current().values().flat_map(|content| &content.wants).collect();
        assert!(world.held.values().all(|held| kept.contains(&&held.want)), "seed {seed}: what nobody wants is gone");
        assert_eq!(world.begun - world.unloaded, world.held.len() as u64, "seed {seed}");
        assert!(world.reconciler.pending().next().is_none(), "seed {seed}: every content is settled");
        assert!(world.scheduler.is_idle() && world.runs.is_empty(), "seed {seed}");
        published += world.published;
        disk_full += world.disk_full;
        failed += world.failed_loads;
        overdue += world.overdue;
        gave_up += world.gave_up;
    }
    assert!(answered > 100_000 && not_begun > 1_000 && aborted > 500, "{answered} {not_begun} {aborted}");
    assert!(published > 3_000 && disk_full > 200 && failed > 500, "{published} {disk_full} {failed}");
    assert!(overdue > 500 && gave_up > 100, "{overdue} {gave_up}");
}

#[test]
fn the_same_seed_is_the_same_day() {
    let [one, other] = [3, 3].map(|seed| {
        let mut world = World::new(seed);
        world.run();
        (world.published, world.begun, world.failed_loads, world.serial)
    });
    assert_eq!(one, other);
}
