//! A front without sockets: whoever owns them hands calls in here and fetches the answers.
//!
//! It belongs to one thread, as a front thread's reactor does, and does the same work in the same order. What is cheap is
//! answered at once; what is queued is answered by [`Desk::attend`] once the bell has rung.

mod answer;
mod metadata;

use super::access::{self, Access};
use super::bell::Bell;
use super::{calls, connection, grpc, health, reflection, stream};
use crate::drive::inbox::{Post, Ticket};
use crate::drive::keys::Permit;
use crate::drive::message::{Encoding, Message, too_large};
use crate::drive::plane::{Held, Phase, Plane};
use crate::drive::reactor::{Caller, Envelope, Outcome, Reactor, draining};
pub use answer::Answer;
use bytes::Bytes;
use http::HeaderMap;
use metadata::{from_wire, to_wire};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::plane::Nanos;

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
/// What came with a message.
pub struct Accompaniment {
    /// Names in lower case with their values; those of `-bin` are plain bytes.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// The caller's IP address.
    pub peer: Arc<str>,
    /// Time that the caller gives from now on.
    pub timeout: Option<Nanos>,
}

/// What became of a call.
pub enum Called {
    Answered(Answer),
    /// It waits or runs; its answer comes later.
    Waits(Ticket),
}

/// How a message is asked, and so how it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Unary,
    /// One message of a ModelStreamInfer, whose errors are messages too, unless the caller wants the first as the end
    /// or the time of the stream is over.
    Streamed {
        ends_on_error: bool,
        until: Nanos,
    },
}

/// See the module.
pub struct Desk {
    reactor: Rc<Reactor>,
    settled: Rc<RefCell<Vec<(Ticket, Form, Outcome)>>>,
    post: Post,
    bell: Arc<Bell>,
    access: Access,
    is_aborted: bool,
}

impl Desk {
    /// The desk of a plane without front threads, which has one.
    ///
    /// # Errors
    /// The system has no file descriptor left for the bell.
    pub fn new(plane: &Arc<Plane>) -> io::Result<Self> {
        let bell = Arc::new(Bell::new()?);
        let own = Arc::clone(&bell);
        plane.inboxes[0].ring_also(Arc::new(move || own.ring()));
        let (reactor, settled, post) = (Reactor::new(plane, 0), Rc::default(), Post::default());
        Ok(Self { reactor, settled, post, bell, access: Access::default(), is_aborted: false })
    }

    /// Rings when the desk is to be attended.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    pub fn plane(&self) -> &Arc<Plane> {
        &self.reactor.plane
    }

    /// Takes one unary call, such as `/inference.GRPCInferenceService/ModelInfer`.
    pub fn call(&mut self, path: &str, message: Bytes, with: Accompaniment) -> Called {
        match path.strip_prefix(connection::INFERENCE) {
            Some("ModelInfer") => self.infer(message, with, Form::Unary),
            method => match (method, self.permit(path, with.metadata, &with.peer).1) {
                (_, Err(fault)) => Called::Answered(self.refuse(Form::Unary, &fault)),
                (Some(method), Ok(permit)) => {
                    self.at_once(path, message, |plane, message| calls::call(plane, &permit, method, message))
                }
                (None, Ok(_)) if path == health::CHECK => self.at_once(path, message, health::check),
                (None, Ok(_)) => self.at_once(path, message, |_, _| Err(connection::unknown_path(path))),
            },
        }
    }

    /// Takes one message of a ModelStreamInfer; the answer is a `ModelStreamInferResponse`.
    pub fn infer_streamed(&mut self, message: Bytes, with: Accompaniment) -> Called {
        let ends_on_error = with.metadata.iter().any(|(name, value)| name == stream::ENDS_ON_ERROR && value == b"true");
        let until = with.timeout.map_or(Nanos::MAX, |timeout| self.plane().clock.now().saturating_add(timeout));
        self.infer(message, with, Form::Streamed { ends_on_error, until })
    }

    /// How a stream such as `/inference.GRPCInferenceService/ModelStreamInfer` ends at once, if its caller lacks a key.
    pub fn refusal(&self, path: &str, with: Accompaniment) -> Option<Answer> {
        self.permit(path, with.metadata, &with.peer).1.err().map(|fault| self.refuse(Form::Unary, &fault))
    }

    /// Answers one message of a reflection stream.
    pub fn reflect(&self, message: Bytes) -> Answer {
        self.answer(Form::Unary, unstamped(reflection::answer(message).map(|answer| grpc::frame(&answer))))
    }

    fn infer(&mut self, message: Bytes, with: Accompaniment, form: Form) -> Called {
        let plane = Arc::clone(self.plane());
        let arrived = plane.clock.now();
        let mut held = Held::new(&plane);
        let (now, ticket) = (Rc::default(), Rc::default());
        let slot = Slot { form, now: Rc::clone(&now), ticket: Rc::clone(&ticket), settled: Rc::clone(&self.settled) };
        let (metadata, permit) = self.permit(INFER, with.metadata, &with.peer);
        let permit = match held.grow(message.len()).and(permit) {
            Ok(permit) => permit,
            Err(fault) => return Called::Answered(self.refuse(form, &fault)),
        };
        let envelope = Envelope {
            metadata,
            permit,
            peer: with.peer,
            grpc_timeout: with.timeout,
            arrived,
            wants_echo: form != Form::Unary,
        };
        let message = Message::new(vec![message], Encoding::Identity, plane.message_limit());
        self.reactor.take_here(message, envelope, held, Box::new(slot));
        if self.reactor.has_copies() {
            self.bell.ring();
        }
        let outcome = now.borrow_mut().take();
        match (outcome, ticket.get()) {
            (Some(outcome), _) => Called::Answered(self.answer(form, outcome)),
            (None, Some(ticket)) => Called::Waits(ticket),
            (None, None) => {
                let fault = Fault::new(Reason::Internal, "the gateway failed with this request; its log has the panic");
                Called::Answered(self.answer(form, unstamped(Err(fault))))
            }
        }
    }

    /// The metadata as it would be on the wire, without the caller's credential, and what that opens.
    fn permit(&self, path: &str, metadata: Vec<(String, Vec<u8>)>, peer: &str) -> (HeaderMap, Result<Permit, Fault>) {
        let mut metadata = to_wire(metadata);
        let credential = access::take_credential(&mut metadata);
        let permit = if connection::is_open(path) {
            Ok(Permit::default())
        } else {
            self.access.permit(self.plane(), credential.as_ref(), peer)
        };
        (metadata, permit)
    }

    /// The answer to a call that is refused before anybody reads it; counted.
    fn refuse(&self, form: Form, fault: &Fault) -> Answer {
        self.reactor.count_failure(&self.plane().counters.unknown, self.plane().clock.now(), fault);
        self.answer(form, unstamped(Err(fault.clone())))
    }

    /// A call of one small message and one small answer.
    fn at_once(&self, path: &str, message: Bytes, reply: impl FnOnce(&Plane, Bytes) -> Result<Bytes, Fault>) -> Called {
        let _held = Held::new(self.plane());
        let limit = connection::message_limit(self.plane(), path);
        let result = if message.len() > limit {
            Err(too_large(limit, &format!("{} bytes", message.len())))
        } else {
            reply(self.plane(), message).map(|answer| grpc::frame(&answer))
        };
        Called::Answered(self.answer(Form::Unary, unstamped(result)))
    }

    /// Does what is due: replies of compute threads, orders, deadlines, copies for shadows, the end. Returns the calls
    /// that are answered now.
    pub fn attend(&mut self) -> Vec<(Ticket, Answer)> {
        self.bell.hear();
        self.reactor.receive(&mut self.post);
        self.reactor.expire();
        self.reactor.launch();
        if !self.is_aborted && self.phase() >= Phase::Aborting {
            self.is_aborted = true;
            self.reactor.abort();
        }
        let settled = std::mem::take(&mut *self.settled.borrow_mut());
        settled.into_iter().map(|(ticket, form, outcome)| (ticket, self.answer(form, outcome))).collect()
    }

    fn answer(&self, form: Form, outcome: Outcome) -> Answer {
        match form {
            Form::Unary => {
                let credit = outcome.credit.as_ref();
                match outcome.result {
                    Ok(frame) => Answer::good(frame.slice(FRAME_HEAD..), None, from_wire(grpc::head(credit).headers())),
                    Err(fault) => Answer::bad(&fault, &grpc::fault_trailers(&fault, credit)),
                }
            }
            Form::Streamed { ends_on_error, until } => {
                match stream::say(outcome, ends_on_error || self.plane().clock.now() >= until) {
                    Ok((frame, last)) => {
                        Answer::good(frame.slice(FRAME_HEAD..), last.map(|frame| frame.slice(FRAME_HEAD..)), Vec::new())
                    }
                    Err(fault) => Answer::bad(&fault, &grpc::fault_trailers(&fault, None)),
                }
            }
        }
    }

    /// Gives up a call that waits: its caller is gone.
    pub fn cancel(&self, ticket: Ticket) {
        self.reactor.cancel(ticket);
    }

    /// How long until the earliest deadline, when the desk is to be attended.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let now = self.plane().clock.now();
        self.reactor.next_deadline().map(|at| at.saturating_sub(now))
    }

    /// How a stream ends because the gateway does.
    pub fn end_of_streams(&self) -> Answer {
        let fault = draining();
        Answer::bad(&fault, &grpc::fault_trailers(&fault, None))
    }

    /// The epoch that is served.
    pub fn epoch(&self) -> u64 {
        *self.plane().swapped.borrow()
    }

    pub fn phase(&self) -> Phase {
        *self.plane().phase.borrow()
    }
}

/// Where the outcome of a call at the desk goes.
struct Slot {
    form: Form,
    /// The outcome, if it comes before the call waits.
    now: Rc<RefCell<Option<Outcome>>>,
    ticket: Rc<Cell<Option<Ticket>>>,
    settled: Rc<RefCell<Vec<(Ticket, Form, Outcome)>>>,
}

impl Caller for Slot {
    fn answer(self: Box<Self>, outcome: Outcome) {
        match self.ticket.get() {
            None => *self.now.borrow_mut() = Some(outcome),
            Some(ticket) => self.settled.borrow_mut().push((ticket, self.form, outcome)),
        }
    }

    fn wait(self: Box<Self>, _: &Rc<Reactor>, ticket: Ticket) -> Box<dyn Caller> {
        self.ticket.set(Some(ticket));
        self
    }
}

fn unstamped(result: Result<Bytes, Fault>) -> Outcome {
    Outcome { result, credit: None, echo: None }
}

#[cfg(test)]
mod tests;
