//! The protocol over HTTP/1: `/v2`, for curl and for clients without gRPC. Whoever asks for it is served by the front threads.

mod about;
mod infer;
mod pieces;
mod refusal;

use super::access::{self, Access};
use super::arrival::{self, Failed, Line, TLS_HANDSHAKE};
use super::grpc::SEND_PATIENCE;
use super::life::Age;
use super::threads::Place;
use super::watched::Impatient;
use crate::drive::keys::Permit;
use crate::drive::plane::Phase;
use crate::drive::reactor::Reactor;
use crate::observe::connections::Closed;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use pieces::Pieces;
use refusal::{answer, refuse};
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason, quoted};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What is here, for programs that read it.
const OPENAPI: &str = include_str!("rest/openapi.json");
/// What needs a key needs TLS too, where there is any.
const NEEDS_TLS: &str = r#"{"error":"models are asked over TLS here: use https (listen.tls)"}"#;
/// How long a connection may rest between two requests, and how long the head of one may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes that tell where a request goes: the longest method, a space, and the first part of the path.
const TELLING: usize = 12;
/// How long to wait for more bytes of a request that has sent too few to tell.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether the first request of a connection asks for `/v2`; `None` if it does not say within `patience`.
pub async fn is_asked_for(socket: &TcpStream, patience: Duration) -> Option<bool> {
    let told = async {
        let mut first = [0; TELLING];
        loop {
            let Ok(count) = socket.peek(&mut first).await else { return false };
            match tells(&first[..count]) {
                Some(told) => return told,
                // The other side has closed, or sends no more.
                None if count == 0 => return false,
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    tokio::time::timeout(patience, told).await.ok()
}

/// Whether the first bytes of a request are of one for `/v2`; `None`: too few to tell.
fn tells(first: &[u8]) -> Option<bool> {
    // Pages are not served over TLS.
    if first.first() == Some(&TLS_HANDSHAKE) {
        return Some(true);
    }
    let Some(space) = first.iter().position(|byte| *byte == b' ') else {
        return (first.len() == TELLING).then_some(false);
    };
    let path = &first[space + 1..];
    if !b"/v2".starts_with(&path[..path.len().min(3)]) {
        return Some(false);
    }
    path.get(3).map(|next| matches!(next, b'/' | b' ' | b'?'))
}

/// Who is at the other end of a connection.
struct Peer {
    /// The caller's IP address.
    address: Arc<str>,
    access: Access,
    /// Whether the connection says who the caller is and lets nobody listen as well as the document asks for.
    is_secure: bool,
}

/// Serves a connection to its end.
pub async fn serve(reactor: Rc<Reactor>, socket: std::net::TcpStream, place: Place) {
    let Ok(socket) = TcpStream::from_std(socket) else { return };
    let address = socket.peer_addr().map_or_else(|_| "".into(), |peer| arrival::said(peer.ip()));
    let peer = |is_secure| Peer { address: Arc::clone(&address), access: Access::default(), is_secure };
    let plane = &reactor.plane;
    let patience = Duration::from_millis(plane.document.limits.handshake_timeout_ms);
    let mut phase = plane.phase.subscribe();
    let arrived = tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase >= Phase::Draining) => return,
        arrived = tokio::time::timeout(patience, arrival::arrive_at_http(plane, socket)) => arrived,
    };
    match arrived.unwrap_or_else(|_| Err(Failed::late())) {
        Ok(Line::Plain(socket)) => converse(&reactor, &peer(plane.tls.is_none()), socket).await,
        Ok(Line::Tls(stream)) => converse(&reactor, &peer(true), stream).await,
        Err(failed) => failed.tell(plane, &address),
    }
    drop(place);
}

/// Answers the requests of a connection for as long as it lasts.
async fn converse(reactor: &Rc<Reactor>, peer: &Peer, socket: impl AsyncRead + AsyncWrite + Unpin) {
    let socket = Impatient::new(socket, SEND_PATIENCE);
    let mut age = Age::new(&reactor.plane.document.limits);
    let mut phase = reactor.plane.phase.subscribe();
    let service = service_fn(|request| async move { Ok::<_, Infallible>(respond(reactor, peer, request).await) });
    let mut server = http1::Builder::new();
    let most_head = (reactor.plane.document.limits.header_list_kib << 10) as usize;
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(most_head.max(8 << 10));
    // Where models are asked over TLS, what comes without asks for health, and need not stay.
    server.keep_alive(peer.is_secure);
    let mut connection = pin!(server.serve_connection(TokioIo::new(socket), service));
    let mut is_draining = false;
    loop {
        tokio::select! {
            // How it ends is the caller's business: there is nobody to tell.
            _ = connection.as_mut() => return,
            _ = phase.wait_for(|phase| *phase >= Phase::Draining), if !is_draining => is_draining = true,
            () = age.reached() => reactor.plane.counters.closed.count(Closed::MaxAge),
        }
        // The request that is being answered is the last.
        connection.as_mut().graceful_shutdown();
    }
}

async fn respond(reactor: &Rc<Reactor>, peer: &Peer, mut request: Request<Incoming>) -> Response<Pieces> {
    let credential = access::take_credential(request.headers_mut());
    let path = request.uri().path().to_owned();
    let parts: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let plane = &reactor.plane;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let permit = match parts[..] {
        ["v2", "models", ..] if !peer.is_secure => return answer(StatusCode::FORBIDDEN, NEEDS_TLS),
        ["v2", "models", ..] => match peer.access.permit(plane, credential.as_ref(), &peer.address) {
            Ok(permit) => permit,
            Err(fault) => {
                reactor.count_failure(&plane.counters.unknown, plane.clock.now(), &fault);
                return refuse(&fault, None);
            }
        },
        _ => Permit::default(),
    };
    match parts[..] {
        ["v2", "models", name, "infer"] => infer_by(reactor, (name, ""), (peer, permit), request).await,
        ["v2", "models", name, "versions", version, "infer"] => {
            infer_by(reactor, (name, version), (peer, permit), request).await
        }
        ["v2", ..] if !is_read => not_allowed("GET, HEAD"),
        ["v2"] => about::server(plane),
        ["v2", "openapi.json"] => answer(StatusCode::OK, OPENAPI.trim_end()),
        ["v2", "health", "live"] => about::live(),
        ["v2", "health", "ready"] => about::ready(plane),
        ["v2", "models", name] => about::model(plane, &permit, name, ""),
        ["v2", "models", name, "ready"] => about::model_ready(plane, &permit, name, ""),
        ["v2", "models", name, "versions", version] => about::model(plane, &permit, name, version),
        ["v2", "models", name, "versions", version, "ready"] => about::model_ready(plane, &permit, name, version),
        ["v2", ..] => {
            let text = format!("there is nothing under {}; /v2/openapi.json says what there is", quoted(&path));
            refuse(&Fault::new(Reason::UnknownMethod, text), None)
        }
        _ => {
            let body = r#"{"error":"this connection serves /v2; ask for pages on another one"}"#;
            let mut response = answer(StatusCode::MISDIRECTED_REQUEST, body);
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

async fn infer_by(
    reactor: &Rc<Reactor>,
    (model, version): (&str, &str),
    (peer, permit): (&Peer, Permit),
    request: Request<Incoming>,
) -> Response<Pieces> {
    if request.method() != Method::POST {
        return not_allowed("POST");
    }
    let (model, version, peer) = (model.to_owned(), version.to_owned(), Arc::clone(&peer.address));
    infer::infer(reactor, infer::Path { model, version, peer, permit }, request).await
}

fn not_allowed(methods: &'static str) -> Response<Pieces> {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, &format!("{{\"error\":\"only {methods} work here\"}}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

#[cfg(test)]
mod tests {
    use super::tells;

    #[test]
    fn the_first_bytes_tell_where_a_request_goes() {
        for (first, told) in [
            ("GET /v2/health", Some(true)),
            ("POST /v2 HTTP", Some(true)),
            ("GET /v2?x", Some(true)),
            ("GET /v25", Some(false)),
            ("GET /metrics", Some(false)),
            ("GET /v", None),
            ("GET /v2", None),
            ("GET", None),
            ("", None),
            ("PROPFINDNOTHING", Some(false)),
            ("\x16\x03\x01", Some(true)),
        ] {
            assert_eq!(tells(&first.as_bytes()[..first.len().min(super::TELLING)]), told, "{first}");
        }
    }
}
