//! How a compute thread hands answers back to the thread that holds the connection.

use bytes::Bytes;
use std::sync::{Mutex, PoisonError};
use tidegate_core::fault::Fault;
use tidegate_core::plane::Nanos;
use tokio::sync::Notify;

/// How long each part of a request took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    pub queue: Nanos,
    pub input: Nanos,
    pub infer: Nanos,
    pub output: Nanos,
}

/// What became of a request: a framed answer, or why there is none.
#[derive(Debug)]
pub struct Reply {
    pub result: Result<Bytes, Fault>,
    pub phases: Phases,
}

impl Reply {
    pub fn fault(fault: Fault) -> Self {
        Self { result: Err(fault), phases: Phases::default() }
    }
}

/// A request that waits on a front thread for its reply.
pub type Ticket = u64;

/// Replies for one front thread.
#[derive(Debug, Default)]
pub struct Inbox {
    replies: Mutex<Vec<(Ticket, Reply)>>,
    pub arrived: Notify,
}

impl Inbox {
    /// Adds the replies of a batch and wakes the thread once.
    pub fn deliver(&self, replies: &mut Vec<(Ticket, Reply)>) {
        let mut waiting = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.append(replies);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Takes everything, leaving `empty` in its place.
    pub fn take(&self, empty: &mut Vec<(Ticket, Reply)>) {
        std::mem::swap(&mut *self.replies.lock().unwrap_or_else(PoisonError::into_inner), empty);
    }
}
