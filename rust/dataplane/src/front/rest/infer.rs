//! `POST /v2/models/{name}[/versions/{version}]/infer`.

use super::pieces::Pieces;
use super::refusal::{JSON, refuse};
use crate::drive::keys::Permit;
use crate::drive::message::{Encoding, LIGHT, Message, too_large};
use crate::drive::plane::Held;
use crate::drive::reactor::{Envelope, Outcome, Reactor};
use crate::front::asked::Asked;
use crate::front::grpc;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, Response};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::oip::rest::{self, Form, Written};

/// How many bytes of a body are JSON, where binary data follows.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Who is asked, and by whom.
pub(super) struct Path {
    pub(super) model: String,
    pub(super) version: String,
    pub(super) peer: Arc<str>,
    pub(super) permit: Permit,
}

/// Answers one request.
pub(super) async fn infer(reactor: &Rc<Reactor>, path: Path, request: Request<Incoming>) -> Response<Pieces> {
    let arrived = reactor.plane.clock.now();
    let mut held = Held::new(&reactor.plane);
    let (parts, body) = request.into_parts();
    let asked = match read(reactor, &path, &parts.headers, body, &mut held).await {
        Ok(asked) => asked,
        Err(fault) => {
            reactor.count_failure(&reactor.plane.counters.unknown, arrived, &fault);
            return refuse(&fault, None);
        }
    };
    let message = Message::new(asked.pieces, Encoding::Identity, reactor.plane.message_limit());
    let envelope = Envelope {
        metadata: parts.headers,
        permit: path.permit,
        peer: path.peer,
        grpc_timeout: None,
        arrived,
        wants_echo: false,
    };
    let Outcome { result, credit, .. } = Asked::of(reactor, message, envelope, held, true).outcome().await;
    let written = match result {
        Ok(frame) => write(frame, asked.form).await,
        Err(fault) => Err(fault),
    };
    match written {
        Ok(Body { pieces, json_length }) => {
            let mut response = Response::new(pieces);
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, if json_length.is_some() { BINARY } else { JSON });
            headers.extend(json_length.map(|length| (JSON_LENGTH, HeaderValue::from(length))));
            if let Some(credit) = &credit {
                grpc::insert_credit(headers, credit);
            }
            response
        }
        Err(fault) => refuse(&fault, credit.as_ref()),
    }
}

async fn read(
    reactor: &Reactor,
    path: &Path,
    headers: &HeaderMap,
    body: Incoming,
    held: &mut Held,
) -> Result<rest::Asked, Fault> {
    // Read whole in any case: a caller whose message is cut off learns nothing of the answer.
    let document = &reactor.plane.document;
    let most = document.timeout_ms.max(document.limits.idle_body_timeout_ms);
    let collected = tokio::time::timeout(Duration::from_millis(most), collect(reactor, body, held)).await;
    let body = collected.unwrap_or_else(|_| {
        let text = format!(
            "the body did not arrive within {most} ms (the larger of timeout_ms and limits.idle_body_timeout_ms)"
        );
        Err(Fault::new(Reason::DeadlineExpired, text))
    })?;
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        let shown = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        let text = format!("content-encoding \"{}\" is not understood; send the body as it is", quoted(&shown));
        return Err(Fault::new(Reason::UnknownCompression, text));
    }
    let json_length = json_length(headers, body.len())?;
    let (model, version) = (path.model.clone(), path.version.clone());
    let is_heavy = body.len() > LIGHT;
    let read = move || rest::read(&body[..json_length], &body.slice(json_length..), &model, &version);
    aside(is_heavy, read).await
}

/// How many of a body's bytes are JSON: all of them, unless a header says otherwise.
fn json_length(headers: &HeaderMap, came: usize) -> Result<usize, Fault> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(came) };
    let said = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|length| *length <= came);
    said.ok_or_else(|| {
        let shown = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let shown = quoted(&shown);
        let text = format!("{JSON_LENGTH} is \"{shown}\"; expected how many of the body's {came} bytes are JSON");
        Fault::new(Reason::MalformedMessage, text)
    })
}

/// The whole body, accounted for while it arrives. What is too large is read as far again and thrown away.
async fn collect(reactor: &Reactor, mut body: Incoming, held: &mut Held) -> Result<Bytes, Fault> {
    let limit = reactor.plane.message_limit();
    let idle = reactor.plane.document.limits.idle_body_timeout_ms;
    let (mut first, mut whole, mut came) = (Bytes::new(), BytesMut::new(), 0);
    loop {
        let Ok(frame) = tokio::time::timeout(Duration::from_millis(idle), body.frame()).await else {
            let text = format!("no byte of the body arrived for {idle} ms (limits.idle_body_timeout_ms)");
            return Err(Fault::new(Reason::DeadlineExpired, text));
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| {
            Fault::new(Reason::MalformedMessage, format!("the body ends before its length, or breaks HTTP: {error}"))
        })?;
        let Ok(chunk) = frame.into_data() else { continue };
        came += chunk.len();
        if came > limit {
            (first, whole) = (Bytes::new(), BytesMut::new());
            if came > 2 * limit {
                break;
            }
            continue;
        }
        held.grow(chunk.len())?;
        if whole.is_empty() && first.is_empty() {
            first = chunk;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&chunk);
        }
    }
    if came > limit {
        return Err(too_large(limit, &format!("{came} bytes or more")));
    }
    // Nearly always one piece holds a small body, which is then used as it came.
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// The body of an answer, and how much of it is JSON if that is not all.
struct Body {
    pieces: Pieces,
    json_length: Option<usize>,
}

async fn write(frame: Bytes, form: Form) -> Result<Body, Fault> {
    // What is written out as text may take long; binary data stays where it is.
    let is_heavy = frame.len() > LIGHT && !form.binary;
    let message = frame.slice(FRAME_HEAD..);
    let Written { json, binary } = aside(is_heavy, move || rest::write(message, &form)).await?;
    let json_length = (!binary.is_empty()).then_some(json.len());
    // The request is in flight until the last of it has left: the frame holds the account of that.
    let json = Bytes::from_owner(Unsent { json, _frame: frame });
    Ok(Body { pieces: std::iter::once(json).chain(binary).collect(), json_length })
}

struct Unsent {
    json: String,
    _frame: Bytes,
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        self.json.as_bytes()
    }
}

/// Does what takes long beside the thread that serves others.
async fn aside<T: Send + 'static>(
    is_heavy: bool,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    if !is_heavy {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Fault::new(Reason::Internal, "the gateway failed with this request; its log has the panic"))
    })
}
