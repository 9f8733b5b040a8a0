//! Shadows: a sampled copy of a route's requests runs on another version, and its answer is compared, never returned.
//!
//! A copy is taken when the primary has been decided, waits until that is answered, and then runs on threads of the lowest
//! priority, in queues of its own. What it may hold is bounded; whatever does not fit is dropped and counted.

mod account;
#[cfg(test)]
mod tests;

pub use account::{Account, DROPS, Drop as Dropped};

use crate::drive::compute::{Compute, Job, Origin};
use crate::drive::execute::Request;
use crate::drive::inbox::Reply;
use crate::drive::snapshot::Arm;
use crate::observe::prediction_id::PredictionId;
use bytes::Bytes;
use std::sync::Arc;
use tidegate_core::comparison::Ending;
use tidegate_core::fault::{Code, Reason as Cause};
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::validate;
use tidegate_core::plane::{Nanos, Refusal};
use tidegate_core::routing::Reason;

/// Messages up to this are copied, so that what a shadow holds is what is accounted; larger ones are shared.
const COPIED: usize = 64 << 10;

/// The shadows of a route, in the order of its plan.
#[derive(Default)]
pub struct Shadows(Vec<Arc<Shadow>>);

/// One shadow: where copies run, and the account of them.
pub struct Shadow {
    pub arm: Arc<Arm>,
    pub account: Arc<Account>,
    pub max_in_flight: u64,
    pub max_bytes: u64,
    pub share_bp: u64,
    pub timeout: Nanos,
}

impl Shadows {
    pub fn new(shadows: Vec<Shadow>) -> Self {
        Self(shadows.into_iter().map(Arc::new).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Shadow>> {
        self.0.iter()
    }

    /// Copies a request for a shadow, if that has room.
    pub fn copy(&self, index: usize, message: &Bytes) -> Option<Copy> {
        let shadow = &self.0[index];
        let hold = Hold::take(shadow, message.len() as u64)?;
        let message = if message.len() <= COPIED { Bytes::copy_from_slice(message) } else { message.clone() };
        Some(Copy { shadow: Arc::clone(shadow), message, hold })
    }
}

/// A share of what a shadow may hold, given back when it goes.
struct Hold {
    account: Arc<Account>,
    bytes: u64,
}

impl Hold {
    fn take(shadow: &Shadow, bytes: u64) -> Option<Self> {
        let account = &shadow.account;
        account.sampled();
        match account.reserve(bytes, shadow.max_in_flight, shadow.max_bytes) {
            Ok(()) => Some(Self { account: Arc::clone(account), bytes }),
            Err(dropped) => {
                account.dropped(dropped);
                None
            }
        }
    }

    fn grow(&mut self, bytes: u64) {
        self.account.grow(bytes);
        self.bytes += bytes;
    }
}

impl std::ops::Drop for Hold {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}

/// A copied request that waits for its primary.
pub struct Copy {
    shadow: Arc<Shadow>,
    message: Bytes,
    hold: Hold,
}

/// A copied request that waits or runs, with what became of the primary.
pub struct Copied {
    shadow: Arc<Shadow>,
    hold: Hold,
    prediction_id: PredictionId,
    primary: Primary,
}

enum Primary {
    /// The framed answer, and how long its run took.
    Answered(Bytes, Nanos),
    Failed(Code),
    Abandoned,
}

impl Primary {
    /// What became of the primary; `None` if it was shed, when more work would help nobody.
    fn of(reply: &Reply) -> Option<Self> {
        match &reply.result {
            Ok(answer) => Some(Self::Answered(answer.clone(), took(reply))),
            Err(fault) => match fault.code() {
                Code::Cancelled | Code::DeadlineExceeded => Some(Self::Abandoned),
                Code::Unavailable | Code::ResourceExhausted if fault.reason != Cause::AnswerTooLarge => None,
                code => Some(Self::Failed(code)),
            },
        }
    }

    fn ending(&self) -> Ending<'_> {
        match self {
            Self::Answered(frame, took) => Ending::Answered { message: &frame[FRAME_HEAD..], took: *took },
            Self::Failed(code) => Ending::Failed { code: *code },
            Self::Abandoned => Ending::Abandoned,
        }
    }
}

fn took(reply: &Reply) -> Nanos {
    reply.phases.input + reply.phases.infer + reply.phases.output
}

impl Copy {
    /// Sends the copy on its way once the primary has ended.
    pub fn launch(self, compute: &Compute, primary: &Reply, prediction_id: PredictionId, head: &mut Head, now: Nanos) {
        let Self { shadow, message, mut hold } = self;
        let Some(primary) = Primary::of(primary) else { return shadow.account.dropped(Dropped::PrimaryShed) };
        if let Primary::Answered(answer, _) = &primary {
            hold.grow(answer.len() as u64);
        }
        let version = &shadow.arm.version;
        let checked = head
            .read(&message)
            .ok()
            .and_then(|()| validate(head, &message, version.signature(), version.is_batched()).ok());
        let Some(mut plan) = checked else { return shadow.account.dropped(Dropped::Invalid) };
        plan.raw_answer = true;
        let request = Request {
            plan,
            arm: Arc::clone(&shadow.arm),
            id: head.id,
            reason: Reason::Only,
            prediction_id,
            credited: false,
            most_answer: usize::MAX,
            arrived: now,
            deadline: now.saturating_add(shadow.timeout),
            message,
        };
        let queue = version.shadow_queue;
        let copied = Copied { shadow, hold, prediction_id, primary };
        if let Err((refusal, job)) =
            compute.submit_to(queue, now, Job { request, origin: Origin::Shadow(Box::new(copied)) })
            && let Origin::Shadow(copied) = job.origin
        {
            copied.shadow.account.dropped(match refusal {
                Refusal::QueueFull | Refusal::QueueBytesFull => Dropped::QueueFull,
                Refusal::Closed => Dropped::Draining,
            });
        }
    }
}

impl Copied {
    /// Compares what the shadow made of the request with what the primary did.
    pub fn compare(self, shadow: &Reply) {
        let ending = match &shadow.result {
            Ok(frame) => Ending::Answered { message: &frame[FRAME_HEAD..], took: took(shadow) },
            Err(fault) => match fault.reason {
                Cause::DeadlineExpired => return self.shadow.account.dropped(Dropped::Deadline),
                Cause::Draining | Cause::DrainTimeout => return self.shadow.account.dropped(Dropped::Draining),
                _ => Ending::Failed { code: fault.code() },
            },
        };
        self.shadow.account.compare(self.prediction_id.as_str(), &self.primary.ending(), &ending);
        // What it held is given back only now that the comparison is in the account.
        drop(self.hold);
    }
}
