//! A request whose outcome somebody on the same thread waits for, and which goes with whoever waits.

use crate::drive::inbox::Ticket;
use crate::drive::message::Message;
use crate::drive::plane::Held;
use crate::drive::reactor::{Caller, Envelope, Outcome, Reactor};
use std::cell::Cell;
use std::rc::Rc;
use tidegate_core::fault::{Fault, Reason};
use tokio::sync::oneshot;

/// One request; dropped before its outcome, it is cancelled.
pub struct Asked {
    outcome: oneshot::Receiver<Outcome>,
    _guard: Option<Guard>,
}

impl Asked {
    /// Hands a request in. Its outcome says who answered if it `is_credited`: that holds the version, so it must not wait
    /// long for whoever reads it.
    pub fn of(reactor: &Rc<Reactor>, message: Message, envelope: Envelope, held: Held, is_credited: bool) -> Self {
        let (sender, outcome) = oneshot::channel();
        let link = Rc::new(Cell::new(Link::SetAside));
        let guard = Guard { reactor: Rc::clone(reactor), link: Rc::clone(&link) };
        reactor.take(message, envelope, held, Box::new(Waiting { sender, link, is_credited }));
        Self { outcome, _guard: Some(guard) }
    }

    /// One that is refused before anybody reads it, and counted.
    pub fn refused(reactor: &Reactor, fault: &Fault, arrived: u64) -> Self {
        reactor.count_failure(&reactor.plane.counters.unknown, arrived, fault);
        let (sender, outcome) = oneshot::channel();
        // The receiver is right here.
        drop(sender.send(Outcome { result: Err(fault.clone()), credit: None, echo: None }));
        Self { outcome, _guard: None }
    }

    pub async fn outcome(&mut self) -> Outcome {
        (&mut self.outcome).await.unwrap_or_else(|_| Outcome {
            result: Err(Fault::new(Reason::Internal, "the request was lost inside the gateway")),
            credit: None,
            echo: None,
        })
    }
}

/// Where a request is.
#[derive(Clone, Copy)]
enum Link {
    SetAside,
    Queued(Ticket),
    Gone,
}

/// The hold on a request of whoever waits.
struct Guard {
    reactor: Rc<Reactor>,
    link: Rc<Cell<Link>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Link::Queued(ticket) = self.link.replace(Link::Gone) {
            self.reactor.cancel(ticket);
        }
    }
}

/// The request's hold on whoever waits.
struct Waiting {
    sender: oneshot::Sender<Outcome>,
    link: Rc<Cell<Link>>,
    is_credited: bool,
}

impl Caller for Waiting {
    fn answer(self: Box<Self>, outcome: Outcome) {
        let credit = outcome.credit.filter(|_| self.is_credited);
        // Whoever is gone need not be told.
        drop(self.sender.send(Outcome { credit, ..outcome }));
    }

    fn wait(self: Box<Self>, _: &Rc<Reactor>, ticket: Ticket) -> Box<dyn Caller> {
        self.link.set(Link::Queued(ticket));
        self
    }

    fn is_gone(&self) -> bool {
        matches!(self.link.get(), Link::Gone)
    }
}
