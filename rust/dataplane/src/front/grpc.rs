//! gRPC on an HTTP/2 stream: answers with their metadata, errors with their details.

use crate::drive::reactor::{CreditLine, Outcome};
use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason as Reset, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use prost::Message as _;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::oip::messages::rpc;
use tidegate_core::plane::{Nanos, parse_grpc_timeout};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const VERSION: HeaderName = HeaderName::from_static("x-tidegate-version");
const REASON: HeaderName = HeaderName::from_static("x-tidegate-reason");
const PREDICTION_ID: HeaderName = HeaderName::from_static("x-tidegate-prediction-id");
const EPOCH: HeaderName = HeaderName::from_static("x-tidegate-epoch");

/// The encodings of requests that are understood.
pub const ENCODINGS: &str = "identity,gzip,deflate";
/// A caller that takes nothing of a large answer for so long is given up.
pub const SEND_PATIENCE: Duration = Duration::from_secs(60);
/// `google.rpc.ErrorInfo.domain`.
const DOMAIN: &str = "tidegate";
/// Clients take header lists of 8 KiB at least; a message beyond this is cut.
const LONGEST_MESSAGE: usize = 1024;
/// Violations beyond these bytes are left out, for the same reason.
const MOST_DETAILS: usize = 3 << 10;

/// The caller's `grpc-timeout`.
///
/// # Errors
/// It is not one to eight digits and a unit.
pub fn timeout_of(headers: &HeaderMap) -> Result<Option<Nanos>, Fault> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    parse_grpc_timeout(value.as_bytes()).map(Some).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(value.as_bytes()).chars().take(32).collect();
        let message =
            format!("grpc-timeout is \"{shown}\"; expected one to eight digits and a unit of H, M, S, m, u, n");
        Fault::new(Reason::InvalidTimeout, message)
    })
}

/// The HTTP head of an answer.
pub fn head(credit: Option<&CreditLine>) -> Response<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Some(credit) = credit {
        insert_credit(headers, credit);
    }
    response
}

/// Says who answered.
pub fn insert_credit(headers: &mut HeaderMap, credit: &CreditLine) {
    headers.insert(VERSION, credit.arm.label.clone());
    headers.insert(REASON, credit.arm.reason_label(credit.reason));
    headers.insert(EPOCH, HeaderValue::from(credit.epoch));
    if let Ok(mut id) = HeaderValue::from_bytes(credit.prediction_id.as_bytes()) {
        // Never the same twice: it must not push the others out of the connection's header table.
        id.set_sensitive(true);
        headers.insert(PREDICTION_ID, id);
    }
}

/// The trailers of a call that went well.
pub fn ok_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

/// The trailers of a call that failed.
pub fn fault_trailers(fault: &Fault, credit: Option<&CreditLine>) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(8);
    trailers.insert(GRPC_STATUS, HeaderValue::from(u16::from(fault.code() as u8)));
    let cut = cut(&fault.message);
    if let Ok(message) = HeaderValue::from_str(&percent_encode(&cut)) {
        trailers.insert(GRPC_MESSAGE, message);
    }
    let details = base64::engine::general_purpose::STANDARD_NO_PAD.encode(status(fault, &cut, credit).encode_to_vec());
    if let Ok(details) = HeaderValue::from_str(&details) {
        trailers.insert(GRPC_DETAILS, details);
    }
    if let Some(pause) = fault.retry_after {
        trailers.insert(GRPC_PUSHBACK, HeaderValue::from(pause.as_millis() as u64));
    }
    if fault.reason == Reason::UnknownCompression {
        trailers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(ENCODINGS));
    }
    if let Some(credit) = credit {
        insert_credit(&mut trailers, credit);
    }
    trailers
}

/// As much of a message as clients take.
pub fn cut(message: &str) -> String {
    message.chars().take(LONGEST_MESSAGE).collect()
}

/// The fault as `google.rpc.Status` with ErrorInfo, BadRequest and RetryInfo.
fn status(fault: &Fault, message: &str, credit: Option<&CreditLine>) -> rpc::Status {
    let mut metadata = std::collections::BTreeMap::new();
    if let Some(credit) = credit {
        metadata.insert("route".to_owned(), credit.arm.name.to_string());
        metadata.insert("version".to_owned(), credit.arm.version.id.as_str().to_owned());
        metadata.insert("prediction_id".to_owned(), credit.prediction_id.to_string());
    }
    let info = rpc::ErrorInfo { reason: fault.reason.name().to_owned(), domain: DOMAIN.to_owned(), metadata };
    let mut details = vec![any("google.rpc.ErrorInfo", &info)];
    if !fault.violations.is_empty() {
        let mut room = MOST_DETAILS;
        let field_violations = fault
            .violations
            .iter()
            .map(|violation| rpc::bad_request::FieldViolation {
                field: violation.field.clone(),
                description: violation.description.chars().take(LONGEST_MESSAGE).collect(),
            })
            .take_while(|violation| {
                let size = violation.encoded_len();
                let fits = size <= room;
                room = room.saturating_sub(size);
                fits
            })
            .collect();
        details.push(any("google.rpc.BadRequest", &rpc::BadRequest { field_violations }));
    }
    if let Some(pause) = fault.retry_after {
        let retry_delay = prost_types::Duration { seconds: pause.as_secs() as i64, nanos: pause.subsec_nanos() as i32 };
        details.push(any("google.rpc.RetryInfo", &rpc::RetryInfo { retry_delay: Some(retry_delay) }));
    }
    rpc::Status { code: fault.code() as i32, message: message.to_owned(), details }
}

fn any(name: &str, message: &impl prost::Message) -> prost_types::Any {
    prost_types::Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

/// gRPC's percent-encoding of `grpc-message`: printable ASCII but the percent sign stays.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..=0x7e).contains(&byte) && byte != b'%' {
            encoded.push(byte as char);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Sends the outcome of a unary call: at once what the caller's window takes, else as fast as it opens. A stream that the caller has reset takes nothing; there is nobody to tell.
pub fn answer(mut respond: SendResponse<Bytes>, outcome: Outcome) {
    let credit = outcome.credit.as_ref();
    match outcome.result {
        Err(fault) => refuse(&mut respond, &fault, credit),
        Ok(frame) => {
            let Ok(mut stream) = respond.send_response(head(credit), false) else { return };
            stream.reserve_capacity(frame.len());
            if stream.capacity() < frame.len() {
                tokio::task::spawn_local(async move {
                    if send(&mut stream, frame).await {
                        drop(stream.send_trailers(ok_trailers()));
                    }
                });
            } else if stream.send_data(frame, false).is_ok() {
                drop(stream.send_trailers(ok_trailers()));
            }
        }
    }
}

/// Answers with an error and nothing else.
pub fn refuse(respond: &mut SendResponse<Bytes>, fault: &Fault, credit: Option<&CreditLine>) {
    let mut response = head(None);
    response.headers_mut().extend(fault_trailers(fault, credit));
    drop(respond.send_response(response, true));
}

/// Answers a request that is not gRPC.
pub fn refuse_http(mut respond: SendResponse<Bytes>, status: StatusCode) {
    let mut response = Response::new(());
    *response.status_mut() = status;
    drop(respond.send_response(response, true));
}

/// Sends one frame as fast as the caller's window allows; `false` once the caller is gone.
pub async fn send(stream: &mut SendStream<Bytes>, mut frame: Bytes) -> bool {
    while !frame.is_empty() {
        stream.reserve_capacity(frame.len());
        let granted = poll_fn(|cx| {
            if let std::task::Poll::Ready(reset) = stream.poll_reset(cx) {
                drop(reset);
                return std::task::Poll::Ready(None);
            }
            stream.poll_capacity(cx)
        });
        match tokio::time::timeout(SEND_PATIENCE, granted).await {
            Ok(Some(Ok(0))) => {}
            Ok(Some(Ok(granted))) => {
                let part = frame.split_to(granted.min(frame.len()));
                if stream.send_data(part, false).is_err() {
                    return false;
                }
            }
            Ok(_) => return false,
            Err(_) => {
                stream.send_reset(Reset::CANCEL);
                return false;
            }
        }
    }
    true
}

/// Puts gRPC's five bytes before a message.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(FRAME_HEAD + message.len());
    framed.extend_from_slice(&[0]);
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    framed.freeze()
}
