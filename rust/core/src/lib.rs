//! The pure part of Tidegate: it decides and touches nothing.
//!
//! Everything here is a function of its arguments: no clock, no socket, no thread, no randomness. Time comes in as
//! [`plane::Nanos`], bytes as slices, documents as JSON values.
#![deny(unsafe_code)]

pub mod comparison;
pub mod condition;
pub mod distance;
pub mod document;
pub mod drift;
pub mod fault;
pub mod monitor;
pub mod oip;
pub mod onnx;
pub mod plane;
pub mod routing;
pub mod sketch;
pub mod snapshot;
pub mod stats;
