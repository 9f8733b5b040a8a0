//! The requests of a simulated day, from their arrival to their end, and who holds what meanwhile.

use super::{DRAIN_TIMEOUT, Event, MS, ROUTES, World};
use crate::plane::{
    ChangeEvent as On, LifecycleEvent as Life, LoadId, Nanos, Next, Subject, VersionKey, VersionState, Waiting, Want,
};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    /// Refused before it began: the drain timeout came while it waited, or its own deadline.
    NotBegun,
    /// Begun, and lost to the drain timeout.
    Aborted,
    /// Its route is not served.
    NoRoute,
}

#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) load: LoadId,
    /// Which loading of the many that have this number.
    pub(super) serial: u64,
    pub(super) arrived: Nanos,
    pub(super) end: Option<(End, Nanos)>,
}

/// A loading in memory, as the fake runtime has it.
pub(super) struct Held {
    pub(super) serial: u64,
    pub(super) want: Want,
    pub(super) queue: Option<VersionKey>,
    /// When it was retired.
    pub(super) retired: Option<Nanos>,
    pub(super) is_aborted: bool,
    /// Requests that hold it: waiting or running.
    pub(super) holders: u64,
}

pub(super) struct Run {
    pub(super) version: VersionKey,
    pub(super) load: LoadId,
    pub(super) requests: Vec<usize>,
    pub(super) cost: Nanos,
}

impl World {
    pub(super) fn arrive(&mut self) {
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
        let waiting = Waiting { rows: 1, bytes: 1, shape: 1, cost: MS / 2, deadline, level: 0, payload: number };
        if self.scheduler.arrive(self.now, queue, waiting).is_err() {
            self.end(number, End::NotBegun);
        }
    }

    /// Every idle thread asks until it has a batch or is told to wait. Now and then a run hangs for a long time.
    pub(super) fn work(&mut self) {
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

    pub(super) fn run_ends(&mut self, number: u64) {
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

    pub(super) fn abort(&mut self, id: LoadId) {
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

    pub(super) fn end(&mut self, number: usize, end: End) {
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
    pub(super) fn let_go(&mut self) {
        loop {
            let is_draining = |id: &LoadId| {
                self.reconciler
                    .loads()
                    .get(id)
                    .is_some_and(|load| matches!(load.life.state(), VersionState::Draining { .. }))
            };
            let idle = self.held.iter().find(|(id, held)| held.holders == 0 && is_draining(id)).map(|(id, _)| *id);
            let Some(id) = idle else { return };
            self.step(On::Load(id, Life::Idle));
        }
    }
}
