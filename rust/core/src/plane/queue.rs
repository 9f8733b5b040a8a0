//! What waits for one version at one level of priority: one line in order of arrival, and in it one chain per shape.

use std::collections::VecDeque;

use super::arena::{Arena, Key, NONE};
use super::waiters::{By, List, Waiter};
use super::{Map, Nanos};

/// How one version may be run and how much may wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionPolicy {
    /// Whether requests may share a run. Off: one request a run, whatever its rows.
    pub batching: bool,
    /// Most rows of a run that several requests share; 0 counts as 1. A request with more rows runs alone.
    pub max_rows: u32,
    /// How long a request may wait for others to fill its batch; 0: it never waits for company.
    pub max_delay: Nanos,
    /// Most runs of the version at once; 0 counts as 1.
    pub instances: u32,
    /// Most requests waiting.
    pub max_requests: u32,
    /// Most bytes of waiting requests. A single request above it is always refused.
    pub max_bytes: u64,
    /// Levels of priority; 0 counts as 1.
    pub levels: u8,
}

/// One request that wants to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<T> {
    pub rows: u32,
    pub bytes: u64,
    /// Requests with different shapes never share a run.
    pub shape: u64,
    /// Predicted nanoseconds of running it.
    pub cost: Nanos,
    /// The time from which on it must not be started.
    pub deadline: Nanos,
    /// How urgent it is: 0 goes first.
    pub level: u8,
    pub payload: T,
}

/// Why a request may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// `max_requests` are waiting already.
    QueueFull,
    /// Its bytes do not fit into what `max_bytes` leaves.
    QueueBytesFull,
    /// The version was closed, or never existed.
    Closed,
}

/// How much waits and runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub requests: u32,
    pub rows: u64,
    pub bytes: u64,
    /// Runs begun and not finished.
    pub running: u32,
}

/// The waiting requests of one shape.
struct Chain {
    list: List,
    requests: u32,
    rows: u64,
}

/// Whether something may be run, and if so which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Empty,
    /// The oldest request still waits for company, until then.
    At(Nanos),
    Now(u64),
}

/// What was taken out of the queue in one go; `requests` may be empty when all that was found had expired.
pub(super) struct Taken<T> {
    pub(super) requests: Vec<(Key, T)>,
    pub(super) expired: Vec<T>,
    pub(super) rows: u64,
    pub(super) cost: Nanos,
}

/// The queue of one level. All its waiters live in the arena that is handed in.
pub(super) struct Queue {
    policy: VersionPolicy,
    line: List,
    chains: Map<u64, Chain>,
    /// The shapes with a full batch, in the order they became full; kept only if requests wait for company.
    full: VecDeque<u64>,
    requests: u32,
    rows: u64,
    bytes: u64,
}

impl Queue {
    pub(super) fn new(policy: VersionPolicy) -> Self {
        let policy = VersionPolicy {
            max_rows: policy.max_rows.max(1),
            instances: policy.instances.max(1),
            max_delay: if policy.batching { policy.max_delay } else { 0 },
            ..policy
        };
        Self {
            policy,
            line: List::EMPTY,
            chains: Map::default(),
            full: VecDeque::new(),
            requests: 0,
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn instances(&self) -> u32 {
        self.policy.instances
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests == 0
    }

    pub(super) fn depth(&self, running: u32) -> Depth {
        Depth { requests: self.requests, rows: self.rows, bytes: self.bytes, running }
    }

    /// Whether there is room for a request of so many bytes beside what waits.
    pub(super) fn admit(&self, requests: u32, waiting: u64, bytes: u64) -> Result<(), Refusal> {
        if requests >= self.policy.max_requests {
            Err(Refusal::QueueFull)
        } else if waiting.saturating_add(bytes) > self.policy.max_bytes {
            Err(Refusal::QueueBytesFull)
        } else {
            Ok(())
        }
    }

    /// Appends the waiter at `index` of the arena.
    pub(super) fn push<T>(&mut self, arena: &mut Arena<Waiter<T>>, index: u32) {
        let Waiting { rows, bytes, shape, .. } = arena.at(index).waiting;
        self.line.push(By::Arrival, arena, index);
        let chain = self.chains.entry(shape).or_insert(Chain { list: List::EMPTY, requests: 0, rows: 0 });
        chain.list.push(By::Shape, arena, index);
        let was_full = chain.rows >= u64::from(self.policy.max_rows);
        chain.requests += 1;
        chain.rows += u64::from(rows);
        if self.policy.max_delay > 0 && !was_full && chain.rows >= u64::from(self.policy.max_rows) {
            self.full.push_back(shape);
        }
        self.requests += 1;
        self.rows += u64::from(rows);
        self.bytes += bytes;
    }

    /// Takes the waiter at `key` out of its lists and out of the arena.
    pub(super) fn remove<T>(&mut self, arena: &mut Arena<Waiter<T>>, key: Key) -> Waiting<T> {
        let shape = arena.at(key.index).waiting.shape;
        self.line.unlink(By::Arrival, arena, key.index);
        let chain = self.chains.get_mut(&shape).expect("a waiter's shape has a chain");
        chain.list.unlink(By::Shape, arena, key.index);
        let waiting = arena.remove(key).expect("the caller found it there").waiting;
        let was_full = chain.rows >= u64::from(self.policy.max_rows);
        chain.requests -= 1;
        chain.rows -= u64::from(waiting.rows);
        if self.policy.max_delay > 0 && was_full && chain.rows < u64::from(self.policy.max_rows) {
            self.full.retain(|full| *full != shape);
        }
        if chain.requests == 0 {
            self.chains.remove(&shape);
        }
        self.requests -= 1;
        self.rows -= u64::from(waiting.rows);
        self.bytes -= waiting.bytes;
        waiting
    }

    /// When its oldest request arrived.
    pub(super) fn oldest<T>(&self, arena: &Arena<Waiter<T>>) -> Nanos {
        if self.requests == 0 { Nanos::MAX } else { arena.at(self.line.first).arrived }
    }

    /// Which shape is next. The oldest request decides, so no shape starves; while it still waits for company, a
    /// batch of another shape that is full already may go.
    pub(super) fn readiness<T>(&self, arena: &Arena<Waiter<T>>, now: Nanos) -> Readiness {
        if self.requests == 0 {
            return Readiness::Empty;
        }
        let oldest = arena.at(self.line.first);
        let due = oldest.arrived.saturating_add(self.policy.max_delay);
        if due <= now {
            return Readiness::Now(oldest.waiting.shape);
        }
        self.full.front().map_or(Readiness::At(due), |shape| Readiness::Now(*shape))
    }

    /// Takes the next batch of that shape: in order of arrival, as many as fit, without those that are too late.
    pub(super) fn take<T>(&mut self, arena: &mut Arena<Waiter<T>>, shape: u64, now: Nanos) -> Taken<T> {
        let mut taken = Taken { requests: Vec::new(), expired: Vec::new(), rows: 0, cost: 0 };
        let Some(chain) = self.chains.get(&shape) else { return taken };
        let mut index = chain.list.first;
        let most = if self.policy.batching { chain.requests.min(self.policy.max_rows) } else { 1 };
        taken.requests.reserve_exact(most as usize);
        while index != NONE {
            let waiter = arena.at(index);
            let next = waiter.next(By::Shape);
            let key = arena.key(index);
            if waiter.waiting.deadline <= now {
                taken.expired.push(self.remove(arena, key).payload);
            } else if taken.requests.is_empty() || self.fits(taken.rows, waiter.waiting.rows) {
                let waiting = self.remove(arena, key);
                taken.rows += u64::from(waiting.rows);
                taken.cost = taken.cost.saturating_add(waiting.cost);
                taken.requests.push((key, waiting.payload));
            } else {
                break;
            }
            index = next;
        }
        taken
    }

    fn fits(&self, rows: u64, more: u32) -> bool {
        self.policy.batching && rows + u64::from(more) <= u64::from(self.policy.max_rows)
    }

    /// Takes everything, oldest first.
    pub(super) fn drain<T>(&mut self, arena: &mut Arena<Waiter<T>>) -> Vec<T> {
        let mut payloads = Vec::with_capacity(self.requests as usize);
        while self.line.first != NONE {
            let key = arena.key(self.line.first);
            payloads.push(self.remove(arena, key).payload);
        }
        payloads
    }
}
