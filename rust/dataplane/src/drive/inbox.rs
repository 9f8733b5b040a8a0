//! How a compute thread hands answers back to the thread that holds the connection, and how that is told of changes.

use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tidegate_core::fault::Fault;
use tidegate_core::plane::{LoadId, Nanos};
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

/// What a front thread is told beside replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The drain timeout of a version is over: answer what still runs of it.
    Abort(LoadId),
    /// A version is being unloaded: leave its seat.
    Leave,
}

/// What has come for a front thread.
#[derive(Debug, Default)]
pub struct Post {
    pub replies: Vec<(Ticket, Reply)>,
    /// To be followed after the replies that came with them or before.
    pub orders: Vec<Order>,
}

/// The way of replies and orders into one front thread.
#[derive(Default)]
pub struct Inbox {
    post: Mutex<Post>,
    pub arrived: Notify,
    bell: OnceLock<Arc<dyn Fn() + Send + Sync>>,
}

impl Inbox {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a bell rung too, for a thread that does not wait here. Said once.
    pub fn ring_also(&self, bell: Arc<dyn Fn() + Send + Sync>) {
        assert!(self.bell.set(bell).is_ok(), "an inbox has one owner");
    }

    /// Wakes the thread.
    fn ring(&self) {
        self.arrived.notify_one();
        self.chime();
    }

    /// Rings the bell, if there is one: what its owner cannot wait for has changed.
    pub fn chime(&self) {
        if let Some(bell) = self.bell.get() {
            bell();
        }
    }

    /// Adds the replies of a batch and wakes the thread once.
    pub fn deliver(&self, replies: &mut Vec<(Ticket, Reply)>) {
        self.post().replies.append(replies);
        self.ring();
    }

    /// Gives the thread an order.
    pub fn order(&self, order: Order) {
        self.post().orders.push(order);
        self.ring();
    }

    /// Takes everything, leaving `empty` in its place.
    pub fn take(&self, empty: &mut Post) {
        std::mem::swap(&mut *self.post(), empty);
    }
}
