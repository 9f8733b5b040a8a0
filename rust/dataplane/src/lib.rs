//! The data plane: what a request meets on its way, with the threads, sockets and sessions that the core knows nothing of.
//!
//! `front` speaks gRPC and HTTP, `drive` gives the step machines of the core a clock and threads, `runtime` runs models,
//! `shadow` copies and compares, `observe` counts. The way of a request is in `docs/architecture.md`.

pub mod drive;
pub mod front;
pub mod observe;
pub mod runtime;
pub mod shadow;
#[cfg(test)]
mod testing;
