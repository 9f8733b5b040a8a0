//! ModelStreamInfer: a stream of requests, each on its own way, answered in the order they came.

use super::asked::Asked;
use super::body::{Broken, Step};
use super::connection::{Call, Peer, until_deadline, until_draining};
use super::grpc;
use crate::drive::message::Message;
use crate::drive::plane::Held;
use crate::drive::reactor::{Echo, Envelope, Outcome, Reactor};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::SendStream;
use http::{HeaderMap, HeaderValue};
use prost::Message as _;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::Fault;
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::oip::messages::inference::infer_parameter::ParameterChoice;
use tidegate_core::oip::messages::inference::{InferParameter, ModelInferResponse, ModelStreamInferResponse};

/// Requests of one stream that are under way at once; then its flow control holds the caller back.
const OUTSTANDING: usize = 64;

/// Metadata with which a caller wants the first error as the status of the whole stream.
pub const ENDS_ON_ERROR: &str = "triton_grpc_error";

/// Takes the call.
pub fn serve(call: Call) {
    tokio::task::spawn_local(run(call));
}

async fn run(call: Call) {
    let Call { reactor, headers, credential, peer, timeout, mut messages, mut respond, .. } = call;
    let Ok(mut out) = respond.send_response(grpc::head(None), false) else { return };
    let started = reactor.plane.clock.now();
    let mut session = Session {
        ends_on_error: headers.get(ENDS_ON_ERROR).is_some_and(|value| value == "true"),
        deadline: timeout.map(|timeout| started.saturating_add(timeout)),
        headers,
        credential,
        peer,
        outstanding: VecDeque::new(),
        reactor,
    };
    let mut held = Held::bytes_only(&session.reactor.plane);
    let idle = Duration::from_millis(session.reactor.plane.document.limits.idle_body_timeout_ms);
    let mut is_open = true;
    let ended = Rc::clone(&session.reactor);
    let mut draining = std::pin::pin!(until_draining(&ended));
    // Why the stream ends once what is outstanding has been answered.
    let mut ending: Option<Fault> = None;
    let mut is_draining = false;
    let mut timed_out = std::pin::pin!(until_deadline(timeout));
    let end: Result<(), Fault> = loop {
        if session.outstanding.is_empty() {
            if let Some(fault) = ending.take() {
                break Err(fault);
            }
            if !is_open {
                break Ok(());
            }
        }
        let reads = is_open && ending.is_none() && session.outstanding.len() < OUTSTANDING;
        tokio::select! {
            biased;
            outcome = session.next(), if !session.outstanding.is_empty() => {
                match session.deliver(&mut out, outcome).await {
                    Delivered::Yes => {}
                    Delivered::End(fault) => break Err(fault),
                    Delivered::Gone => return,
                }
            }
            step = messages.step(&mut held, idle), if reads => match step {
                Ok(Step::More) => {}
                Ok(Step::Message(message)) => {
                    held = Held::bytes_only(&session.reactor.plane);
                    session.begin(message);
                }
                Ok(Step::End) => is_open = false,
                Err(Broken::Fault(fault)) => {
                    session.reactor.count_failure(&session.reactor.plane.counters.unknown, session.reactor.plane.clock.now(), &fault);
                    ending = Some(fault);
                }
                Err(Broken::Gone) => return,
            },
            reset = poll_fn(|cx| out.poll_reset(cx)) => { drop(reset); return }
            fault = &mut draining, if !is_draining => {
                is_draining = true;
                ending.get_or_insert(fault);
            }
            fault = &mut timed_out => break Err(fault),
        }
    };
    let trailers = end.map_or_else(|fault| grpc::fault_trailers(&fault, None), |()| grpc::ok_trailers());
    drop(out.send_trailers(trailers));
}

/// What one stream has under way.
struct Session {
    reactor: Rc<Reactor>,
    headers: HeaderMap,
    credential: Option<HeaderValue>,
    peer: Rc<Peer>,
    /// The caller wants the first error as the status of the whole stream.
    ends_on_error: bool,
    deadline: Option<u64>,
    outstanding: VecDeque<Asked>,
}

enum Delivered {
    Yes,
    End(Fault),
    Gone,
}

impl Session {
    fn begin(&mut self, message: Message) {
        let now = self.reactor.plane.clock.now();
        let mut held = Held::new(&self.reactor.plane);
        let grown = held.grow(message.len());
        // A key that is taken away while the stream lasts opens nothing from then on.
        let permit = grown.and_then(|()| self.peer.permit(&self.reactor.plane, self.credential.as_ref()));
        let grpc_timeout = self.deadline.map(|deadline| deadline.saturating_sub(now));
        let (metadata, peer) = (self.headers.clone(), Arc::clone(&self.peer.address));
        self.outstanding.push_back(match permit {
            Ok(permit) => {
                let envelope = Envelope { metadata, permit, peer, grpc_timeout, arrived: now, wants_echo: true };
                // An answer that a slow caller does not read must not hold the version that gave it.
                Asked::of(&self.reactor, message, envelope, held, false)
            }
            Err(fault) => Asked::refused(&self.reactor, &fault, now),
        });
    }

    /// The outcome of the oldest request; the others wait for it.
    async fn next(&mut self) -> Outcome {
        match self.outstanding.front_mut() {
            None => std::future::pending().await,
            Some(first) => first.outcome().await,
        }
    }

    async fn deliver(&mut self, out: &mut SendStream<Bytes>, outcome: Outcome) -> Delivered {
        self.outstanding.pop_front();
        // The time of a request may be over a moment before that of its stream, which is the same.
        let is_late = self.deadline.is_some_and(|deadline| self.reactor.plane.clock.now() >= deadline);
        let (frame, last) = match say(outcome, self.ends_on_error || is_late) {
            Ok(said) => said,
            Err(fault) => return Delivered::End(fault),
        };
        for frame in std::iter::once(frame).chain(last) {
            if !grpc::send(out, frame).await {
                return Delivered::Gone;
            }
        }
        Delivered::Yes
    }
}

/// What a stream says of one request, framed: the answer or the error, and the empty message after it if it was asked for.
///
/// # Errors
/// The fault, if the stream ends with it.
pub fn say(outcome: Outcome, ends_on_error: bool) -> Result<(Bytes, Option<Bytes>), Fault> {
    let Echo { id, model_name, wants_final } = outcome.echo.map_or_else(Echo::default, |echo| *echo);
    let frame = match outcome.result {
        Ok(answer) => wrap(&answer.slice(FRAME_HEAD..)),
        Err(fault) if ends_on_error => return Err(fault),
        Err(fault) => error(&id, &model_name, &fault),
    };
    Ok((frame, wants_final.then(|| last(&id, &model_name))))
}

/// A `ModelStreamInferResponse` around an encoded answer.
fn wrap(answer: &[u8]) -> Bytes {
    const INFER_RESPONSE: u8 = 2 << 3 | 2;
    let mut message = BytesMut::with_capacity(answer.len() + 16);
    message.put_slice(&[0; FRAME_HEAD]);
    message.put_u8(INFER_RESPONSE);
    prost::encoding::encode_varint(answer.len() as u64, &mut message);
    message.put_slice(answer);
    let length = (message.len() - FRAME_HEAD) as u32;
    message[1..FRAME_HEAD].copy_from_slice(&length.to_be_bytes());
    message.freeze()
}

fn error(id: &str, model_name: &str, fault: &Fault) -> Bytes {
    let about = ModelInferResponse { id: id.to_owned(), model_name: model_name.to_owned(), ..Default::default() };
    let error_message = fault.to_string();
    grpc::frame(&ModelStreamInferResponse { error_message, infer_response: Some(about) }.encode_to_vec())
}

/// The empty message that tells Triton's clients that a request has no more answers.
fn last(id: &str, model_name: &str) -> Bytes {
    let is_final = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
    let answer = ModelInferResponse {
        id: id.to_owned(),
        model_name: model_name.to_owned(),
        parameters: BTreeMap::from([("triton_final_response".to_owned(), is_final)]),
        ..Default::default()
    };
    wrap(&answer.encode_to_vec())
}
