//! One HTTP/2 connection: every stream to the call that its path names.

use super::body::{Broken, Messages, encoding_of};
use super::threads::Place;
use super::{calls, grpc, health, infer, reflection, stream};
use crate::drive::message::Message;
use crate::drive::plane::{Held, Phase, Plane};
use crate::drive::reactor::{Outcome, Reactor, draining};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Method, Request, StatusCode, header};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason, quoted};
use tokio::net::TcpStream;

/// Bytes that one stream may send before we have read them.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Messages of calls without tensors are read on the thread that serves others, so they must be small.
const SMALL_MESSAGE: usize = 64 << 10;
/// What h2 may buffer of a stream that is not read at the moment is bounded by the windows above. Its own budget for
/// small frames would end a connection that pipelines many small messages, which ModelStreamInfer invites.
const DATA_FRAME_BUDGET: usize = 64 << 20;

pub const INFERENCE: &str = "/inference.GRPCInferenceService/";

/// Longest message of a call in bytes: where there may be tensors, what the document allows.
pub fn message_limit(plane: &Plane, path: &str) -> usize {
    let takes_tensors = path
        .strip_prefix(INFERENCE)
        .is_some_and(|method| matches!(method, "ModelInfer" | "ModelStreamInfer" | "RepositoryModelLoad"));
    if takes_tensors { plane.message_limit() } else { SMALL_MESSAGE }
}

/// Serves a connection to its end.
pub async fn serve(reactor: Rc<Reactor>, socket: std::net::TcpStream, mut place: Place) {
    // A socket that breaks before the first byte was never a connection.
    let Ok(socket) = TcpStream::from_std(socket) else { return };
    // Without its port: callers are told apart by where they are.
    let peer: Arc<str> =
        socket.peer_addr().map_or_else(|_| "".into(), |peer| peer.ip().to_canonical().to_string().into());
    let mut phase = reactor.plane.phase.subscribe();
    let limits = &reactor.plane.document.limits;
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(DATA_FRAME_BUDGET)
        .max_concurrent_streams(limits.streams_per_connection as u32)
        .max_header_list_size((limits.header_list_kib << 10) as u32);
    let patience = Duration::from_millis(limits.handshake_timeout_ms);
    let mut connection = tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase >= Phase::Draining) => return,
        shaken = tokio::time::timeout(patience, builder.handshake::<_, Bytes>(socket)) => match shaken {
            Ok(Ok(connection)) => connection,
            _ => return,
        },
    };
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
        }
    }
}

fn dispatch(reactor: &Rc<Reactor>, peer: &Arc<str>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (parts, body) = request.into_parts();
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
    let understood = encoding_of(&parts.headers).and_then(|encoding| Ok((encoding, grpc::timeout_of(&parts.headers)?)));
    let (encoding, timeout) = match understood {
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
        peer: Arc::clone(peer),
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
                let method = method.to_owned();
                unary(call, move |reactor, message| calls::call(&reactor.plane, &method, message));
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
    pub headers: HeaderMap,
    /// The caller's IP address.
    pub peer: Arc<str>,
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
