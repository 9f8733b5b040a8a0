//! Shadows: a sampled copy of a route's requests runs on another version, and its answer is compared, never returned.
//!
//! A copy is taken when the primary has been decided and waits until that is answered. Only then is it read and checked, and
//! runs on threads of the lowest priority, in queues of its own. What it may hold, with the answer it is to be compared with,
//! is bounded; whatever does not fit is dropped and counted.

mod account;
#[cfg(test)]
mod tests;

pub use account::{Account, DROPS, Drop as Dropped};

use crate::drive::compute::{Compute, Job, Origin};
use crate::drive::execute::Request;
use crate::drive::inbox::Reply;
use crate::drive::message::LIGHT;
use crate::drive::snapshot::Arm;
use crate::observe::prediction_id::PredictionId;
use bytes::Bytes;
use std::sync::Arc;
use tidegate_core::comparison::Ending;
use tidegate_core::fault::{Code, Reason as Cause};
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::validate;
use tidegate_core::plane::{LoadId, Nanos, Refusal, VersionKey};
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

    pub fn arms(&self) -> impl Iterator<Item = &Arc<Arm>> {
        self.0.iter().map(|shadow| &shadow.arm)
    }

    /// Copies a request for a shadow, if that has room.
    pub fn copy(&self, index: usize, message: &Bytes, happened_s: Option<u64>) -> Option<Copy> {
        let shadow = &self.0[index];
        let hold = Hold::take(shadow, message.len() as u64)?;
        let message = if message.len() <= COPIED { Bytes::copy_from_slice(message) } else { message.clone() };
        Some(Copy { hold, message, happened_s })
    }
}

/// A share of what a shadow may hold, given back when it goes. What became of the copy is counted once.
struct Hold {
    shadow: Arc<Shadow>,
    bytes: u64,
    is_counted: bool,
}

impl Hold {
    fn take(shadow: &Arc<Shadow>, bytes: u64) -> Option<Self> {
        let account = &shadow.account;
        account.sampled();
        match account.reserve(bytes, shadow.max_in_flight, shadow.max_bytes) {
            Ok(()) => Some(Self { shadow: Arc::clone(shadow), bytes, is_counted: false }),
            Err(dropped) => {
                account.dropped(dropped);
                None
            }
        }
    }

    fn grow(&mut self, bytes: u64) -> Result<(), Dropped> {
        self.shadow.account.grow(bytes, self.shadow.max_bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    fn drop_for(mut self, reason: Dropped) {
        self.is_counted = true;
        self.shadow.account.dropped(reason);
    }
}

impl std::ops::Drop for Hold {
    fn drop(&mut self) {
        if !self.is_counted {
            self.shadow.account.dropped(Dropped::Lost);
        }
        self.shadow.account.release(self.bytes);
    }
}

/// A copied request that waits for its primary.
pub struct Copy {
    hold: Hold,
    message: Bytes,
    /// As the primary's.
    happened_s: Option<u64>,
}

/// A copied request whose primary has ended, and that is to be read and checked.
pub struct Launch {
    hold: Hold,
    message: Bytes,
    happened_s: Option<u64>,
    prediction_id: PredictionId,
    primary: Primary,
    deadline: Nanos,
}

/// A copied request that waits or runs, with what became of the primary.
pub struct Copied {
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
    /// The version that it is for.
    pub fn slot(&self) -> LoadId {
        self.hold.shadow.arm.version.slot
    }

    /// Lets go of a copy whose version is taken out of service.
    pub fn abandon(self) {
        self.hold.drop_for(Dropped::Draining);
    }

    /// What is left to do once the primary has ended, if the copy has room for its answer.
    pub fn after(self, reply: &Reply, prediction_id: PredictionId, now: Nanos) -> Option<Launch> {
        let Self { mut hold, message, happened_s } = self;
        let primary = Primary::of(reply).ok_or(Dropped::PrimaryShed).and_then(|primary| match &primary {
            Primary::Answered(answer, _) => hold.grow(answer.len() as u64).map(|()| primary),
            Primary::Failed(_) | Primary::Abandoned => Ok(primary),
        });
        match primary {
            Ok(primary) => {
                let deadline = now.saturating_add(hold.shadow.timeout);
                Some(Launch { hold, message, happened_s, prediction_id, primary, deadline })
            }
            Err(dropped) => {
                hold.drop_for(dropped);
                None
            }
        }
    }
}

impl Launch {
    /// Whether reading it may take longer than a thread that answers callers can spare.
    pub fn is_heavy(&self) -> bool {
        self.message.len() > LIGHT
    }

    /// The queue that it is to wait in.
    pub fn destination(&self) -> VersionKey {
        self.hold.shadow.arm.version.shadow_queue
    }

    /// Lets go of a copy whose version is taken out of service.
    pub fn abandon(self) {
        self.hold.drop_for(Dropped::Draining);
    }

    /// Reads the copy with `head`, checks it and puts it into its queue.
    pub fn go(self, compute: &Compute, head: &mut Head, now: Nanos) {
        let Self { mut hold, message, happened_s, prediction_id, primary, deadline } = self;
        let shadow = Arc::clone(&hold.shadow);
        let version = &shadow.arm.version;
        let checked = head
            .read(&message)
            .ok()
            .and_then(|()| validate(head, &message, version.signature(), version.is_batched()).ok())
            .ok_or(Dropped::Invalid)
            .and_then(|plan| hold.grow(plan.own_bytes() as u64).map(|()| plan));
        let mut plan = match checked {
            Ok(plan) => plan,
            Err(dropped) => return hold.drop_for(dropped),
        };
        plan.raw_answer = true;
        let request = Request {
            plan,
            arm: Arc::clone(&shadow.arm),
            id: head.id,
            reason: Reason::Only,
            // Nobody is told.
            epoch: 0,
            prediction_id,
            credited: false,
            rules_broken: None,
            most_answer: usize::MAX,
            arrived: now,
            happened_s,
            sub_cell: None,
            level: version.settings.queue.level(0),
            deadline,
            message,
        };
        let copied = Copied { hold, prediction_id, primary };
        let job = Job { request, origin: Origin::Shadow(Box::new(copied)) };
        if let Err((refusal, job)) = compute.submit_to(version.shadow_queue, now, job)
            && let Origin::Shadow(copied) = job.origin
        {
            copied.hold.drop_for(match refusal {
                Refusal::QueueFull | Refusal::QueueBytesFull => Dropped::QueueFull,
                Refusal::Closed => Dropped::Draining,
            });
        }
    }
}

impl Copied {
    /// Compares what the shadow made of the request with what the primary did.
    pub fn compare(mut self, shadow: &Reply) {
        let ending = match &shadow.result {
            Ok(frame) => Ending::Answered { message: &frame[FRAME_HEAD..], took: took(shadow) },
            Err(fault) => match fault.reason {
                Cause::DeadlineExpired => return self.hold.drop_for(Dropped::Deadline),
                Cause::Draining | Cause::DrainTimeout => return self.hold.drop_for(Dropped::Draining),
                _ => Ending::Failed { code: fault.code() },
            },
        };
        self.hold.shadow.account.compare(self.prediction_id.as_str(), &self.primary.ending(), &ending);
        self.hold.is_counted = true;
        // What it held is given back only now that the comparison is in the account.
        drop(self.hold);
    }
}
