//! Faults as HTTP says them.

use super::pieces::Pieces;
use crate::drive::reactor::CreditLine;
use crate::front::grpc;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;
use tidegate_core::fault::{Code, Fault, Reason};

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The status that goes with a fault: `docs/errors.md` has the table.
pub(super) fn status_of(fault: &Fault) -> StatusCode {
    match fault.reason {
        Reason::MessageTooLarge => return StatusCode::PAYLOAD_TOO_LARGE,
        Reason::UnknownCompression => return StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Reason::UnknownMethod => return StatusCode::NOT_FOUND,
        _ => {}
    }
    match fault.code() {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer to a request that is refused: the protocol's `error`, and the reason and fields beside it.
pub(super) fn refuse(fault: &Fault, credit: Option<&CreditLine>) -> Response<Pieces> {
    let violations: Vec<_> = fault
        .violations
        .iter()
        .map(|violation| json!({"field": violation.field, "description": violation.description}))
        .collect();
    let body = json!({"error": fault.message, "reason": fault.reason.name(), "violations": violations});
    let mut response = answer(status_of(fault), &body.to_string());
    if let Some(pause) = fault.retry_after {
        // Whole seconds, and never earlier than the advice.
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(pause.as_secs() + u64::from(pause.subsec_nanos() > 0)));
    }
    if fault.code() == Code::Unauthenticated {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(credit) = credit {
        grpc::insert_credit(response.headers_mut(), credit);
    }
    response
}

/// An answer of JSON.
pub(super) fn answer(status: StatusCode, json: &str) -> Response<Pieces> {
    let mut response = Response::new([format!("{json}\n").into()].into_iter().collect());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
