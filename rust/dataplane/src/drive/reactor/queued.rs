//! Requests that wait in the queue or run elsewhere: until the reply, the deadline, or the end.

use super::{Pending, Queued, Reactor, draining};
use crate::drive::compute::{Job, Origin, deadline_expired};
use crate::drive::execute::drain_timeout;
use crate::drive::inbox::{Order, Post, Reply, Ticket};
use crate::drive::plane::Phase;
use crate::drive::snapshot::Version;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::plane::{Nanos, Refusal};

/// Advice to callers whose request was shed from a queue: about the time that a queue takes to move.
const RETRY_QUEUE: Duration = Duration::from_millis(50);

impl Reactor {
    pub(super) fn enqueue(self: &Rc<Self>, pending: Pending, now: Nanos) {
        let Pending { request, mut account } = pending;
        if account.caller.is_gone() {
            request.observe_unrun(&*self.plane.clock);
            return self.finish(account, Reply::fault(cancelled()));
        }
        // Set aside before the end of the drain, looked at after it: nobody would come back to it in the queue.
        if *self.plane.phase.borrow() >= Phase::Aborting {
            request.observe_unrun(&*self.plane.clock);
            return self.finish(account, Reply::fault(draining()));
        }
        let ticket = self.next_ticket.get() + 1;
        self.next_ticket.set(ticket);
        let deadline = request.deadline;
        let origin = Origin::Caller { inbox: Arc::clone(&self.inbox), ticket };
        let job = Job { request, origin };
        match self.plane.compute.submit(now, job) {
            Err((refusal, job)) => {
                let fault = shed(refusal, job.request.version());
                job.request.observe_unrun(&*self.plane.clock);
                self.plane.log.shed(fault.reason.name(), &account.credit.arm.name);
                self.finish(account, Reply::fault(fault));
            }
            Ok(key) => {
                account.caller = account.caller.wait(self, ticket);
                self.queued.borrow_mut().insert(ticket, Queued { account, key });
                let mut deadlines = self.deadlines.borrow_mut();
                if deadlines.next().is_none_or(|next| deadline < next) {
                    self.earlier_deadline.notify_one();
                }
                deadlines.insert(deadline, ticket);
            }
        }
    }

    /// The caller of a queued request is gone: its place in the queue is free at once.
    pub fn cancel(&self, ticket: Ticket) {
        let Some(queued) = self.forget(ticket) else { return };
        self.leave_queue(&queued);
        self.finish(queued.account, Reply::fault(cancelled()));
    }

    /// Takes a request out of its queue; whether it still waited there.
    fn leave_queue(&self, queued: &Queued) -> bool {
        let waited = self.plane.compute.cancel(queued.key);
        if let Some(job) = &waited {
            job.request.observe_unrun(&*self.plane.clock);
        }
        waited.is_some()
    }

    fn forget(&self, ticket: Ticket) -> Option<Queued> {
        let queued = self.queued.borrow_mut().remove(&ticket)?;
        self.deadlines.borrow_mut().remove(ticket);
        Some(queued)
    }

    /// A reply came back from a compute thread; the caller may have been answered already.
    pub(super) fn settle(&self, ticket: Ticket, reply: Reply) {
        if let Some(queued) = self.forget(ticket) {
            self.finish(queued.account, reply);
        }
    }

    /// Answers at once whoever's deadline passes, whether the request waits or runs.
    pub(super) async fn keep_deadlines(&self) {
        loop {
            match self.next_deadline() {
                None => self.earlier_deadline.notified().await,
                Some(at) => {
                    let pause = Duration::from_nanos(at.saturating_sub(self.plane.clock.now()));
                    tokio::select! {
                        () = self.earlier_deadline.notified() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
            self.expire();
        }
    }

    /// When the next deadline passes.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.deadlines.borrow().next()
    }

    /// Answers whoever's deadline has passed.
    pub fn expire(&self) {
        let mut expired = Vec::new();
        self.deadlines.borrow_mut().expire(self.plane.clock.now(), &mut expired);
        for ticket in expired {
            self.guarded("deadline", || {
                if let Some(queued) = self.forget(ticket) {
                    self.leave_queue(&queued);
                    self.finish(queued.account, Reply::fault(deadline_expired()));
                }
            });
        }
    }

    /// Takes what has come for the thread: replies, then orders. `post` is empty before and after.
    pub fn receive(&self, post: &mut Post) {
        self.inbox.take(post);
        for (ticket, reply) in post.replies.drain(..) {
            self.guarded("settle", || self.settle(ticket, reply));
        }
        for order in post.orders.drain(..) {
            self.guarded("follow", || self.follow(order));
        }
    }

    /// Does what the change of versions asks of the thread.
    pub(super) fn follow(&self, order: Order) {
        match order {
            Order::Leave => self.workers.borrow_mut().leave(),
            // What waited in the queue of the version was answered before this order came: what is left runs.
            Order::Abort(load) => {
                self.abandon_copies(load);
                let of_load = |queued: &Queued| queued.account.credit.arm.version.slot == load;
                let tickets: Vec<Ticket> = self
                    .queued
                    .borrow()
                    .iter()
                    .filter(|(_, queued)| of_load(queued))
                    .map(|(ticket, _)| *ticket)
                    .collect();
                for ticket in tickets {
                    let Some(queued) = self.forget(ticket) else { continue };
                    let fault = drain_timeout(queued.account.credit.arm.version.id.as_str());
                    self.finish(queued.account, Reply::fault(fault));
                }
            }
        }
    }

    /// The drain timeout of the gateway is over: queued requests may be sent elsewhere, begun ones are lost.
    pub fn abort(&self) {
        let tickets: Vec<Ticket> = self.queued.borrow().keys().copied().collect();
        for ticket in tickets {
            let Some(queued) = self.forget(ticket) else { continue };
            let fault = if self.leave_queue(&queued) {
                draining()
            } else {
                Fault::new(Reason::DrainTimeout, "the gateway ended before the run did (drain_timeout_ms)")
            };
            self.finish(queued.account, Reply::fault(fault));
        }
    }
}

fn shed(refusal: Refusal, version: &Version) -> Fault {
    let id = version.id.as_str();
    match refusal {
        Refusal::QueueFull => {
            let most = version.settings.queue.requests;
            let message = format!("{most} requests wait for {id} already (queue.requests); try again later");
            Fault::new(Reason::QueueFull, message).retry_after(RETRY_QUEUE)
        }
        Refusal::QueueBytesFull => {
            let most = version.settings.queue.mib;
            let message = format!("the requests that wait for {id} fill its {most} MiB (queue.mib); try again later");
            Fault::new(Reason::QueueBytesFull, message).retry_after(RETRY_QUEUE)
        }
        Refusal::Closed => version_draining(id),
    }
}

/// The fault of a request whose version was taken out of service before it could run.
pub(in crate::drive) fn version_draining(version: &str) -> Fault {
    let message = format!("{version} was taken out of service before this request began; it is safe to send it again");
    Fault::new(Reason::Draining, message)
}

/// The fault of a request whose caller is gone.
pub(super) fn cancelled() -> Fault {
    Fault::new(Reason::Cancelled, "the caller cancelled the request")
}
