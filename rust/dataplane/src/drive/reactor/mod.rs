//! One front thread: decides, runs what is cheap at once, queues the rest, and gives every caller its reply.
//!
//! All that arrived in one wake-up is run together: requests are set aside while the thread works through the
//! connections that had something to say, and a task that was woken by the first of them runs after the last.

mod admit;
mod copies;
mod envelope;
mod gate;
mod queued;
mod take;
mod wakeup;

use super::execute::Request;
use super::inbox::{Inbox, Post, Reply, Ticket};
use super::plane::{Held, Phase, Plane};
use super::snapshot::Arm;
use super::workers::Workers;
use crate::observe::counters::Series;
use crate::observe::prediction_id::{PredictionId, PredictionIds};
use crate::shadow::{Copy, Launch};
use bytes::{Bytes, BytesMut};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason as Cause};
use tidegate_core::oip::request::Head;
use tidegate_core::plane::{Deadlines, Nanos, RequestKey};
use tidegate_core::routing::Reason;
use tokio::sync::Notify;

pub use admit::{find_arm, find_target};
pub use envelope::{Echo, Envelope};
pub(super) use queued::version_draining;

/// Who answered, for the metadata of an answer or an error.
#[derive(Clone)]
pub struct CreditLine {
    pub arm: Arc<Arm>,
    pub reason: Reason,
    pub prediction_id: PredictionId,
    pub epoch: u64,
}

/// What became of a call.
pub struct Outcome {
    pub result: Result<Bytes, Fault>,
    /// `None` if it failed before anybody was chosen to answer.
    pub credit: Option<CreditLine>,
    /// As the envelope asked; `None` too if the message could not be read.
    pub echo: Option<Box<Echo>>,
}

/// Where the outcome of a request goes.
pub trait Caller {
    fn answer(self: Box<Self>, outcome: Outcome);

    /// The request goes to the queue under `ticket`; the caller may call [`Reactor::cancel`] with it if it gives up.
    fn wait(self: Box<Self>, reactor: &Rc<Reactor>, ticket: Ticket) -> Box<dyn Caller>;

    /// Whether nobody wants the answer any more.
    fn is_gone(&self) -> bool {
        false
    }
}

/// What stays with the thread while a request is elsewhere.
struct Account {
    caller: Box<dyn Caller>,
    credit: CreditLine,
    echo: Option<Box<Echo>>,
    /// What shadows are waiting for.
    copies: Vec<Copy>,
    arrived: Nanos,
    rows: u32,
    held: Held,
}

/// A request set aside until the end of the wake-up.
struct Pending {
    request: Request,
    account: Account,
}

impl AsRef<Request> for Pending {
    fn as_ref(&self) -> &Request {
        &self.request
    }
}

struct Queued {
    account: Account,
    key: RequestKey,
}

pub struct Reactor {
    pub plane: Arc<Plane>,
    /// The number of the thread, under which it counts.
    thread: usize,
    inbox: Arc<Inbox>,
    head: RefCell<Head>,
    ids: RefCell<PredictionIds>,
    workers: RefCell<Workers>,
    pending: RefCell<Vec<Pending>>,
    out: RefCell<BytesMut>,
    set_aside: Notify,
    /// Copies whose primaries have been answered.
    launches: RefCell<Vec<Launch>>,
    launched: Notify,
    queued: RefCell<HashMap<Ticket, Queued>>,
    next_ticket: Cell<Ticket>,
    deadlines: RefCell<Deadlines<Ticket>>,
    earlier_deadline: Notify,
}

impl Reactor {
    pub fn new(plane: &Arc<Plane>, thread: usize) -> Rc<Self> {
        Rc::new(Self {
            plane: Arc::clone(plane),
            thread,
            inbox: Arc::clone(&plane.inboxes[thread]),
            head: RefCell::default(),
            ids: RefCell::default(),
            workers: RefCell::default(),
            pending: RefCell::default(),
            out: RefCell::default(),
            set_aside: Notify::new(),
            launches: RefCell::default(),
            launched: Notify::new(),
            queued: RefCell::default(),
            next_ticket: Cell::new(0),
            deadlines: RefCell::new(Deadlines::new()),
            earlier_deadline: Notify::new(),
        })
    }

    /// The tasks of the thread that are nobody's connection. Returns when the gateway is over.
    pub async fn run(self: Rc<Self>) {
        let [flusher, launcher, receiver, keeper] = [(); 4].map(|()| Rc::clone(&self));
        tokio::task::spawn_local(async move {
            loop {
                flusher.set_aside.notified().await;
                flusher.guarded("flush", || flusher.flush());
            }
        });
        tokio::task::spawn_local(async move {
            loop {
                launcher.launched.notified().await;
                // Whoever was answered meanwhile is written to first.
                tokio::task::yield_now().await;
                launcher.guarded("shadow", || launcher.launch());
            }
        });
        tokio::task::spawn_local(async move {
            let mut post = Post::default();
            loop {
                receiver.inbox.arrived.notified().await;
                receiver.receive(&mut post);
            }
        });
        tokio::task::spawn_local(async move { keeper.keep_deadlines().await });
        let mut phase = self.plane.phase.subscribe();
        // The plane owns the sender and outlives this thread, so waiting cannot fail.
        drop(phase.wait_for(|phase| *phase >= Phase::Aborting).await);
        self.abort();
        drop(phase.wait_for(|phase| *phase >= Phase::Over).await);
    }

    /// Does something whose defects must cost the requests it is about, not the thread that all others depend on.
    fn guarded(&self, place: &str, act: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(act)).is_err() {
            self.plane.log.error("panic", &[("place", json!(place))]);
        }
    }

    /// Counts a call that failed before its message was whole.
    pub fn count_failure(&self, series: &Series, arrived: Nanos, fault: &Fault) {
        if fault.reason == Cause::BytesInFlight {
            self.plane.log.shed(fault.reason.name(), &series.labels.route);
        }
        let now = self.plane.clock.now();
        series.failed(self.thread, now.saturating_sub(arrived), fault);
    }

    /// Counts a request and gives its caller the reply.
    fn finish(&self, account: Account, reply: Reply) {
        let Account { caller, credit, echo, copies, arrived, rows, held } = account;
        let now = self.plane.clock.now();
        self.release_copies(copies, &reply, credit.prediction_id, now);
        let series = &credit.arm.series;
        let took = now.saturating_sub(arrived);
        let result = match reply.result {
            Ok(answer) => {
                series.answered(self.thread, took, &reply.phases, rows, self.plane.clock.unix_ms());
                Ok(held.until_sent(answer))
            }
            Err(fault) => {
                series.failed(self.thread, took, &fault);
                Err(fault)
            }
        };
        caller.answer(Outcome { result, credit: Some(credit), echo });
    }
}

/// The fault of a request that was not begun because the gateway ends.
pub fn draining() -> Fault {
    Fault::new(Cause::Draining, "the gateway is ending and did not begin this request; it is safe to send it again")
}

#[cfg(test)]
mod tests;
