//! Where threads keep what they are counting into.
//!
//! Whoever counts holds its place, takes the box out of it, adds to it as plain memory, and puts it back; one that finds its
//! place empty begins a new box. No thread is ever woken for what it has counted. A collector waits for a thread that is just
//! at its place, a moment, so that it finds all that was counted before; a thread never waits: where another one is at the
//! place, it hands its box over.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// As many threads as count at once without meeting, on most machines; more share places.
const PLACES: usize = 16;

/// Boxes of `T` on their way between the threads that count and the one that collects.
pub(super) struct Lane<T> {
    places: [Place<T>; PLACES],
    /// Boxes that are full, or that found no place.
    closed: Mutex<Vec<Box<T>>>,
}

/// A cache line of its own, so that threads do not take each other's.
#[repr(align(64))]
struct Place<T>(Mutex<Option<Box<T>>>);

/// A place that nobody else is at.
pub(super) struct Seat<'l, T>(MutexGuard<'l, Option<Box<T>>>);

impl<T> Seat<'_, T> {
    /// The box that this thread left here, or `None`: then it is to begin one.
    pub(super) fn take(&mut self) -> Option<Box<T>> {
        self.0.take()
    }

    /// Leaves a box for the next time.
    pub(super) fn put(mut self, open: Box<T>) {
        *self.0 = Some(open);
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { places: std::array::from_fn(|_| Place(Mutex::new(None))), closed: Mutex::default() }
    }
}

impl<T> Lane<T> {
    /// The place of this thread, with the box that it left there. While another thread is at it there is none: then what is
    /// counted is to be handed over with [`Lane::close`].
    pub(super) fn enter(&self) -> Option<Seat<'_, T>> {
        match self.places[own_place()].0.try_lock() {
            Ok(place) => Some(Seat(place)),
            Err(TryLockError::Poisoned(place)) => Some(Seat(place.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Hands a box over that nothing more is added to.
    pub(super) fn close(&self, full: Box<T>) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(full);
    }

    /// Everything counted so far. A thread that just counts is waited for.
    pub(super) fn collect(&self) -> Vec<Box<T>> {
        let mut collected = std::mem::take(&mut *self.closed.lock().unwrap_or_else(PoisonError::into_inner));
        collected.extend(
            self.places.iter().filter_map(|place| place.0.lock().unwrap_or_else(PoisonError::into_inner).take()),
        );
        collected
    }
}

/// The place of the calling thread in every lane.
fn own_place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: Cell<Option<usize>> = const { Cell::new(None) });
    OWN.with(|own| {
        own.get().unwrap_or_else(|| {
            let place = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
            own.set(Some(place));
            place
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn leave<T>(lane: &Lane<T>, open: Box<T>) {
        match lane.enter() {
            Some(seat) => seat.put(open),
            None => lane.close(open),
        }
    }

    #[test]
    fn a_thread_finds_what_it_left_and_a_collector_leaves_nothing() {
        let lane = Lane::default();
        assert!(lane.enter().expect("nobody is there").take().is_none());
        leave(&lane, Box::new(1));
        assert_eq!(lane.enter().expect("nobody is there").take().as_deref(), Some(&1));
        leave(&lane, Box::new(2));
        lane.close(Box::new(3));
        assert_eq!(lane.collect(), [Box::new(3), Box::new(2)]);
        assert!(lane.enter().expect("nobody is there").take().is_none());
    }

    #[test]
    fn whoever_collects_waits_for_a_thread_that_counts() {
        let lane: Lane<u64> = Lane::default();
        leave(&lane, Box::new(1));
        let collected = std::thread::scope(|scope| {
            let mut seat = lane.enter().expect("nobody is there");
            let mut open = seat.take().expect("left before");
            let collector = scope.spawn(|| lane.collect());
            // However far the collector has come: it cannot pass the place.
            std::thread::yield_now();
            *open += 1;
            seat.put(open);
            collector.join().expect("it only collects")
        });
        assert_eq!(collected, [Box::new(2)]);
    }

    #[test]
    fn nothing_is_lost_between_threads_that_count_and_one_that_collects() {
        const THREADS: u64 = 24; // More than there are places.
        const ROUNDS: u64 = 20_000;
        let lane: Lane<u64> = Lane::default();
        let is_over = AtomicBool::new(false);
        let collected = std::thread::scope(|scope| {
            let collector = scope.spawn(|| {
                let mut sum = 0;
                while !is_over.load(Ordering::Acquire) {
                    sum += lane.collect().iter().map(|counted| **counted).sum::<u64>();
                }
                sum + lane.collect().iter().map(|counted| **counted).sum::<u64>()
            });
            let counting: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..ROUNDS {
                            let mut seat = lane.enter();
                            let mut open = seat.as_mut().and_then(Seat::take).unwrap_or_default();
                            *open += 1;
                            match seat {
                                Some(seat) => seat.put(open),
                                None => lane.close(open),
                            }
                        }
                    })
                })
                .collect();
            for thread in counting {
                thread.join().expect("it only counts");
            }
            is_over.store(true, Ordering::Release);
            collector.join().expect("it only adds")
        });
        assert_eq!(collected, THREADS * ROUNDS);
    }
}
