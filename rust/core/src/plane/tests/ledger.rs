//! A scheduler beside a naive account of it: every answer is checked against everything known to wait and to run.

use std::collections::{BTreeMap, BTreeSet};

use crate::plane::levels::PATIENCE;
use crate::plane::{Batch, Depth, Nanos, Next, Refusal, RequestKey, Scheduler, VersionKey, VersionPolicy, Waiting};

/// A request as the account knows it.
#[derive(Clone, Copy, Debug)]
struct Known {
    key: RequestKey,
    version: VersionKey,
    rows: u32,
    bytes: u64,
    shape: u64,
    arrived: Nanos,
    deadline: Nanos,
    level: u8,
}

/// What a test asks to be queued.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) rows: u32,
    pub(super) bytes: u64,
    pub(super) shape: u64,
    pub(super) cost: Nanos,
    pub(super) deadline: Nanos,
    pub(super) level: u8,
}

/// The scheduler under test and its account. Payloads are serial numbers, so order of arrival is order of numbers.
#[derive(Default)]
pub(super) struct Ledger {
    scheduler: Scheduler<u64>,
    policies: BTreeMap<VersionKey, VersionPolicy>,
    waiting: BTreeMap<u64, Known>,
    stale: Vec<RequestKey>,
    running: BTreeMap<VersionKey, u32>,
    /// Runs of more urgent levels since somebody below was let by.
    passed: BTreeMap<VersionKey, u32>,
    serial: u64,
    /// Every number that came out, by whichever door.
    pub(super) out: BTreeSet<u64>,
    pub(super) ran: u64,
    pub(super) expired: u64,
    pub(super) refused: u64,
}

impl Ledger {
    pub(super) fn add(&mut self, policy: VersionPolicy) -> VersionKey {
        let version = self.scheduler.add_version(policy);
        assert!(self.policies.insert(version, policy).is_none(), "a key is given once");
        self.check();
        version
    }

    pub(super) fn close(&mut self, version: VersionKey) {
        let mut expected: Vec<u64> =
            self.waiting.iter().filter(|(_, known)| known.version == version).map(|(serial, _)| *serial).collect();
        expected.sort_by_key(|serial| self.waiting[serial].level);
        assert_eq!(self.scheduler.close_version(version), expected, "all comes back, each level's oldest first");
        self.passed.remove(&version);
        self.policies.remove(&version);
        for serial in expected {
            self.leave(serial);
        }
        self.check();
    }

    pub(super) fn arrive(&mut self, now: Nanos, version: VersionKey, request: Request) -> Result<RequestKey, Refusal> {
        let Request { rows, bytes, shape, cost, deadline, level } = request;
        let expected = match self.policies.get(&version) {
            None => Err(Refusal::Closed),
            Some(policy) if self.depth(version).requests >= policy.max_requests => Err(Refusal::QueueFull),
            Some(policy) if self.depth(version).bytes + bytes > policy.max_bytes => Err(Refusal::QueueBytesFull),
            Some(_) => Ok(()),
        };
        let payload = self.serial;
        let waiting = Waiting { rows, bytes, shape, cost, deadline, level, payload };
        let answer = self.scheduler.arrive(now, version, waiting);
        self.serial += 1;
        let answer = match answer {
            Ok(key) => {
                let last = self.policies[&version].levels.max(1) - 1;
                let level = level.min(last);
                self.waiting.insert(payload, Known { key, version, rows, bytes, shape, arrived: now, deadline, level });
                Ok(key)
            }
            Err((refusal, back)) => {
                assert_eq!(back, payload, "a refused payload comes back");
                assert!(self.out.insert(back));
                self.refused += 1;
                Err(refusal)
            }
        };
        assert_eq!(answer.map(|_| ()), expected);
        self.check();
        answer
    }

    /// Cancels the waiting request number `pick` (modulo), and asks for a few that are gone already.
    pub(super) fn cancel(&mut self, pick: usize) {
        if let Some(serial) = self.waiting.keys().nth(pick % self.waiting.len().max(1)).copied() {
            assert_eq!(self.scheduler.cancel(self.waiting[&serial].key), Some(serial));
            self.leave(serial);
        }
        for key in self.stale.iter().rev().take(5) {
            assert_eq!(self.scheduler.cancel(*key), None, "a stale key is harmless");
        }
        self.check();
    }

    /// Asks for work; returns the version and predicted cost of a batch to run, or whether to ask again.
    pub(super) fn next(&mut self, now: Nanos) -> Next<u64> {
        let next = self.scheduler.next(now);
        match &next {
            Next::Run(batch) => self.check_batch(now, batch),
            Next::Expired(expired) => {
                assert!(!expired.is_empty());
                self.check_expired(now, expired);
            }
            Next::Wait { until } => self.check_wait(now, *until),
        }
        self.check();
        next
    }

    pub(super) fn finish(&mut self, version: VersionKey, cost: Nanos) {
        self.scheduler.finished(version, cost);
        if let Some(running) = self.running.get_mut(&version) {
            *running = running.saturating_sub(1);
        }
        self.check();
    }

    /// The version of the run number `pick` (modulo) that has not finished.
    pub(super) fn running(&self, pick: usize) -> Option<VersionKey> {
        let busy: Vec<_> = self.running.iter().filter(|(_, runs)| **runs > 0).map(|(version, _)| *version).collect();
        (!busy.is_empty()).then(|| busy[pick % busy.len()])
    }

    pub(super) fn versions(&self) -> Vec<VersionKey> {
        self.policies.keys().copied().collect()
    }

    pub(super) fn arrived(&self) -> u64 {
        self.serial
    }

    fn check_batch(&mut self, now: Nanos, batch: &Batch<u64>) {
        let policy = self.policies[&batch.version];
        let level = self.waiting[&batch.requests[0].1].level;
        let is_let_by = self.check_level(now, batch.version, level);
        self.check_turn(now, (batch.version, level), batch.shape, policy);
        self.check_expired(now, &batch.expired);
        let running = self.running.entry(batch.version).or_default();
        *running += 1;
        assert!(*running <= policy.instances.max(1), "never more runs than instances");
        let numbers: Vec<u64> = batch.requests.iter().map(|(_, number)| *number).collect();
        assert!(!numbers.is_empty() && numbers.is_sorted());
        let known: Vec<Known> = numbers.iter().map(|number| self.waiting[number]).collect();
        let is_same = |one: &Known| (one.version, one.shape, one.level) == (batch.version, batch.shape, level);
        assert!(known.iter().all(is_same), "never mixed");
        assert!(known.iter().all(|one| one.deadline > now), "never too late");
        let rows: u64 = known.iter().map(|one| u64::from(one.rows)).sum();
        assert_eq!(rows, batch.rows);
        let most = u64::from(policy.max_rows.max(1));
        assert!(numbers.len() == 1 || (policy.batching && rows <= most), "above max_rows only alone");
        for number in &numbers {
            self.leave(*number);
        }
        self.ran += numbers.len() as u64;
        let is_below = self.waiting.values().any(|one| one.version == batch.version && one.level > level);
        let passed = self.passed.entry(batch.version).or_default();
        *passed = if is_below && !is_let_by { *passed + 1 } else { 0 };
        let mut left = self.waiting.iter().filter(|(_, one)| is_same(one));
        if let Some((number, one)) = left.next() {
            assert!(*number > numbers[numbers.len() - 1], "in order of arrival");
            assert!(!policy.batching || rows + u64::from(one.rows) > most, "nothing that fits is left behind");
        }
    }

    /// The levels of a version with something to run now, each with the arrival of its oldest.
    fn ready(&self, now: Nanos, version: VersionKey) -> Vec<(u8, Nanos)> {
        let policy = self.policies[&version];
        let levels = 0..policy.levels.max(1);
        let ready = levels.filter_map(|level| {
            let oldest = self.of(version, level).next()?;
            let due = oldest.arrived + if policy.batching { policy.max_delay } else { 0 };
            let is_full = self.of(version, level).any(|one| self.is_full((version, level), one.shape));
            (due <= now || policy.max_delay > 0 && policy.batching && is_full).then_some((level, oldest.arrived))
        });
        ready.collect()
    }

    fn of(&self, version: VersionKey, level: u8) -> impl Iterator<Item = &Known> {
        self.waiting.values().filter(move |one| one.version == version && one.level == level)
    }

    /// The most urgent level goes, or after enough runs above them the oldest below. Says which of the two it was.
    fn check_level(&self, now: Nanos, version: VersionKey, level: u8) -> bool {
        let ready = self.ready(now, version);
        let passed = self.passed.get(&version).copied().unwrap_or(0);
        let oldest_below = ready[1..].iter().min_by_key(|(level, since)| (*since, *level));
        match oldest_below {
            Some((below, _)) if passed >= PATIENCE => {
                assert_eq!(level, *below, "the oldest below is let by");
                true
            }
            _ => {
                assert_eq!(level, ready[0].0, "the most urgent goes first");
                false
            }
        }
    }

    /// The shape taken is the oldest request's of its level, unless that one may still wait for company and this is full.
    fn check_turn(&self, now: Nanos, lane: (VersionKey, u8), shape: u64, policy: VersionPolicy) {
        let oldest = self.of(lane.0, lane.1).next().expect("the batch is there");
        let is_due = !policy.batching || oldest.arrived + policy.max_delay <= now;
        assert!(if is_due { oldest.shape == shape } else { self.is_full(lane, shape) });
    }

    fn is_full(&self, (version, level): (VersionKey, u8), shape: u64) -> bool {
        let same = self.of(version, level).filter(|one| one.shape == shape);
        same.map(|one| u64::from(one.rows)).sum::<u64>() >= u64::from(self.policies[&version].max_rows.max(1))
    }

    fn check_expired(&mut self, now: Nanos, expired: &[u64]) {
        for number in expired {
            assert!(self.waiting[number].deadline <= now, "expired means too late");
            self.leave(*number);
        }
        self.expired += expired.len() as u64;
    }

    fn check_wait(&self, now: Nanos, until: Option<Nanos>) {
        let mut first_due = None;
        for (version, policy) in &self.policies {
            let free = self.running.get(version).copied().unwrap_or(0) < policy.instances.max(1);
            if !free {
                continue;
            }
            assert_eq!(self.ready(now, *version), [], "nobody is told to wait while something may run");
            let own = self.waiting.values().filter(|one| one.version == *version);
            if let Some(due) = own.map(|one| one.arrived + if policy.batching { policy.max_delay } else { 0 }).min() {
                first_due = Some(first_due.map_or(due, |first: Nanos| first.min(due)));
            }
        }
        assert_eq!(until, first_due);
    }

    fn leave(&mut self, number: u64) {
        let known = self.waiting.remove(&number).expect("it comes out once");
        assert!(self.out.insert(number), "it comes out once");
        self.stale.push(known.key);
    }

    fn depth(&self, version: VersionKey) -> Depth {
        let mut depth = Depth { running: self.running.get(&version).copied().unwrap_or(0), ..Depth::default() };
        for one in self.waiting.values().filter(|one| one.version == version) {
            depth.requests += 1;
            depth.rows += u64::from(one.rows);
            depth.bytes += one.bytes;
        }
        depth
    }

    /// What must be so after every step.
    fn check(&self) {
        for (version, policy) in &self.policies {
            let depth = self.depth(*version);
            assert_eq!(self.scheduler.depth(*version), depth);
            assert_eq!(self.scheduler.has_free_instance(*version), depth.running < policy.instances.max(1));
        }
        let idle = self.waiting.is_empty() && self.running.values().all(|runs| *runs == 0);
        assert_eq!(self.scheduler.is_idle(), idle);
        assert_eq!(self.out.len() + self.waiting.len(), self.serial as usize, "nothing is lost");
    }
}
