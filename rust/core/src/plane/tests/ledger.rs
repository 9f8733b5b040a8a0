//! A scheduler beside a naive account of it: every answer is checked against everything known to wait and to run.

use std::collections::{BTreeMap, BTreeSet};

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
}

/// What a test asks to be queued.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) rows: u32,
    pub(super) bytes: u64,
    pub(super) shape: u64,
    pub(super) cost: Nanos,
    pub(super) deadline: Nanos,
}

/// The scheduler under test and its account. Payloads are serial numbers, so order of arrival is order of numbers.
#[derive(Default)]
pub(super) struct Ledger {
    scheduler: Scheduler<u64>,
    policies: BTreeMap<VersionKey, VersionPolicy>,
    waiting: BTreeMap<u64, Known>,
    stale: Vec<RequestKey>,
    running: BTreeMap<VersionKey, u32>,
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
        let expected: Vec<u64> =
            self.waiting.iter().filter(|(_, known)| known.version == version).map(|(serial, _)| *serial).collect();
        assert_eq!(self.scheduler.close_version(version), expected, "everything queued comes back, oldest first");
        self.policies.remove(&version);
        for serial in expected {
            self.leave(serial);
        }
        self.check();
    }

    pub(super) fn arrive(&mut self, now: Nanos, version: VersionKey, request: Request) -> Result<RequestKey, Refusal> {
        let Request { rows, bytes, shape, cost, deadline } = request;
        let expected = match self.policies.get(&version) {
            None => Err(Refusal::Closed),
            Some(policy) if self.depth(version).requests >= policy.max_requests => Err(Refusal::QueueFull),
            Some(policy) if self.depth(version).bytes + bytes > policy.max_bytes => Err(Refusal::QueueBytesFull),
            Some(_) => Ok(()),
        };
        let payload = self.serial;
        let answer = self.scheduler.arrive(now, version, Waiting { rows, bytes, shape, cost, deadline, payload });
        self.serial += 1;
        let answer = match answer {
            Ok(key) => {
                self.waiting.insert(payload, Known { key, version, rows, bytes, shape, arrived: now, deadline });
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
        self.check_turn(now, batch.version, batch.shape, policy);
        self.check_expired(now, &batch.expired);
        let running = self.running.entry(batch.version).or_default();
        *running += 1;
        assert!(*running <= policy.instances.max(1), "never more runs than instances");
        let numbers: Vec<u64> = batch.requests.iter().map(|(_, number)| *number).collect();
        assert!(!numbers.is_empty() && numbers.is_sorted());
        let known: Vec<Known> = numbers.iter().map(|number| self.waiting[number]).collect();
        assert!(known.iter().all(|one| one.version == batch.version && one.shape == batch.shape), "never mixed");
        assert!(known.iter().all(|one| one.deadline > now), "never too late");
        let rows: u64 = known.iter().map(|one| u64::from(one.rows)).sum();
        assert_eq!(rows, batch.rows);
        let most = u64::from(policy.max_rows.max(1));
        assert!(numbers.len() == 1 || (policy.batching && rows <= most), "above max_rows only alone");
        for number in &numbers {
            self.leave(*number);
        }
        self.ran += numbers.len() as u64;
        let mut left = self.waiting.iter().filter(|(_, one)| one.version == batch.version && one.shape == batch.shape);
        if let Some((number, one)) = left.next() {
            assert!(*number > numbers[numbers.len() - 1], "in order of arrival");
            assert!(!policy.batching || rows + u64::from(one.rows) > most, "nothing that fits is left behind");
        }
    }

    /// The shape taken is the oldest request's, unless that one may still wait for company and this one is full.
    fn check_turn(&self, now: Nanos, version: VersionKey, shape: u64, policy: VersionPolicy) {
        let oldest = self.waiting.values().find(|one| one.version == version).expect("the batch is there");
        let is_due = !policy.batching || oldest.arrived + policy.max_delay <= now;
        assert!(if is_due { oldest.shape == shape } else { self.is_full(version, shape) });
    }

    fn is_full(&self, version: VersionKey, shape: u64) -> bool {
        let same = self.waiting.values().filter(|one| one.version == version && one.shape == shape);
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
            let Some(oldest) = self.waiting.values().find(|one| one.version == *version) else { continue };
            if !free {
                continue;
            }
            let due = oldest.arrived + if policy.batching { policy.max_delay } else { 0 };
            assert!(due > now, "nobody is told to wait while something may run");
            assert!(!self.waiting.values().any(|one| one.version == *version && self.is_full(*version, one.shape)));
            first_due = Some(first_due.map_or(due, |first: Nanos| first.min(due)));
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
