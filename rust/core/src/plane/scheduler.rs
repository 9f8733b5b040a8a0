//! Which waiting requests run next, across all versions: batch while busy, versions in turn.
//!
//! A thread that becomes idle asks [`Scheduler::next`] and gets a whole batch: what waits at the head of one version,
//! of one shape, in order of arrival. Nothing waits for a batch to fill unless the version's `max_delay` asks for it.
//! Which version is served is decided by deficit round robin ([`super::turns`]), so that a heavy version delays a
//! light one by at most the run it has begun.
//!
//! The threads share a scheduler under one mutex. Each call takes constant time but for the requests it moves and the
//! versions with something waiting, and allocates only what it returns.

use super::Nanos;
use super::arena::{Arena, Key};
use super::levels::{Levels, Pick, Ready};
use super::queue::{Depth, Refusal, Taken, VersionPolicy, Waiting};
use super::turns::Account;
use super::waiters::Waiter;

/// A version in a [`Scheduler`]; it goes stale when the version is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionKey(Key);

/// A waiting request in a [`Scheduler`]; it goes stale when the request is taken, cancelled or returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestKey(Key);

/// What a thread shall run in one go.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch<T> {
    pub version: VersionKey,
    pub shape: u64,
    /// The sum of the requests' rows; above `max_rows` only if a single request is larger.
    pub rows: u64,
    /// At least one request, in order of arrival. The keys are stale already: they name what can be cancelled no more.
    pub requests: Vec<(RequestKey, T)>,
    /// Requests that were found too late on the way, to be answered so.
    pub expired: Vec<T>,
    /// The sum of the requests' predicted costs.
    pub cost: Nanos,
}

/// The answer to "what shall I do now".
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Run it, then say [`Scheduler::finished`].
    Run(Batch<T>),
    /// Nothing to run here, but these are too late: answer them and ask again.
    Expired(Vec<T>),
    /// Nothing to do before that time, or before the next arrival or end of a run.
    Wait { until: Option<Nanos> },
}

/// One version: its queue, its share, and whether it was closed while runs were going on.
struct Lane {
    queue: Levels,
    account: Account,
    is_closed: bool,
}

impl Lane {
    fn has_free_instance(&self) -> bool {
        self.account.running() < self.queue.instances()
    }
}

/// The waiting requests of all versions. `T` is what the caller wants back with each of them.
pub struct Scheduler<T> {
    waiters: Arena<Waiter<T>>,
    lanes: Arena<Lane>,
    /// The versions with something waiting, in the order in which their queues became busy: tens at most.
    busy: Vec<Key>,
    running: usize,
}

impl<T> Default for Scheduler<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Scheduler<T> {
    pub fn new() -> Self {
        Self { waiters: Arena::new(), lanes: Arena::new(), busy: Vec::new(), running: 0 }
    }

    /// Opens a queue for a version.
    pub fn add_version(&mut self, policy: VersionPolicy) -> VersionKey {
        let lane = Lane { queue: Levels::new(policy), account: Account::default(), is_closed: false };
        VersionKey(self.lanes.insert(lane))
    }

    /// Closes the queue of a version and returns all that waited in it, oldest first. Runs that were begun end with
    /// [`Scheduler::finished`] as usual; arrivals are refused from now on. A stale key returns nothing.
    pub fn close_version(&mut self, version: VersionKey) -> Vec<T> {
        let Some(lane) = self.lanes.get_mut(version.0) else { return Vec::new() };
        let payloads = lane.queue.drain(&mut self.waiters);
        lane.is_closed = true;
        if lane.account.running() == 0 {
            self.lanes.remove(version.0);
        }
        self.leave(version.0);
        payloads
    }

    /// Whether the queue of a version takes arrivals.
    pub fn is_open(&self, version: VersionKey) -> bool {
        self.lanes.get(version.0).is_some_and(|lane| !lane.is_closed)
    }

    /// Puts a request at the end of its version's queue, or hands its payload back with the reason why not.
    pub fn arrive(&mut self, now: Nanos, version: VersionKey, waiting: Waiting<T>) -> Result<RequestKey, (Refusal, T)> {
        let lane = match self.lanes.get_mut(version.0) {
            Some(lane) if !lane.is_closed => lane,
            _ => return Err((Refusal::Closed, waiting.payload)),
        };
        if let Err(refusal) = lane.queue.admit(waiting.bytes) {
            return Err((refusal, waiting.payload));
        }
        if lane.queue.is_empty() {
            self.busy.push(version.0);
        }
        let key = self.waiters.insert(Waiter::new(waiting, version.0, now));
        lane.queue.push(&mut self.waiters, key.index);
        Ok(RequestKey(key))
    }

    /// Takes a request out of its queue if it still waits there; its place and bytes are free at once.
    pub fn cancel(&mut self, request: RequestKey) -> Option<T> {
        let version = self.waiters.get(request.0)?.version;
        let lane = self.lanes.get_mut(version).expect("a lane with waiters exists");
        let waiting = lane.queue.remove(&mut self.waiters, request.0);
        if lane.queue.is_empty() {
            self.leave(version);
        }
        Some(waiting.payload)
    }

    /// What an idle thread shall do now.
    pub fn next(&mut self, now: Nanos) -> Next<T> {
        let (key, pick) = match self.choose(now) {
            Choice::Chosen(key, pick) => (key, pick),
            Choice::Wait(until) => return Next::Wait { until },
            Choice::Pay(rounds) => {
                self.pay(rounds);
                match self.choose(now) {
                    Choice::Chosen(key, pick) => (key, pick),
                    Choice::Pay(_) | Choice::Wait(_) => unreachable!("the rounds were counted to give somebody credit"),
                }
            }
        };
        let lane = self.lanes.get_mut(key).expect("a busy lane exists");
        let Taken { requests, expired, rows, cost } = lane.queue.take(&mut self.waiters, pick, now);
        if !requests.is_empty() {
            lane.account.begin(cost);
            self.running += 1;
        }
        if lane.queue.is_empty() {
            self.leave(key);
        }
        if requests.is_empty() {
            return Next::Expired(expired);
        }
        let requests = requests.into_iter().map(|(key, payload)| (RequestKey(key), payload)).collect();
        Next::Run(Batch { version: VersionKey(key), shape: pick.shape, rows, requests, expired, cost })
    }

    /// A run of the version ended after so many nanoseconds, well or badly. Ends that belong to no run are ignored.
    pub fn finished(&mut self, version: VersionKey, actual_cost: Nanos) {
        let Some(lane) = self.lanes.get_mut(version.0) else { return };
        if lane.account.running() == 0 {
            return;
        }
        lane.account.end(actual_cost);
        self.running -= 1;
        if lane.is_closed && lane.account.running() == 0 {
            self.lanes.remove(version.0);
        }
    }

    /// What waits and runs of a version; all zero for a stale key.
    pub fn depth(&self, version: VersionKey) -> Depth {
        self.lanes.get(version.0).map_or_else(Depth::default, |lane| lane.queue.depth(lane.account.running()))
    }

    /// Whether the version has an instance free: if not, an arrival need not wake a thread.
    pub fn has_free_instance(&self, version: VersionKey) -> bool {
        self.lanes.get(version.0).is_some_and(Lane::has_free_instance)
    }

    /// How many requests wait, over all versions.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// How many runs are under way, over all versions.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.waiters.len() == 0 && self.running == 0
    }

    /// The first busy version that may run and has credit.
    fn choose(&self, now: Nanos) -> Choice {
        let mut rounds = None;
        let mut until = None;
        for key in &self.busy {
            let lane = self.lanes.get(*key).expect("a busy lane exists");
            if !lane.has_free_instance() {
                continue;
            }
            match lane.queue.readiness(&self.waiters, now) {
                Ready::Now(pick) if lane.account.has_credit() => return Choice::Chosen(*key, pick),
                Ready::Now(_) => earliest(&mut rounds, lane.account.rounds_to_credit()),
                Ready::At(due) => earliest(&mut until, due),
                Ready::Empty => {}
            }
        }
        rounds.map_or(Choice::Wait(until), Choice::Pay)
    }

    fn leave(&mut self, version: Key) {
        self.busy.retain(|key| *key != version);
    }

    fn pay(&mut self, rounds: u64) {
        for lane in self.lanes.values_mut() {
            lane.account.pay(rounds);
        }
    }
}

enum Choice {
    Chosen(Key, Pick),
    /// Somebody could run, after so many rounds.
    Pay(u64),
    Wait(Option<Nanos>),
}

fn earliest(known: &mut Option<u64>, other: u64) {
    *known = Some(known.map_or(other, |known| known.min(other)));
}

#[cfg(test)]
mod tests {
    use super::{Next, Scheduler};
    use crate::plane::{VersionPolicy, Waiting};

    #[test]
    fn versions_that_come_and_go_leave_nothing_behind() {
        let policy = VersionPolicy {
            batching: true,
            max_rows: 1,
            max_delay: 0,
            instances: 1,
            max_requests: 9,
            max_bytes: 9,
            levels: 1,
        };
        let mut scheduler = Scheduler::new();
        for _ in 0..100 {
            let version = scheduler.add_version(policy);
            for payload in 0..3 {
                let waiting = Waiting { rows: 1, bytes: 1, shape: 1, cost: 1, deadline: 9, level: 0, payload };
                scheduler.arrive(0, version, waiting).expect("there is room");
            }
            assert!(matches!(scheduler.next(0), Next::Run(_)));
            assert_eq!(scheduler.close_version(version), [1, 2]);
            assert_eq!((scheduler.lanes.len(), scheduler.busy.len()), (1, 0), "a run is going on");
            scheduler.finished(version, 1);
            assert_eq!((scheduler.lanes.len(), scheduler.waiters.len()), (0, 0));
        }
    }
}
