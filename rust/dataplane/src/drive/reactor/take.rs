//! A message on its way to a decision: read here, or on a thread of its own if that takes long.

use super::admit::{Admission, Admitted, Ready, Refused};
use super::{Account, Caller, Envelope, Outcome, Pending, Reactor};
use crate::drive::compute::deadline_expired;
use crate::drive::message::Message;
use crate::drive::plane::Held;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason as Cause};
use tidegate_core::oip::request::Head;
use tidegate_core::plane::Nanos;

impl Reactor {
    /// Takes a `ModelInferRequest`. One that takes long to put together and to check is read on a thread of its own.
    pub fn take(self: &Rc<Self>, message: Message, envelope: Envelope, mut held: Held, caller: Box<dyn Caller>) {
        if !message.is_heavy() {
            return self.read(message, envelope, held, caller);
        }
        let arrived = envelope.arrived;
        let admission = self.admission(envelope);
        let plane_timeout = self.plane.document.timeout_ms * 1_000_000;
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
                    reactor.count_failure(&reactor.plane.counters.unknown, arrived, &fault);
                    caller.answer(Outcome { result: Err(fault), credit: None, echo: None });
                }
                Ok(Ok((admitted, held))) => reactor.accept(admitted, arrived, held, caller),
                Ok(Err(_)) => {
                    let fault = Fault::new(Cause::Internal, "the gateway failed while reading; its log has the panic");
                    reactor.count_failure(&reactor.plane.counters.unknown, arrived, &fault);
                    caller.answer(Outcome { result: Err(fault), credit: None, echo: None });
                }
            }
        });
    }

    /// Takes a `ModelInferRequest`, reads it on this very thread and runs or queues it: what else is under way here waits.
    pub fn take_here(self: &Rc<Self>, message: Message, envelope: Envelope, held: Held, caller: Box<dyn Caller>) {
        self.guarded("take", || {
            self.read(message, envelope, held, caller);
            self.flush();
        });
    }

    fn read(&self, message: Message, envelope: Envelope, mut held: Held, caller: Box<dyn Caller>) {
        let arrived = envelope.arrived;
        let admitted = self.admission(envelope).admit(message, &mut self.head.borrow_mut(), &mut held);
        self.accept(admitted, arrived, held, caller);
    }

    fn admission(&self, envelope: Envelope) -> Admission {
        let (plane, snapshot) = (Arc::clone(&self.plane), self.plane.snapshot());
        let prediction_id = self.ids.borrow_mut().next(plane.clock.unix_ms());
        Admission { plane, snapshot, envelope, prediction_id, thread: self.thread }
    }

    /// Sets an admitted request aside until the end of the wake-up; answers the others.
    fn accept(&self, admitted: Admitted, arrived: Nanos, held: Held, caller: Box<dyn Caller>) {
        let Admitted { result, echo } = admitted;
        match result {
            Err(refused) => {
                let Refused { fault, series, credit } = *refused;
                self.count_failure(&series, arrived, &fault);
                drop(held);
                caller.answer(Outcome { result: Err(fault), credit, echo });
            }
            Ok(Ready { request, credit, copies }) => {
                let rows = request.plan.rows;
                let account = Account { caller, credit, echo, copies, arrived, rows, held };
                let mut pending = self.pending.borrow_mut();
                if pending.is_empty() {
                    self.set_aside.notify_one();
                }
                pending.push(Pending { request, account });
            }
        }
    }
}
