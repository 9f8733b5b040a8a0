//! One front thread: decides, runs what is cheap at once, queues the rest, and gives every caller its reply.
//!
//! All that arrived in one wake-up is run together: requests are set aside while the thread works through the
//! connections that had something to say, and a task that was woken by the first of them runs after the last.

mod admit;
mod queued;
mod wakeup;

use super::compute::deadline_expired;
use super::execute::Request;
use super::inbox::{Inbox, Reply, Ticket};
use super::message::Message;
use super::plane::{Held, Phase, Plane};
use super::snapshot::Target;
use crate::observe::counters::{SeriesId, Shard, UNKNOWN};
use crate::observe::prediction_id::{PredictionId, PredictionIds};
use crate::runtime::Worker;
use admit::{Admission, Admitted, Refused};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::request::Head;
use tidegate_core::plane::{Deadlines, Nanos, RequestKey};
use tokio::sync::Notify;

pub use admit::{find_arm, find_target};

/// Who answered, for the metadata of an answer or an error.
#[derive(Clone)]
pub struct CreditLine {
    pub target: Arc<Target>,
    pub arm: usize,
    pub reason: &'static str,
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

/// What accompanies a message: metadata and the caller's own deadline.
pub struct Envelope {
    pub metadata: HeaderMap,
    /// Time the caller gives, counted from `arrived`.
    pub grpc_timeout: Option<Nanos>,
    pub arrived: Nanos,
    /// Whether the outcome has to say again what the request said.
    pub wants_echo: bool,
}

/// What a stream gives back of a request, whatever became of it.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    /// The caller's own id.
    pub id: String,
    pub model_name: String,
    /// Whether an empty message is to follow the answer.
    pub wants_final: bool,
}

/// What stays with the thread while a request is elsewhere.
struct Account {
    caller: Box<dyn Caller>,
    credit: CreditLine,
    echo: Option<Box<Echo>>,
    series: SeriesId,
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
    shard: Arc<Shard>,
    inbox: Arc<Inbox>,
    head: RefCell<Head>,
    ids: RefCell<PredictionIds>,
    workers: RefCell<Vec<Option<Box<dyn Worker>>>>,
    pending: RefCell<Vec<Pending>>,
    out: RefCell<BytesMut>,
    set_aside: Notify,
    queued: RefCell<HashMap<Ticket, Queued>>,
    next_ticket: Cell<Ticket>,
    deadlines: RefCell<Deadlines<Ticket>>,
    earlier_deadline: Notify,
}

impl Reactor {
    pub fn new(plane: &Arc<Plane>, thread: usize) -> Rc<Self> {
        let versions = plane.snapshot().versions.len();
        Rc::new(Self {
            plane: Arc::clone(plane),
            shard: plane.counters.shard(thread),
            inbox: Arc::default(),
            head: RefCell::default(),
            ids: RefCell::default(),
            workers: RefCell::new((0..versions).map(|_| None).collect()),
            pending: RefCell::default(),
            out: RefCell::default(),
            set_aside: Notify::new(),
            queued: RefCell::default(),
            next_ticket: Cell::new(0),
            deadlines: RefCell::new(Deadlines::new()),
            earlier_deadline: Notify::new(),
        })
    }

    /// The tasks of the thread that are nobody's connection. Returns when the gateway is over.
    pub async fn run(self: Rc<Self>) {
        let (flusher, receiver, keeper) = (Rc::clone(&self), Rc::clone(&self), Rc::clone(&self));
        tokio::task::spawn_local(async move {
            loop {
                flusher.set_aside.notified().await;
                // A defect must cost the requests of one wake-up, not the thread that all others depend on.
                if catch_unwind(AssertUnwindSafe(|| flusher.flush())).is_err() {
                    flusher.plane.log.error("panic", &[("place", json!("flush"))]);
                }
            }
        });
        tokio::task::spawn_local(async move {
            let mut replies = Vec::new();
            loop {
                receiver.inbox.arrived.notified().await;
                receiver.inbox.take(&mut replies);
                replies.drain(..).for_each(|(ticket, reply)| receiver.settle(ticket, reply));
            }
        });
        tokio::task::spawn_local(async move { keeper.keep_deadlines().await });
        let mut phase = self.plane.phase.subscribe();
        // The plane owns the sender and outlives this thread, so waiting cannot fail.
        drop(phase.wait_for(|phase| *phase >= Phase::Aborting).await);
        self.abort();
        drop(phase.wait_for(|phase| *phase >= Phase::Over).await);
    }

    /// Takes a `ModelInferRequest`. One that takes long to put together and to check is read on a thread of its own.
    pub fn take(self: &Rc<Self>, message: Message, envelope: Envelope, mut held: Held, caller: Box<dyn Caller>) {
        let (plane, snapshot) = (Arc::clone(&self.plane), self.plane.snapshot());
        let prediction_id = self.ids.borrow_mut().next(plane.clock.unix_ms());
        let arrived = envelope.arrived;
        let plane_timeout = plane.document.timeout_ms * 1_000_000;
        let admission = Admission { plane, snapshot, envelope, prediction_id };
        if !message.is_heavy() {
            let admitted = admission.admit(message, &mut self.head.borrow_mut(), &mut held);
            return self.accept(admitted, arrived, held, caller);
        }
        let patience = admission.envelope.grpc_timeout.unwrap_or(plane_timeout);
        let reading = tokio::task::spawn_blocking(move || {
            let admitted = admission.admit(message, &mut Head::default(), &mut held);
            (admitted, held)
        });
        let reactor = Rc::clone(self);
        tokio::task::spawn_local(async move {
            match tokio::time::timeout(Duration::from_nanos(patience), reading).await {
                Err(_) => {
                    let fault = deadline_expired();
                    reactor.count_failure(UNKNOWN, arrived, &fault);
                    caller.answer(Outcome { result: Err(fault), credit: None, echo: None });
                }
                Ok(Ok((admitted, held))) => reactor.accept(admitted, arrived, held, caller),
                Ok(Err(_)) => {
                    let fault = Fault::new(Reason::Internal, "the gateway failed while reading; its log has the panic");
                    reactor.count_failure(UNKNOWN, arrived, &fault);
                    caller.answer(Outcome { result: Err(fault), credit: None, echo: None });
                }
            }
        });
    }

    /// Sets an admitted request aside until the end of the wake-up; answers the others.
    fn accept(&self, admitted: Admitted, arrived: Nanos, held: Held, caller: Box<dyn Caller>) {
        let Admitted { result, echo } = admitted;
        match result {
            Err(refused) => {
                let Refused { fault, series, credit } = *refused;
                self.count_failure(series, arrived, &fault);
                drop(held);
                caller.answer(Outcome { result: Err(fault), credit, echo });
            }
            Ok((request, credit)) => {
                let series = request.target.arms[request.arm].series;
                let rows = request.plan.rows;
                let account = Account { caller, credit, echo, series, arrived, rows, held };
                let mut pending = self.pending.borrow_mut();
                if pending.is_empty() {
                    self.set_aside.notify_one();
                }
                pending.push(Pending { request, account });
            }
        }
    }

    /// Counts a call that failed before its message was whole.
    pub fn count_failure(&self, series: SeriesId, arrived: Nanos, fault: &Fault) {
        if fault.reason == Reason::BytesInFlight {
            self.plane.log.shed(fault.reason.name(), &self.plane.counters.labels[series].route);
        }
        let now = self.plane.clock.now();
        self.shard.failed(series, now.saturating_sub(arrived), fault);
    }

    /// Counts a request and gives its caller the reply.
    fn finish(&self, account: Account, reply: Reply) {
        let Account { caller, credit, echo, series, arrived, rows, held } = account;
        let now = self.plane.clock.now();
        let took = now.saturating_sub(arrived);
        let result = match reply.result {
            Ok(answer) => {
                self.shard.answered(series, took, &reply.phases, rows, self.plane.clock.unix_ms());
                Ok(held.until_sent(answer))
            }
            Err(fault) => {
                self.shard.failed(series, took, &fault);
                Err(fault)
            }
        };
        caller.answer(Outcome { result, credit: Some(credit), echo });
    }
}

/// The fault of a request that was not begun because the gateway ends.
pub fn draining() -> Fault {
    Fault::new(Reason::Draining, "the gateway is ending and did not begin this request; it is safe to send it again")
}

#[cfg(test)]
mod tests;
