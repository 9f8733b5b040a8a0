//! One HTTP/2 connection: every stream to the call that its path names.

use super::access::{self, Access};
use super::arrival::{self, Arrived, Failed};
use super::body::{Broken, Messages, encoding_of};
use super::life::{Age, Pulse};
use super::threads::Place;
use super::watched::Heard;
use super::{calls, grpc, health, infer, reflection, stream};
use crate::drive::keys::Permit;
use crate::drive::message::Message;
use crate::drive::plane::{Held, Phase, Plane};
use crate::drive::reactor::{Outcome, Reactor, draining};
use crate::observe::connections::Closed;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason, quoted};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Messages of calls without tensors are read on the thread that serves others, so they must be small.
const SMALL_MESSAGE: usize = 64 << 10;

pub const INFERENCE: &str = "/inference.GRPCInferenceService/";

/// Longest message of a call in bytes: where there may be tensors, what the document allows.
pub fn message_limit(plane: &Plane, path: &str) -> usize {
    let takes_tensors = path
        .strip_prefix(INFERENCE)
        .is_some_and(|method| matches!(method, "ModelInfer" | "ModelStreamInfer" | "RepositoryModelLoad"));
    if takes_tensors { plane.message_limit() } else { SMALL_MESSAGE }
}

/// Whether a call needs no key: those by which balancers and orchestrators tell whether the gateway is well.
pub fn is_open(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
        || path.strip_prefix(INFERENCE).is_some_and(|method| matches!(method, "ServerLive" | "ServerReady"))
}

/// Serves a connection to its end.
pub async fn serve(reactor: Rc<Reactor>, socket: std::net::TcpStream, place: Place) {
    // A socket that breaks before the first byte was never a connection.
    let Ok(socket) = TcpStream::from_std(socket) else { return };
    let mut address = socket.peer_addr().map_or_else(|_| "".into(), |peer| arrival::said(peer.ip()));
    let heard = Heard::default();
    let mut phase = reactor.plane.phase.subscribe();
    let patience = Duration::from_millis(reactor.plane.document.limits.handshake_timeout_ms);
    let arrived = tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase >= Phase::Draining) => return,
        arrived = tokio::time::timeout(patience, arrival::arrive(&reactor.plane, socket, &mut address, &heard)) => arrived,
    };
    match arrived.unwrap_or_else(|_| Err(Failed::late())) {
        Ok(Arrived::Plain(connection)) => converse(reactor, *connection, (address, heard), phase, place).await,
        Ok(Arrived::Tls(connection)) => converse(reactor, *connection, (address, heard), phase, place).await,
        Err(failed) => failed.tell(&reactor.plane, &address),
    }
}

/// Takes the calls of a connection for as long as it lasts.
async fn converse<Stream: AsyncRead + AsyncWrite + Unpin>(
    reactor: Rc<Reactor>,
    mut connection: Connection<Stream, Bytes>,
    (address, heard): (Arc<str>, Heard),
    mut phase: watch::Receiver<Phase>,
    mut place: Place,
) {
    let document = &reactor.plane.document;
    let mut age = Age::new(&document.limits);
    let mut pulse = Pulse::new(&document.limits, connection.ping_pong(), heard);
    let peer = Rc::new(Peer { address, access: Access::default() });
    let closed = &reactor.plane.counters.closed;
    let mut is_draining = false;
    loop {
        tokio::select! {
            biased;
            accepted = poll_fn(|cx| {
                let accepted = connection.poll_accept(cx);
                if is_draining {
                    place.set_answering(connection.has_streams());
                }
                accepted
            }) => match accepted {
                Some(Ok((request, respond))) => dispatch(&reactor, &peer, request, respond),
                // Protocol errors and broken sockets end a connection; its requests are reset with it.
                Some(Err(_)) | None => return,
            },
            changed = phase.wait_for(|phase| *phase >= Phase::Draining), if !is_draining => {
                drop(changed);
                connection.graceful_shutdown();
                is_draining = true;
            }
            // What has begun goes on, streams for as long as their callers want.
            () = age.reached() => {
                closed.count(Closed::MaxAge);
                connection.graceful_shutdown();
            }
            () = pulse.lost() => return closed.count(Closed::Keepalive),
        }
    }
}

/// Who is at the other end of a connection.
pub struct Peer {
    /// The caller's IP address.
    pub address: Arc<str>,
    access: Access,
}

fn dispatch(reactor: &Rc<Reactor>, peer: &Rc<Peer>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (mut parts, body) = request.into_parts();
    let is_grpc = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')));
    if parts.method != Method::POST {
        return grpc::refuse_http(respond, StatusCode::METHOD_NOT_ALLOWED);
    }
    if !is_grpc {
        return grpc::refuse_http(respond, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let path = parts.uri.path();
    let credential = access::take_credential(&mut parts.headers);
    let understood = encoding_of(&parts.headers).and_then(|encoding| {
        let timeout = grpc::timeout_of(&parts.headers)?;
        let permit = if is_open(path) { Permit::default() } else { peer.permit(&reactor.plane, credential.as_ref())? };
        Ok((encoding, timeout, permit))
    });
    let (encoding, timeout, permit) = match understood {
        Ok(understood) => understood,
        Err(fault) => {
            reactor.count_failure(&reactor.plane.counters.unknown, reactor.plane.clock.now(), &fault);
            return grpc::refuse(&mut respond, &fault, None);
        }
    };
    let messages = Messages::new(body, encoding, message_limit(&reactor.plane, path));
    let call = Call {
        reactor: Rc::clone(reactor),
        headers: parts.headers,
        credential,
        permit,
        peer: Rc::clone(peer),
        timeout,
        messages,
        respond,
    };
    match path {
        "/inference.GRPCInferenceService/ModelInfer" => infer::serve(call),
        "/inference.GRPCInferenceService/ModelStreamInfer" => stream::serve(call),
        health::CHECK => unary(call, |reactor, message| health::check(&reactor.plane, message)),
        "/grpc.health.v1.Health/Watch" => health::watch(call),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => reflection::serve(call),
        _ => match path.strip_prefix(INFERENCE) {
            Some(method) => {
                let (method, permit) = (method.to_owned(), call.permit.clone());
                unary(call, move |reactor, message| calls::call(&reactor.plane, &permit, &method, message));
            }
            None => {
                let fault = unknown_path(path);
                let Call { mut respond, .. } = call;
                grpc::refuse(&mut respond, &fault, None);
            }
        },
    }
}

/// The fault of a call that nobody here takes.
pub fn unknown_path(path: &str) -> Fault {
    let shown = quoted(path);
    Fault::new(Reason::UnknownMethod, format!("there is no method {shown}; reflection lists the services"))
}

/// One stream, opened and not yet read.
pub struct Call {
    pub reactor: Rc<Reactor>,
    /// Without the credential.
    pub headers: HeaderMap,
    pub credential: Option<HeaderValue>,
    /// What the caller might do when the call began.
    pub permit: Permit,
    pub peer: Rc<Peer>,
    /// The caller's `grpc-timeout` in nanoseconds.
    pub timeout: Option<u64>,
    pub messages: Messages,
    pub respond: SendResponse<Bytes>,
}

impl Call {
    /// Waits for the one message of a unary call, within the time that callers have and the gateway has left.
    pub async fn message(&mut self, one: &mut Option<Message>, held: &mut Held) -> Result<Message, Broken> {
        let (idle, within) = self.patience();
        let mut phase = self.reactor.plane.phase.subscribe();
        tokio::select! {
            biased;
            read = self.messages.unary(one, held, idle, within) => read,
            _ = phase.wait_for(|phase| *phase >= Phase::Aborting) => Err(Broken::Fault(draining())),
        }
    }

    /// How long a body may stand still, and how long it may take in all.
    fn patience(&self) -> (Duration, Duration) {
        let document = &self.reactor.plane.document;
        let idle = Duration::from_millis(document.limits.idle_body_timeout_ms);
        let most = Duration::from_millis(document.timeout_ms).max(idle);
        (idle, self.timeout.map_or(most, |timeout| most.min(Duration::from_nanos(timeout))))
    }
}

/// A call of one small message and one small answer.
fn unary(mut call: Call, handle: impl FnOnce(&Reactor, Bytes) -> Result<Bytes, Fault> + 'static) {
    tokio::task::spawn_local(async move {
        let mut held = Held::new(&call.reactor.plane);
        let result = match call.message(&mut None, &mut held).await {
            Ok(message) => message
                .into_bytes(&mut held)
                .and_then(|message| handle(&call.reactor, message))
                .map(|answer| grpc::frame(&answer)),
            Err(Broken::Fault(fault)) => Err(fault),
            Err(Broken::Gone) => return,
        };
        grpc::answer(call.respond, Outcome { result, credit: None, echo: None });
    });
}

/// Waits as long as the caller gave a whole stream, and says so.
pub async fn until_deadline(timeout: Option<u64>) -> Fault {
    match timeout {
        None => std::future::pending().await,
        Some(nanos) => tokio::time::sleep(Duration::from_nanos(nanos)).await,
    }
    Fault::new(Reason::DeadlineExpired, "the deadline of the stream passed")
}

/// Waits until long streams have to end, and says why.
pub async fn until_draining(reactor: &Reactor) -> Fault {
    let mut phase = reactor.plane.phase.subscribe();
    // The plane owns the sender and outlives the stream, so waiting cannot fail.
    drop(phase.wait_for(|phase| *phase >= Phase::Draining).await);
    draining()
}

impl Peer {
    /// What the caller may do now.
    ///
    /// # Errors
    /// It has no key, and needs one.
    pub fn permit(&self, plane: &Plane, credential: Option<&HeaderValue>) -> Result<Permit, Fault> {
        self.access.permit(plane, credential, &self.address)
    }
}
