//! What comes with a message, and what of it goes back.

use crate::drive::keys::Permit;
use http::HeaderMap;
use std::sync::Arc;
use tidegate_core::plane::Nanos;

/// What accompanies a message: metadata and the caller's own deadline.
pub struct Envelope {
    pub metadata: HeaderMap,
    /// Which names the caller may ask.
    pub permit: Permit,
    /// The caller's IP address.
    pub peer: Arc<str>,
    /// Time the caller gives, counted from `arrived`.
    pub grpc_timeout: Option<Nanos>,
    pub arrived: Nanos,
    /// Whether the outcome has to say again what the request said.
    pub wants_echo: bool,
}

/// What a stream gives back of a request, whatever became of it.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    /// The caller's own id.
    pub id: String,
    pub model_name: String,
    /// Whether an empty message is to follow the answer.
    pub wants_final: bool,
}
