//! What tests of the data plane share: a clock that is set by hand, a model that does as it is told, requests, a plane.

pub(crate) mod clock;
pub(crate) mod model;
pub(crate) mod onnx;
pub(crate) mod plane;
pub(crate) mod request;
pub(crate) mod runtime;
