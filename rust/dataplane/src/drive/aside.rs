//! Threads beside one that must not wait: they do what takes long.
//!
//! tokio starts them when they are needed, and panics when the system refuses the first one. So the first is there from
//! the start, where a refusal can be told, and none goes home before the end.

use std::io;
use std::panic::catch_unwind;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};

/// Longer than any gateway lives.
const ALWAYS: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A runtime for the calling thread, with at most so many threads beside it.
pub fn runtime(most: usize) -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(most).thread_keep_alive(ALWAYS).thread_name("tidegate-aside");
    builder
}

/// Sees to it that one is there.
///
/// # Errors
/// The system refuses a thread.
pub fn call_first(runtime: &Handle) -> io::Result<()> {
    let called = catch_unwind(|| drop(runtime.spawn_blocking(|| ())));
    called.map_err(|_| io::Error::other("the system refuses a thread"))
}
