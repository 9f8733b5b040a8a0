//! What one thread runs versions with, and how a version gets it back before its memory goes.

use super::lease::Lease;
use super::snapshot::Version;
use crate::runtime::Worker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tidegate_core::plane::LoadId;

/// What the threads' workers of one version have in common.
#[derive(Default)]
pub struct Seats {
    /// Nothing holds the version any more: threads leave their seats.
    is_closing: AtomicBool,
    /// The drain timeout is over: a run that fails failed because of it.
    is_terminated: AtomicBool,
    /// Says that the last seat is empty, by being dropped.
    _lease: Option<Lease>,
}

impl Seats {
    pub fn new(lease: Option<Lease>) -> Arc<Self> {
        Arc::new(Self { _lease: lease, ..Self::default() })
    }

    /// Sends every thread away, each when it next looks.
    pub fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    pub fn terminate(&self) {
        self.is_terminated.store(true, Ordering::Release);
    }

    pub fn is_terminated(&self) -> bool {
        self.is_terminated.load(Ordering::Acquire)
    }
}

/// One thread's workers, by the slot of their version.
#[derive(Default)]
pub struct Workers(Vec<Option<Seat>>);

/// What one thread runs a version with. The worker goes before its hold on the others, so that empty seats mean that
/// nothing of the version is left.
pub struct Seat {
    worker: Box<dyn Worker>,
    seats: Arc<Seats>,
}

impl Seat {
    fn of(version: &Version) -> Self {
        Self { worker: version.model.worker(), seats: Arc::clone(&version.seats) }
    }

    pub fn worker(&mut self) -> &mut dyn Worker {
        self.worker.as_mut()
    }
}

impl Workers {
    /// The worker of a version, made when it is first needed.
    pub fn of(&mut self, version: &Version) -> &mut dyn Worker {
        self.place(version.slot).get_or_insert_with(|| Seat::of(version)).worker()
    }

    /// The seat of a version for the time of a run, in which others can be left.
    pub fn take(&mut self, version: &Version) -> Seat {
        self.place(version.slot).take().unwrap_or_else(|| Seat::of(version))
    }

    /// Puts a seat back after the run.
    pub fn put_back(&mut self, slot: LoadId, seat: Seat) {
        *self.place(slot) = Some(seat);
    }

    fn place(&mut self, slot: LoadId) -> &mut Option<Seat> {
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        &mut self.0[slot]
    }

    /// Leaves the seats of versions that are being unloaded.
    pub fn leave(&mut self) {
        for place in &mut self.0 {
            if place.as_ref().is_some_and(|seat| seat.seats.is_closing.load(Ordering::Acquire)) {
                *place = None;
            }
        }
    }
}
