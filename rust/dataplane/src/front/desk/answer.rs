//! The answer to one call at the desk.

use super::metadata::from_wire;
use crate::front::grpc;
use bytes::Bytes;
use http::HeaderMap;
use tidegate_core::fault::Fault;

/// The answer to one call, as gRPC has it.
pub struct Answer {
    /// One message without its frame; empty if there is none.
    pub message: Bytes,
    /// In a stream: the empty message that follows it, if the caller asked for one.
    pub last: Option<Bytes>,
    /// A gRPC status code.
    pub status: u8,
    /// What is wrong, for people.
    pub details: String,
    pub initial: Vec<(String, Vec<u8>)>,
    pub trailing: Vec<(String, Vec<u8>)>,
}

impl Answer {
    pub(super) fn good(message: Bytes, last: Option<Bytes>, initial: Vec<(String, Vec<u8>)>) -> Self {
        Self { message, last, status: 0, details: String::new(), initial, trailing: Vec::new() }
    }

    pub(super) fn bad(fault: &Fault, trailers: &HeaderMap) -> Self {
        Self {
            message: Bytes::new(),
            last: None,
            status: fault.code() as u8,
            details: grpc::cut(&fault.message),
            initial: Vec::new(),
            trailing: from_wire(trailers),
        }
    }
}
