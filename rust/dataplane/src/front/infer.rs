//! ModelInfer: the call that everything else is there for.

use super::body::Broken;
use super::connection::Call;
use super::grpc;
use crate::drive::inbox::Ticket;
use crate::drive::message::Message;
use crate::drive::plane::Held;
use crate::drive::reactor::{Caller, Envelope, Outcome, Reactor};
use bytes::Bytes;
use h2::server::SendResponse;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tidegate_core::fault::Fault;
use tokio::sync::oneshot;

/// Takes the call. A request that has arrived whole, which is the rule, is read here and now, without a task.
pub fn serve(mut call: Call) {
    let mut held = Held::new(&call.reactor.plane);
    let arrived = call.reactor.plane.clock.now();
    let mut one = None;
    match call.messages.poll_unary(&mut Context::from_waker(Waker::noop()), &mut one, &mut held) {
        Poll::Ready(read) => proceed(call, read, arrived, held),
        Poll::Pending => {
            tokio::task::spawn_local(async move {
                let read = call.message(&mut one, &mut held).await;
                let now = call.reactor.plane.clock.now();
                // The caller's time has been running since the first byte.
                call.timeout = call.timeout.map(|timeout| timeout.saturating_sub(now - arrived));
                proceed(call, read, now, held);
            });
        }
    }
}

fn proceed(call: Call, read: Result<Message, Broken>, arrived: u64, held: Held) {
    let Call { reactor, headers, permit, peer, timeout, respond, messages, .. } = call;
    // Dropped before the answer goes out, so that what the caller still sends is refused.
    drop(messages);
    match read {
        Ok(message) => {
            let peer = Arc::clone(&peer.address);
            let envelope =
                Envelope { metadata: headers, permit, peer, grpc_timeout: timeout, arrived, wants_echo: false };
            reactor.take(message, envelope, held, Box::new(Unary { respond }));
        }
        Err(Broken::Fault(fault)) => refuse(&reactor, respond, &fault, arrived),
        Err(Broken::Gone) => {}
    }
}

fn refuse(reactor: &Reactor, mut respond: SendResponse<Bytes>, fault: &Fault, arrived: u64) {
    reactor.count_failure(&reactor.plane.counters.unknown, arrived, fault);
    grpc::refuse(&mut respond, fault, None);
}

/// The stream of a unary call.
struct Unary {
    respond: SendResponse<Bytes>,
}

impl Caller for Unary {
    fn answer(self: Box<Self>, outcome: Outcome) {
        grpc::answer(self.respond, outcome);
    }

    fn wait(self: Box<Self>, reactor: &Rc<Reactor>, ticket: Ticket) -> Box<dyn Caller> {
        let (sender, receiver) = oneshot::channel();
        let (reactor, mut respond) = (Rc::clone(reactor), self.respond);
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                outcome = receiver => if let Ok(outcome) = outcome { grpc::answer(respond, outcome) },
                _ = poll_fn(|cx| respond.poll_reset(cx)) => reactor.cancel(ticket),
            }
        });
        Box::new(Slot(sender))
    }
}

/// A task on this thread that waits for the outcome.
struct Slot(oneshot::Sender<Outcome>);

impl Caller for Slot {
    fn answer(self: Box<Self>, outcome: Outcome) {
        // A task that is gone saw its caller leave.
        drop(self.0.send(outcome));
    }

    fn wait(self: Box<Self>, _: &Rc<Reactor>, _: Ticket) -> Box<dyn Caller> {
        self
    }
}
