//! The Open Inference Protocol as it lies in memory: parse a request, hold it against a signature, write the answer.
//!
//! [`request::Head`] reads a `ModelInferRequest` without copying tensors and without building messages;
//! [`validate::Plan`] is what is left of it once it fits a [`signature::Signature`]; [`answer`] writes the response.
//! The messages of the less frequent calls are prost's, in [`messages`].

pub mod answer;
pub mod contents;
pub mod datatype;
mod faults;
pub mod messages;
pub mod parameters;
mod put;
pub mod request;
pub mod rest;
pub mod signature;
mod text;
pub mod validate;
pub mod wire;
