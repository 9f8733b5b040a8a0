//! The one clock of the data plane.
#![expect(clippy::disallowed_methods, reason = "everybody else is handed the time by this file")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tidegate_core::plane::Nanos;

/// Tells the time; tests bring their own.
pub trait Clock: Send + Sync {
    /// Nanoseconds since some fixed moment; never goes back.
    fn now(&self) -> Nanos;

    /// Milliseconds since 1970, for ids and reports.
    fn unix_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// The moment as the timers of the async runtime count it.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.start + Duration::from_nanos(at)
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Nanos {
        self.start.elapsed().as_nanos() as Nanos
    }

    fn unix_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
    }
}
