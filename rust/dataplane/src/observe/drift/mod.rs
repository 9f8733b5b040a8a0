//! Drift on the way of a request: every feature and every prediction of a watched version, counted where it runs.
//!
//! [`Observer`] counts on the threads that run; [`Watches`] takes what they have counted once a second, keeps it by minute,
//! hour and day, and judges each window as it closes. What a window says is decided in `tidegate_core::drift`.

mod gate;
mod history;
mod judge;
mod lane;
mod metrics;
mod observer;
mod profiled;
mod store;
mod watches;

pub use metrics::write_metrics;
pub use observer::{Hand, Observed, Observer};
pub use profiled::Profiled;
pub use watches::{Watches, follow};
