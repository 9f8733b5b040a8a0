//! The latest requests that a version answered: what its successor is warmed up with.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many requests are kept.
const KEPT: usize = 4;
/// Larger ones are not worth their memory.
const LARGEST: usize = 64 << 10;
/// The least pause between two that are kept.
const PAUSE_MS: u64 = 1_000;

/// A few answered requests of one version.
#[derive(Default)]
pub struct Recorded {
    /// When the next one is wanted, in Unix milliseconds.
    next_ms: AtomicU64,
    messages: Mutex<VecDeque<Bytes>>,
}

impl Recorded {
    /// Keeps a copy of a request that was answered well, now and then.
    #[inline]
    pub fn offer(&self, message: &Bytes, unix_ms: u64) {
        if unix_ms >= self.next_ms.load(Ordering::Relaxed) && message.len() <= LARGEST {
            self.keep(message, unix_ms);
        }
    }

    #[cold]
    fn keep(&self, message: &Bytes, unix_ms: u64) {
        // Whoever finds the list in use has nothing to wait for: there will be other requests.
        let Ok(mut messages) = self.messages.try_lock() else { return };
        self.next_ms.store(unix_ms + PAUSE_MS, Ordering::Relaxed);
        if messages.len() == KEPT {
            messages.pop_front();
        }
        // A copy: a stretch of the connection's buffer would keep all of that.
        messages.push_back(Bytes::copy_from_slice(message));
    }

    /// The kept requests, oldest first.
    pub fn messages(&self) -> Vec<Bytes> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
