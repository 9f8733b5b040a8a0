//! The protocol over HTTP: JSON with the binary tensor extension, turned into the messages that gRPC carries and back.
//!
//! Nothing is checked here that the messages are checked for anyway: what a body says beyond its form is held against the
//! model by [`validate`](super::validate), so that both ways in refuse the same requests in the same words.

mod answer;
mod elements;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{Written, write};
pub use request::{Asked, Form, read};
