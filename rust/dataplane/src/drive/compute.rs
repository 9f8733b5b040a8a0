//! The compute threads: they run what is too dear for the threads that read requests, or not urgent, such as shadows.

mod deliver;

use super::clock::Clock;
use super::execute::{Request, execute};
use super::inbox::{Inbox, Reply, Ticket};
use super::niceness::give_way;
use super::workers::Workers;
use crate::shadow::{Copied, Launch};
use bytes::BytesMut;
use deliver::expire;
pub use deliver::{deadline_expired, deliver, observe_unrun};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tidegate_core::oip::request::Head;
use tidegate_core::plane::{Depth, Next, Refusal, RequestKey, Scheduler, Slots, VersionKey, VersionPolicy, Waiting};

/// A request in the queue, and where its reply goes.
pub struct Job {
    pub request: Request,
    pub origin: Origin,
}

/// Who waits for a reply.
pub enum Origin {
    Caller {
        inbox: Arc<Inbox>,
        ticket: Ticket,
    },
    /// Nobody: it is compared with the answer of the primary.
    Shadow(Box<Copied>),
}

impl AsRef<Request> for Job {
    fn as_ref(&self) -> &Request {
        &self.request
    }
}

struct State {
    scheduler: Scheduler<Job>,
    /// Large copies, to be read by any thread before it looks for a run. What they hold bounds how many there are.
    launches: VecDeque<Launch>,
    slots: Slots,
    /// Threads there are, and threads there should be.
    threads: usize,
    wanted: usize,
    /// What each thread runs versions with, for as long as the thread is there.
    seats: Vec<Weak<Mutex<Workers>>>,
    is_over: bool,
}

/// The queues of all versions and the threads that empty them.
pub struct Compute {
    /// How its threads are called.
    name: &'static str,
    /// How willingly they give way to others: 0 to 19, as the system's nice value.
    niceness: i32,
    state: Mutex<State>,
    work: Condvar,
}

/// More threads than this only cost memory: what they could run at once is bounded by the slots.
const MOST_THREADS: usize = 128;

impl Compute {
    /// Queues whose threads begin `at_once` runs side by side.
    pub fn new(name: &'static str, at_once: usize, niceness: i32) -> Self {
        let (scheduler, slots) = (Scheduler::new(), Slots::new(at_once));
        let launches = VecDeque::new();
        let state = State { scheduler, launches, slots, threads: 0, wanted: 0, seats: Vec::new(), is_over: false };
        Self { name, niceness, state: Mutex::new(state), work: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add_version(&self, policy: VersionPolicy) -> VersionKey {
        self.lock().scheduler.add_version(policy)
    }

    /// Queues a job, or hands it back with the reason why not.
    pub fn submit(&self, now: u64, job: Job) -> Result<RequestKey, (Refusal, Box<Job>)> {
        self.submit_to(job.request.version().queue, now, job)
    }

    /// Queues a job in a queue of its version's choice.
    pub fn submit_to(&self, queue: VersionKey, now: u64, job: Job) -> Result<RequestKey, (Refusal, Box<Job>)> {
        let cost = job.request.version().cost.predict(job.request.plan.elements);
        let waiting = Waiting {
            rows: job.request.plan.rows,
            bytes: job.request.bytes(),
            shape: job.request.plan.shape,
            cost,
            deadline: job.request.deadline,
            level: job.request.level,
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

    /// Has a large copy read on one of the threads, unless its version is taken out of service.
    pub fn launch(&self, launch: Launch) {
        let mut state = self.lock();
        if state.scheduler.is_open(launch.destination()) {
            state.launches.push_back(launch);
            drop(state);
            self.work.notify_one();
        } else {
            drop(state);
            launch.abandon();
        }
    }

    /// Takes a job out of its queue, if it still waits.
    pub fn cancel(&self, key: RequestKey) -> Option<Job> {
        self.lock().scheduler.cancel(key)
    }

    pub fn depth(&self, version: VersionKey) -> Depth {
        self.lock().scheduler.depth(version)
    }

    /// Empties the queue of a version and refuses what comes next. Copies on their way to it are let go.
    pub fn close(&self, version: VersionKey) -> Vec<Job> {
        let mut state = self.lock();
        let jobs = state.scheduler.close_version(version);
        let launches = std::mem::take(&mut state.launches);
        let (homeless, others): (Vec<_>, Vec<_>) =
            launches.into_iter().partition(|launch| launch.destination() == version);
        state.launches = others.into();
        drop(state);
        homeless.into_iter().for_each(Launch::abandon);
        jobs
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.lock().scheduler.is_idle()
    }

    /// Whether a run is under way.
    pub fn is_running(&self) -> bool {
        self.lock().scheduler.running() > 0
    }

    /// Lets the threads go home once what they run has ended.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.work.notify_all();
    }

    /// Sees to it that there is a thread for each of `instances` runs, so that slow versions leave a thread to the
    /// others. Threads that are too many go home when they next look.
    ///
    /// # Errors
    /// The system refuses a thread; there are as many as before.
    pub fn staff(self: &Arc<Self>, instances: u64, clock: &Arc<dyn Clock>) -> std::io::Result<()> {
        let wanted = (instances as usize).clamp(1, MOST_THREADS);
        let (before, missing) = {
            let mut state = self.lock();
            let before = std::mem::replace(&mut state.wanted, wanted);
            let missing = wanted.saturating_sub(state.threads);
            state.threads += missing;
            (before, missing)
        };
        self.work.notify_all();
        for index in 0..missing {
            let workers: Arc<Mutex<Workers>> = Arc::default();
            self.lock().seats.push(Arc::downgrade(&workers));
            let (compute, clock) = (Arc::clone(self), Arc::clone(clock));
            let thread = Thread { compute, clock, workers, head: Head::default(), out: BytesMut::new() };
            let named = std::thread::Builder::new().name(format!("{}-{}", self.name, wanted - missing + index));
            if let Err(error) = named.spawn(move || thread.work()) {
                // Those that were started go home again: the system has no threads to spare.
                let mut state = self.lock();
                state.threads -= missing - index;
                state.wanted = before;
                drop(state);
                self.work.notify_all();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Empties the seats of versions that are being unloaded, for the threads: each may be in a long run of another version.
    pub fn leave_seats(&self) {
        let seats = {
            let mut state = self.lock();
            state.seats.retain(|workers| workers.strong_count() > 0);
            state.seats.clone()
        };
        for workers in seats.iter().filter_map(Weak::upgrade) {
            workers.lock().unwrap_or_else(PoisonError::into_inner).leave();
        }
    }
}

struct Thread {
    compute: Arc<Compute>,
    clock: Arc<dyn Clock>,
    /// Locked by the thread between runs only, and for a moment.
    workers: Arc<Mutex<Workers>>,
    head: Head,
    out: BytesMut,
}

impl Thread {
    fn work(mut self) {
        let compute = Arc::clone(&self.compute);
        give_way(compute.niceness);
        let mut state = compute.lock();
        while !state.is_over {
            if state.threads > state.wanted {
                state.threads -= 1;
                return;
            }
            let now = self.clock.now();
            if let Some(launch) = state.launches.pop_front() {
                drop(state);
                // What a defect costs is this copy, which is counted as lost.
                drop(catch_unwind(AssertUnwindSafe(|| launch.go(&compute, &mut self.head, now))));
                state = compute.lock();
                continue;
            }
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
                    expire(batch.expired, self.clock.as_ref());
                    let jobs: Vec<Job> = batch.requests.into_iter().map(|(_, job)| job).collect();
                    self.run(jobs);
                    let took = self.clock.now() - now;
                    state = compute.lock();
                    state.slots.end(now);
                    state.scheduler.finished(batch.version, took);
                }
                Next::Expired(jobs) => {
                    drop(state);
                    expire(jobs, self.clock.as_ref());
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

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&mut self, jobs: Vec<Job>) {
        let version = Arc::clone(jobs[0].request.version());
        let mut seat = self.workers().take(&version);
        let mut replies: Vec<Option<Reply>> = jobs.iter().map(|_| None).collect();
        execute(&version, seat.worker(), &jobs, &mut self.out, self.clock.as_ref(), &mut |index, reply| {
            replies[index] = Some(reply);
        });
        self.workers().put_back(version.slot, seat);
        deliver(jobs.into_iter().zip(replies).filter_map(|(job, reply)| Some((job, reply?))));
    }
}

#[cfg(test)]
mod tests;
