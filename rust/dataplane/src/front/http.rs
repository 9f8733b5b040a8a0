//! HTTP/1 for people and probes: metrics, health, and what the gateway is doing.

mod shadows;
mod status;
#[cfg(test)]
mod tests;

use super::rest;
use super::threads::{Doors, Protocol};
use crate::drive::plane::Plane;
use crate::observe::prometheus;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::document::Front;
use tidegate_core::plane::Nanos;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Probes and scrapers are few and quick; what comes beyond takes the seat of whoever has sat longest, so that a crowd
/// that says nothing cannot keep a probe waiting.
const MOST_CONNECTIONS: usize = 256;
/// Limits callers that send their head byte by byte, and connections between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// No connection keeps its seat longer: a scraper comes again, one that does not read its answer goes.
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
/// How long an answer may still take when the connection's time is up.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// Longest head of a request, in bytes.
const MOST_HEAD_BYTES: usize = 16 << 10;
/// When no connection can be taken (no file descriptors are left, mostly), a moment must pass before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What costs microseconds, so that probes wait for nobody.
const QUICK: [&str; 2] = ["/livez", "/readyz"];

/// The answer to every path that is none of ours.
const PATHS: &str = "there is nothing under this path; try /metrics, /livez, /readyz, /status, /snapshot, /shadow/<route>, /drift/<route> or /drift/<route>/profile\n";

/// Of what takes long there is one at a time, of each kind: whoever asks for much at once takes no more of the processor.
#[derive(Clone, Default)]
struct Turns {
    /// A report of thousands of features takes long to write: no scraper waits for somebody who reads one.
    reports: Turn,
    others: Turn,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Turns {
    fn of(&self, path: &str) -> Turn {
        let is_report = path.starts_with("/drift/") || path.starts_with("/shadow/");
        Arc::clone(if is_report { &self.reports } else { &self.others })
    }
}

/// Serves until the task is dropped; connections are tasks of their own. Those that ask for `/v2` first go to a front thread.
pub async fn serve(listener: TcpListener, plane: Arc<Plane>, doors: Doors) {
    let started = plane.clock.now();
    let turns = Turns::default();
    let mut seated = VecDeque::with_capacity(MOST_CONNECTIONS);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                seated.retain(|seat: &AbortHandle| !seat.is_finished());
                if seated.len() >= MOST_CONNECTIONS
                    && let Some(oldest) = seated.pop_front()
                {
                    oldest.abort();
                }
                let (plane, turns, doors) = (Arc::clone(&plane), turns.clone(), doors.clone());
                let seat = tokio::spawn(async move {
                    match rest::is_asked_for(&stream, HEAD_TIMEOUT).await {
                        Some(true) if !doors.is_empty() => doors.deal(Protocol::Rest, stream),
                        Some(_) => converse(stream, plane, started, turns).await,
                        None => {}
                    }
                });
                seated.push_back(seat.abort_handle());
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers the requests of one connection. How it ends is the caller's business: there is nobody to tell.
async fn converse(stream: TcpStream, plane: Arc<Plane>, started: Nanos, turns: Turns) {
    let service = service_fn(|request: Request<Incoming>| {
        let (plane, turns) = (Arc::clone(&plane), turns.clone());
        async move {
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let query = request.uri().query().unwrap_or_default().to_owned();
            if QUICK.contains(&&*path) {
                return Ok::<_, Infallible>(respond(&plane, started, &method, (&path, &query)));
            }
            let turn = turns.of(&path).lock_owned().await;
            let responding = tokio::task::spawn_blocking(move || {
                // Kept until the work is done, also when the caller has gone before.
                let _turn = turn;
                respond(&plane, started, &method, (&path, &query))
            });
            Ok(responding.await.unwrap_or_else(|_| {
                reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the gateway failed; its log has the panic\n")
            }))
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_HEAD_BYTES);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    if tokio::time::timeout(LONGEST_CONNECTION, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        drop(tokio::time::timeout(LAST_ANSWER, connection).await);
    }
}

fn respond(plane: &Plane, started: Nanos, method: &Method, (path, query): (&str, &str)) -> Response<Full<Bytes>> {
    let is_read = method == Method::GET || method == Method::HEAD;
    let shadow = path.strip_prefix("/shadow/").map(|route| shadows::report(plane, route));
    let drift = |route: &str| match route.strip_suffix("/profile") {
        Some(route) => plane.watches.profile(route, query, plane.clock.unix_ms() / 1_000),
        None => plane.watches.report(route),
    };
    let report = shadow.or_else(|| path.strip_prefix("/drift/").map(drift));
    match path {
        "/metrics" | "/livez" | "/readyz" | "/status" | "/snapshot" if !is_read => {
            let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD work here\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        "/metrics" => reply(StatusCode::OK, PROMETHEUS, prometheus::render(plane)),
        "/livez" => reply(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" if plane.is_ready() => reply(StatusCode::OK, TEXT, "ready\n"),
        "/readyz" => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, "ending\n"),
        "/status" => reply(StatusCode::OK, JSON, format!("{:#}\n", status::status(plane, started))),
        "/snapshot" => reply(StatusCode::OK, JSON, format!("{:#}\n", plane.snapshot().document.to_json())),
        _ if path == "/v2" || path.starts_with("/v2/") => not_here(plane),
        _ => match report {
            Some(Ok(report)) => reply(StatusCode::OK, JSON, format!("{report:#}\n")),
            Some(Err(sentence)) => reply(StatusCode::NOT_FOUND, TEXT, format!("{sentence}\n")),
            None => reply(StatusCode::NOT_FOUND, TEXT, PATHS),
        },
    }
}

/// The answer to a request for `/v2` that came where no front thread reads it.
fn not_here(plane: &Plane) -> Response<Full<Bytes>> {
    if plane.document.front == Front::Python {
        let sentence = "the protocol over HTTP needs `front: native`: interceptors in Python stand around gRPC alone\n";
        return reply(StatusCode::NOT_IMPLEMENTED, TEXT, sentence);
    }
    let sentence = "this connection serves pages; ask for /v2 on another one\n";
    let mut response = reply(StatusCode::MISDIRECTED_REQUEST, TEXT, sentence);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn reply(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
