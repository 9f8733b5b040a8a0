//! The compute threads: they run what is too dear for the threads that read requests.

use super::clock::Clock;
use super::execute::{Request, execute};
use super::inbox::{Inbox, Reply, Ticket};
use super::snapshot::Version;
use crate::runtime::Worker;
use bytes::BytesMut;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::plane::{Depth, Next, Refusal, RequestKey, Scheduler, Slots, VersionKey, VersionPolicy, Waiting};

/// A request in the queue, and where its reply goes.
pub struct Job {
    pub request: Request,
    pub inbox: Arc<Inbox>,
    pub ticket: Ticket,
}

impl AsRef<Request> for Job {
    fn as_ref(&self) -> &Request {
        &self.request
    }
}

struct State {
    scheduler: Scheduler<Job>,
    slots: Slots,
    is_over: bool,
}

/// The queues of all versions and the threads that empty them.
pub struct Compute {
    state: Mutex<State>,
    work: Condvar,
}

/// More threads than this only cost memory: what they could run at once is bounded by the slots.
const MOST_THREADS: usize = 128;

impl Compute {
    /// Queues whose threads begin `at_once` runs side by side.
    pub fn new(at_once: usize) -> Self {
        let state = State { scheduler: Scheduler::new(), slots: Slots::new(at_once), is_over: false };
        Self { state: Mutex::new(state), work: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add_version(&self, policy: VersionPolicy) -> VersionKey {
        self.lock().scheduler.add_version(policy)
    }

    /// Queues a job, or hands it back with the reason why not.
    pub fn submit(&self, now: u64, job: Job) -> Result<RequestKey, (Refusal, Box<Job>)> {
        let version = job.request.version();
        let (queue, cost) = (version.queue, version.cost.predict(job.request.plan.elements));
        let waiting = Waiting {
            rows: job.request.plan.rows,
            bytes: job.request.bytes(),
            shape: job.request.plan.shape,
            cost,
            deadline: job.request.deadline,
            payload: job,
        };
        let mut state = self.lock();
        let key = state.scheduler.arrive(now, queue, waiting).map_err(|(refusal, job)| (refusal, Box::new(job)))?;
        let wake = state.scheduler.has_free_instance(queue);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(key)
    }

    /// Takes a job out of its queue, if it still waits.
    pub fn cancel(&self, key: RequestKey) -> Option<Job> {
        self.lock().scheduler.cancel(key)
    }

    pub fn depth(&self, version: VersionKey) -> Depth {
        self.lock().scheduler.depth(version)
    }

    /// Empties the queue of a version and refuses what comes next.
    pub fn close(&self, version: VersionKey) -> Vec<Job> {
        self.lock().scheduler.close_version(version)
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.lock().scheduler.is_idle()
    }

    /// Lets the threads go home once what they run has ended.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.work.notify_all();
    }

    /// Starts a thread for every instance of every version, so that slow versions leave a thread to the others.
    pub fn start(self: &Arc<Self>, versions: &[Arc<Version>], clock: &Arc<dyn Clock>) -> std::io::Result<()> {
        let instances: u64 = versions.iter().map(|version| version.settings.instances).sum();
        let count = (instances as usize).clamp(1, MOST_THREADS);
        (0..count).try_for_each(|index| {
            let thread = Thread {
                compute: Arc::clone(self),
                clock: Arc::clone(clock),
                workers: versions.iter().map(|_| None).collect(),
                versions: versions.to_vec(),
                out: BytesMut::new(),
            };
            let named = std::thread::Builder::new().name(format!("tidegate-run-{index}"));
            named.spawn(move || thread.work()).map(drop)
        })
    }
}

struct Thread {
    compute: Arc<Compute>,
    clock: Arc<dyn Clock>,
    versions: Vec<Arc<Version>>,
    workers: Vec<Option<Box<dyn Worker>>>,
    out: BytesMut,
}

impl Thread {
    fn work(mut self) {
        let compute = Arc::clone(&self.compute);
        let mut state = compute.lock();
        while !state.is_over {
            let now = self.clock.now();
            if state.scheduler.waiting() == 0 {
                state = compute.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if let Err(at) = state.slots.may_begin(now) {
                let pause = Duration::from_nanos(at - now);
                state = compute.work.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            match state.scheduler.next(now) {
                Next::Run(batch) => {
                    state.slots.begin(now);
                    drop(state);
                    expire(&batch.expired);
                    let slot = batch.requests[0].1.request.version().slot;
                    let jobs: Vec<Job> = batch.requests.into_iter().map(|(_, job)| job).collect();
                    self.run(slot, &jobs);
                    drop(jobs);
                    let took = self.clock.now() - now;
                    state = compute.lock();
                    state.slots.end(now);
                    state.scheduler.finished(batch.version, took);
                }
                Next::Expired(jobs) => {
                    drop(state);
                    expire(&jobs);
                    state = compute.lock();
                }
                Next::Wait { until: None } => {
                    state = compute.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Next::Wait { until: Some(until) } => {
                    let pause = Duration::from_nanos(until.saturating_sub(now));
                    state = compute.work.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn run(&mut self, slot: usize, jobs: &[Job]) {
        let version = &self.versions[slot];
        let worker = self.workers[slot].get_or_insert_with(|| version.model.worker());
        let mut replies: Vec<Option<Reply>> = jobs.iter().map(|_| None).collect();
        execute(version, worker.as_mut(), jobs, &mut self.out, self.clock.as_ref(), &mut |index, reply| {
            replies[index] = Some(reply);
        });
        deliver(jobs.iter().zip(replies).filter_map(|(job, reply)| Some((job, reply?))));
    }
}

fn expire(jobs: &[Job]) {
    deliver(jobs.iter().map(|job| (job, Reply::fault(deadline_expired()))));
}

/// The fault of a request whose time ran out in the queue.
pub fn deadline_expired() -> Fault {
    Fault::new(
        Reason::DeadlineExpired,
        "the deadline passed before the request could run; allow more time or send less",
    )
}

/// Replies on their way to one front thread.
struct Parcel {
    inbox: Arc<Inbox>,
    replies: Vec<(Ticket, Reply)>,
}

/// Hands replies to their threads, waking each once.
fn deliver<'a>(replies: impl Iterator<Item = (&'a Job, Reply)>) {
    let mut parcels: Vec<Parcel> = Vec::new();
    for (job, reply) in replies {
        match parcels.iter_mut().find(|parcel| Arc::ptr_eq(&parcel.inbox, &job.inbox)) {
            Some(parcel) => parcel.replies.push((job.ticket, reply)),
            None => parcels.push(Parcel { inbox: Arc::clone(&job.inbox), replies: vec![(job.ticket, reply)] }),
        }
    }
    for parcel in &mut parcels {
        parcel.inbox.deliver(&mut parcel.replies);
    }
}

#[cfg(test)]
mod tests;
