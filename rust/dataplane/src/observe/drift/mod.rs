//! Drift on the way of a request: every feature and every prediction of a watched version, counted where it runs.
//!
//! [`Observer`] counts on the threads that run; [`Watches`] takes what they have counted once a second, keeps it by minute,
//! hour and day, and judges each window as it closes; [`versus`] compares the versions of a split. What a window says is
//! decided in `tidegate_core::drift`.

mod evidence;
mod gate;
mod hand;
mod history;
mod judge;
mod lane;
mod metrics;
mod observer;
mod outbox;
mod profiled;
mod reference;
mod room;
mod store;
mod telling;
mod track;
mod unjudged;
mod versus;
mod watches;
mod windows;

pub use hand::{Asked, Counting, Hand};
pub use metrics::write_metrics;
pub use observer::{Observed, Observer};
pub use profiled::Profiled;
pub use reference::Wish;
pub use versus::{Arms, Callers};
pub use watches::{Watches, follow};
