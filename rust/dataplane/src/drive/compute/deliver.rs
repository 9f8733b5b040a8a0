//! Replies on their way to whoever waits for them.

use super::{Job, Origin};
use crate::drive::clock::Clock;
use crate::drive::inbox::{Inbox, Reply, Ticket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason};

/// Replies on their way to one front thread.
struct Parcel {
    inbox: Arc<Inbox>,
    replies: Vec<(Ticket, Reply)>,
}

/// Hands replies to whoever waits for them, waking each front thread once.
pub fn deliver(replies: impl Iterator<Item = (Job, Reply)>) {
    let mut parcels: Vec<Parcel> = Vec::new();
    for (job, reply) in replies {
        match job.origin {
            Origin::Caller { inbox, ticket } => {
                match parcels.iter_mut().find(|parcel| Arc::ptr_eq(&parcel.inbox, &inbox)) {
                    Some(parcel) => parcel.replies.push((ticket, reply)),
                    None => parcels.push(Parcel { inbox, replies: vec![(ticket, reply)] }),
                }
            }
            // A defect there costs this comparison, which is counted as lost, and no thread.
            Origin::Shadow(copy) => drop(catch_unwind(AssertUnwindSafe(|| copy.compare(&reply)))),
        }
    }
    for parcel in &mut parcels {
        parcel.inbox.deliver(&mut parcel.replies);
    }
}

/// Answers jobs whose time ran out in the queue.
pub(super) fn expire(jobs: Vec<Job>, clock: &dyn Clock) {
    observe_unrun(&jobs, clock);
    deliver(jobs.into_iter().map(|job| (job, Reply::fault(deadline_expired()))));
}

/// Counts what callers have asked in jobs that leave the queue without a run. A copy that a shadow does not get to is dropped
/// and was never asked.
pub fn observe_unrun(jobs: &[Job], clock: &dyn Clock) {
    let asked = jobs.iter().filter(|job| matches!(job.origin, Origin::Caller { .. }));
    asked.for_each(|job| job.request.observe_unrun(clock));
}

/// The fault of a request whose time ran out in the queue.
pub fn deadline_expired() -> Fault {
    Fault::new(
        Reason::DeadlineExpired,
        "the deadline passed before the request could run; allow more time or send less",
    )
}
