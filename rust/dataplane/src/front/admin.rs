//! The admin socket: a Unix socket in the state folder that takes documents, for whoever may write in that folder.
//!
//! `POST /apply` with a document as JSON answers when every part of it is settled: served, unchanged, removed or refused.
//! The port for metrics takes none of this: whoever can scrape a gateway must not be able to change it.

use super::tls::{Look, Tls};
use crate::drive::change::{Changes, Doubts, Report, reason, word};
use crate::drive::plane::{CHANGES_NOTHING, Phase, Plane};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::document::{self, Document, VersionId, VersionSettings, Violation};
use tidegate_core::plane::Outcome;
use tokio::net::{UnixListener, UnixStream};

/// The name of the socket in the state folder.
pub const SOCKET: &str = "admin.sock";
/// Where it is made, before it gets its name.
const MAKING: &str = "admin.new";
/// Larger documents are none: the limits on routes and segments keep below.
const LARGEST_DOCUMENT: usize = 64 << 20;
/// Limits callers that send nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds the socket in a folder that this process owns; what an earlier process left there is in nobody's use.
///
/// # Errors
/// The system refuses.
pub fn bind(folder: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let path = folder.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Made where nobody else can reach it, so that it never has wider rights than in the end.
    let making = folder.join(MAKING);
    if making.exists() {
        std::fs::remove_dir_all(&making)?;
    }
    std::fs::DirBuilder::new().mode(0o700).create(&making)?;
    // The address of a socket holds about a hundred bytes: a long path is said by way of the open folder.
    let open = std::fs::File::open(&making)?;
    let listener = std::os::unix::net::UnixListener::bind(format!("/proc/self/fd/{}/{SOCKET}", open.as_raw_fd()))?;
    std::fs::set_permissions(making.join(SOCKET), std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(making.join(SOCKET), &path)?;
    std::fs::remove_dir(&making)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the task is dropped.
pub async fn serve(listener: UnixListener, plane: Arc<Plane>, changes: Changes) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&plane), changes.clone()))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers the requests of one connection. How it ends is the caller's business.
async fn converse(stream: UnixStream, plane: Arc<Plane>, changes: Changes) {
    let service = service_fn(|request: Request<Incoming>| {
        let (plane, changes) = (Arc::clone(&plane), changes.clone());
        async move { Ok::<_, Infallible>(respond(&plane, &changes, request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(plane: &Arc<Plane>, changes: &Changes, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_apply = request.method() == Method::POST && request.uri().path() == "/apply";
    // Read whole in any case: a caller whose message is cut off learns nothing of the answer.
    let body = match Limited::new(request.into_body(), LARGEST_DOCUMENT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let reason = format!("is larger than {LARGEST_DOCUMENT} bytes, which no document is");
            return refuse(&[Violation { path: String::new(), reason }]);
        }
        Err(error) => return reply(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})),
    };
    if !is_apply {
        return reply(StatusCode::NOT_FOUND, &json!({"error": "there is nothing here but POST /apply"}));
    }
    let reader = Arc::clone(plane);
    // A large document takes long to read, and this thread accepts connections and answers probes.
    let reading = tokio::task::spawn_blocking(move || {
        let document = read(&reader, &body)?;
        Ok::<_, Vec<Violation>>((document, reader.tls.as_ref().map(|tls| tls_outcome(tls, &reader))))
    });
    match reading.await {
        Err(_) => {
            reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "the gateway failed; its log has the panic"}))
        }
        Ok(Err(violations)) => refuse(&violations),
        Ok(Ok((document, tls))) => {
            let settled = changes.apply(document);
            let mut phase = plane.phase.subscribe();
            let report = tokio::select! {
                report = settled => report.ok(),
                _ = phase.wait_for(|phase| *phase >= Phase::Draining) => None,
            };
            match report {
                Some(report) => reply(StatusCode::OK, &describe(&report, tls.as_ref())),
                None => {
                    let reason = if plane.is_changing() { "the gateway is ending" } else { CHANGES_NOTHING };
                    reply(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": reason }))
                }
            }
        }
    }
}

/// Reads a document for a gateway that serves already.
///
/// # Errors
/// Everything that is wrong with it, or that only a restart can change.
pub fn read(plane: &Plane, body: &[u8]) -> Result<Document, Vec<Violation>> {
    let whole = |reason: String| vec![Violation { path: String::new(), reason }];
    let value: Value = serde_json::from_slice(body).map_err(|error| whole(format!("is not JSON: {error}")))?;
    let document = document::parse(&value)?;
    let violations = needing_a_restart(&plane.document, &document);
    if violations.is_empty() { Ok(document) } else { Err(violations) }
}

fn needing_a_restart(running: &Document, wanted: &Document) -> Vec<Violation> {
    let is = document::render_settings(running);
    let settings = document::render_settings(wanted).into_iter().filter(|(name, value)| is[name] != *value);
    let settings = settings.map(|(name, value)| {
        let is = &is[&name];
        let reason = format!("cannot change while the gateway serves (is {is}, would be {value}); restart it instead");
        Violation { path: name, reason }
    });
    settings.chain(needing_a_larger_pool(running, &wanted.versions)).collect()
}

/// Versions that want more threads inside of one operator than the pool has.
pub fn needing_a_larger_pool<'a>(
    running: &Document,
    versions: impl IntoIterator<Item = (&'a VersionId, &'a VersionSettings)>,
) -> Vec<Violation> {
    let pool = running.pool_threads();
    let too_wide = versions.into_iter().filter(|(_, version)| version.intra_op_threads > pool);
    let too_wide = too_wide.map(|(id, version)| Violation {
        path: format!("versions[\"{id}\"].intra_op_threads"),
        reason: format!(
            "the pool that all versions share has had {pool} threads since the gateway started, and {} need a larger \
             one; restart it instead",
            version.intra_op_threads
        ),
    });
    too_wide.collect()
}

/// What becomes of the files of TLS, which are looked at whenever a document comes.
fn tls_outcome(tls: &Tls, plane: &Plane) -> Outcome {
    let look = tls.check(plane);
    let sentences: Vec<String> =
        tls.violations().iter().map(|wrong| format!("{}: {}", wrong.path, wrong.reason)).collect();
    match look {
        _ if !sentences.is_empty() => Outcome::Refused(sentences.join("; ")),
        Look::Replaced => Outcome::Current,
        _ => Outcome::Unchanged,
    }
}

/// A report as JSON.
pub fn describe(report: &Report, tls: Option<&Outcome>) -> Value {
    // What is in force may still not do what one may think.
    let Doubts { monitors, profiles } = &report.doubts;
    let monitors = (!monitors.is_empty()).then(|| monitors.join("; "));
    let parts = report.settlements.iter().map(|settled| {
        let doubt = profiles.get(&settled.subject).map(String::as_str);
        (settled.subject.to_string(), &settled.outcome, doubt)
    });
    let others = [
        ("keys", report.sections.keys.as_ref(), None),
        ("monitors", report.sections.monitors.as_ref(), monitors.as_deref()),
        ("listen.tls", tls, None),
    ];
    let others = others.into_iter().filter_map(|(subject, outcome, doubt)| Some((subject.to_owned(), outcome?, doubt)));
    let settlements: Vec<Value> = parts
        .chain(others)
        .map(|(subject, outcome, doubt)| {
            json!({"subject": subject, "outcome": word(outcome), "reason": reason(outcome).or(doubt)})
        })
        .collect();
    json!({"epoch": report.epoch, "settlements": settlements})
}

fn refuse(violations: &[Violation]) -> Response<Full<Bytes>> {
    let violations: Vec<Value> =
        violations.iter().map(|found| json!({"path": found.path, "reason": found.reason})).collect();
    reply(StatusCode::UNPROCESSABLE_ENTITY, &json!({"violations": violations}))
}

fn reply(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(format!("{body}\n").into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
