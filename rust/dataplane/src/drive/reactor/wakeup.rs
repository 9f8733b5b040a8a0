//! All that arrived in one wake-up: run here and now while it is cheap, queued otherwise.

use super::queued::cancelled;
use super::{Pending, Reactor};
use crate::drive::compute::deadline_expired;
use crate::drive::execute::execute;
use crate::drive::inbox::Reply;
use crate::drive::snapshot::Version;
use rustix::time::{ClockId, clock_gettime};
use std::rc::Rc;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::plane::Nanos;

impl Reactor {
    /// Runs or queues everything that was set aside.
    pub(super) fn flush(self: &Rc<Self>) {
        let mut pending = std::mem::take(&mut *self.pending.borrow_mut());
        let now = self.plane.clock.now();
        let kind = |pending: &Pending| (pending.request.version().slot, pending.request.plan.shape);
        // Almost always one model and one shape: then nothing moves.
        if pending.iter().any(|other| kind(other) != kind(&pending[0])) {
            pending.sort_by_key(kind);
        }
        // The budget is that of the wake-up: however many models it brought, the sockets are looked at again after it.
        let mut spent = 0;
        while let Some(first) = pending.first() {
            let first = kind(first);
            let rest = pending.split_off(pending.partition_point(|other| kind(other) <= first));
            self.flush_group(pending, now, &mut spent);
            pending = rest;
        }
    }

    fn flush_group(self: &Rc<Self>, mut group: Vec<Pending>, now: Nanos, spent: &mut Nanos) {
        let version = Arc::clone(group[0].request.version());
        loop {
            let (count, elements) = next_batch(&version, &group);
            if count == 0 {
                return;
            }
            let predicted = version.cost.predict(elements);
            if !version.gate.allows(*spent + predicted, now) {
                break;
            }
            *spent += predicted;
            let rest = group.split_off(count);
            self.run_inline(&version, group, now);
            group = rest;
        }
        for pending in group {
            self.enqueue(pending, now);
        }
    }

    fn run_inline(self: &Rc<Self>, version: &Arc<Version>, group: Vec<Pending>, now: Nanos) {
        let (mut alive, mut late) = (Vec::with_capacity(group.len()), Vec::new());
        for pending in group {
            if pending.account.caller.is_gone() || pending.request.deadline <= now {
                late.push(pending);
            } else {
                alive.push(pending);
            }
        }
        for pending in late {
            let fault = if pending.account.caller.is_gone() { cancelled() } else { deadline_expired() };
            pending.request.observe_unrun(&*self.plane.clock);
            self.finish(pending.account, Reply::fault(fault));
        }
        if alive.is_empty() {
            return;
        }
        let mut replies: Vec<Option<Reply>> = alive.iter().map(|_| None).collect();
        // After one long run the next is measured by the thread's own processor time, which tells a model that is slow
        // from a thread that was preempted.
        let suspicious = version.gate.is_suspicious();
        let start = if suspicious { thread_time() } else { self.plane.clock.now() };
        {
            let mut workers = self.workers.borrow_mut();
            let worker = workers.of(version);
            let (out, clock) = (&mut *self.out.borrow_mut(), self.plane.clock.as_ref());
            execute(version, worker, &alive, out, clock, &mut |index, reply| replies[index] = Some(reply));
        }
        let end = self.plane.clock.now();
        let took = if suspicious { thread_time() - start } else { end - start };
        version.gate.observe(took, end);
        for (pending, reply) in alive.into_iter().zip(replies) {
            let reply = reply.unwrap_or_else(|| Reply::fault(Fault::new(Reason::Internal, "the run left no reply")));
            self.finish(pending.account, reply);
        }
    }
}

/// How many requests at the head of the group run together, and their elements.
fn next_batch(version: &Version, group: &[Pending]) -> (usize, u64) {
    let (mut rows, mut elements) = (0u64, 0u64);
    let most = u64::from(version.max_rows());
    for (count, pending) in group.iter().enumerate() {
        let plan = &pending.request.plan;
        if count > 0 && (!version.is_batched() || rows + u64::from(plan.rows) > most) {
            return (count, elements);
        }
        rows += u64::from(plan.rows);
        elements += plan.elements;
    }
    (group.len(), elements)
}

fn thread_time() -> Nanos {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
