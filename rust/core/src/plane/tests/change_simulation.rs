//! Seeded days of a gateway whose documents change all the time: the reconciler and the scheduler with a fake clock and a
//! fake runtime that is slow, fails, hangs and fills the disk.
//!
//! Every request is accounted for: it is answered by a version that its route had when it came, or it is refused in a way
//! that the rules allow. Every loading of a version ends with its memory given back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::Dice;
use super::reconcile::{document, want, with_settings};
use crate::plane::{
    ChangeCommand as Do, ChangeEvent as On, Content, LifecycleCommand, LifecycleEvent as Life, LoadId, Nanos, Next,
    Reconciler, Scheduler, Subject, VersionKey, VersionPolicy, Waiting, Want,
};

const MS: Nanos = 1_000_000;
const DRAIN_TIMEOUT: Nanos = 40 * MS;
const ROUTES: [&str; 3] = ["r", "s", "t"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Apply,
    Arrival,
    /// A loading thread is done with the step of a load.
    LoadEnds(LoadId),
    Drain(LoadId, u64),
    /// A run of a load ends.
    RunEnds(u64),
    Unloaded(LoadId),
    Wake,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Answered,
    /// Refused before it began: the drain timeout came while it waited, or its own deadline.
    NotBegun,
    /// Begun, and lost to the drain timeout.
    Aborted,
    /// Its route is not served.
    NoRoute,
}

#[derive(Clone, Copy)]
struct Request {
    load: LoadId,
    /// Which loading of the many that have this number.
    serial: u64,
    arrived: Nanos,
    end: Option<(End, Nanos)>,
}

/// A loading in memory, as the fake runtime has it.
struct Held {
    serial: u64,
    want: Want,
    queue: Option<VersionKey>,
    /// When it was retired.
    retired: Option<Nanos>,
    is_aborted: bool,
    /// Requests that hold it: waiting or running.
    holders: u64,
}

struct Run {
    version: VersionKey,
    load: LoadId,
    requests: Vec<usize>,
    cost: Nanos,
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
                    self.load_ends_later(id);
                }
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
                Do::Load(_, LifecycleCommand::Load | LifecycleCommand::Admit) | Do::Settled(..) => {}
            }
        }
    }

    fn load_ends_later(&mut self, id: LoadId) {
        let takes = MS + self.dice.roll(30 * MS);
        self.plan(self.now + takes, Event::LoadEnds(id));
    }

    fn arrive(&mut self) {
        let name = ROUTES[self.dice.roll(3) as usize].to_owned();
        let number = self.requests.len();
        let Some(content) = self.reconciler.current().get(&Subject::Route(name)).cloned() else {
            let end = Some((End::NoRoute, self.now));
            return self.requests.push(Request { load: 0, serial: 0, arrived: self.now, end });
        };
        let wants: Vec<&Want> = content.wants.iter().collect();
        let pick = self.dice.roll(wants.len() as u64) as usize;
        let load = self.reconciler.ready(wants[pick]).expect("a route that is served has its versions ready");
        let held = self.held.get_mut(&load).expect("what is ready is in memory");
        assert_eq!(held.retired, None, "no request finds a version that was retired");
        held.holders += 1;
        let (serial, queue) = (held.serial, held.queue.expect("what is ready has a queue"));
        self.requests.push(Request { load, serial, arrived: self.now, end: None });
        let deadline = self.now + 5 * MS + self.dice.roll(400 * MS);
        let waiting = Waiting { rows: 1, bytes: 1, shape: 1, cost: MS / 2, deadline, payload: number };
        if self.scheduler.arrive(self.now, queue, waiting).is_err() {
            self.end(number, End::NotBegun);
        }
    }

    /// Every idle thread asks until it has a batch or is told to wait. Now and then a run hangs for a long time.
    fn work(&mut self) {
        while self.idle_threads > 0 {
            match self.scheduler.next(self.now) {
                Next::Run(batch) => {
                    for number in batch.expired {
                        self.end(number, End::NotBegun);
                    }
                    let requests: Vec<usize> = batch.requests.into_iter().map(|(_, number)| number).collect();
                    let hangs = if self.dice.roll(60) == 0 { 200 * MS } else { 0 };
                    let cost = MS / 4 + self.dice.roll(3 * MS) + hangs;
                    let load = self.requests[requests[0]].load;
                    self.serial += 1;
                    self.runs.insert(self.serial, Run { version: batch.version, load, requests, cost });
                    self.idle_threads -= 1;
                    self.plan(self.now + cost, Event::RunEnds(self.serial));
                }
                Next::Expired(late) => late.into_iter().for_each(|number| self.end(number, End::NotBegun)),
                Next::Wait { until: Some(until) } => return self.plan(until, Event::Wake),
                Next::Wait { until: None } => return,
            }
        }
    }

    fn run_ends(&mut self, number: u64) {
        let run = self.runs.remove(&number).expect("a run ends once");
        self.idle_threads += 1;
        self.scheduler.finished(run.version, run.cost);
        for request in run.requests {
            // Its caller may have been told long ago; the run has held the version until now.
            if self.requests[request].end.is_some() {
                self.held.get_mut(&run.load).expect("what runs is in memory").holders -= 1;
            } else {
                self.end(request, End::Answered);
            }
        }
    }

    fn abort(&mut self, id: LoadId) {
        let held = self.held.get_mut(&id).expect("it is in memory");
        held.is_aborted = true;
        let queue = held.queue.expect("what drains has served");
        for number in self.scheduler.close_version(queue) {
            self.end(number, End::NotBegun);
        }
        let running: Vec<usize> =
            self.runs.values().filter(|run| run.load == id).flat_map(|run| run.requests.clone()).collect();
        for number in running {
            // The caller is told now; the run goes on holding the version.
            self.requests[number].end = Some((End::Aborted, self.now));
        }
    }

    fn end(&mut self, number: usize, end: End) {
        let request = &mut self.requests[number];
        assert_eq!(request.end, None, "nobody is told twice");
        request.end = Some((end, self.now));
        let held = self.held.get_mut(&request.load).expect("a request holds its version");
        assert_eq!(held.serial, request.serial, "and not another that has its number");
        held.holders -= 1;
        if end == End::Aborted || (end == End::NotBegun && held.is_aborted) {
            let retired = held.retired.expect("only what was retired is aborted");
            assert!(self.now - retired >= DRAIN_TIMEOUT, "nobody is cut off before the drain timeout");
        }
    }

    /// Says which versions nothing holds any more.
    fn let_go(&mut self) {
        loop {
            let is_draining = |id: &LoadId| {
                self.reconciler
                    .loads()
                    .get(id)
                    .is_some_and(|load| matches!(load.life.state(), crate::plane::VersionState::Draining { .. }))
            };
            let idle = self.held.iter().find(|(id, held)| held.holders == 0 && is_draining(id)).map(|(id, _)| *id);
            let Some(id) = idle else { return };
            self.step(On::Load(id, Life::Idle));
        }
    }
}

#[test]
fn whatever_fails_nobody_is_lost_and_no_memory_is_kept() {
    let (mut answered, mut not_begun, mut aborted) = (0, 0, 0);
    let (mut published, mut disk_full, mut failed) = (0, 0, 0);
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
    }
    assert!(answered > 100_000 && not_begun > 1_000 && aborted > 500, "{answered} {not_begun} {aborted}");
    assert!(published > 4_000 && disk_full > 200 && failed > 500, "{published} {disk_full} {failed}");
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
