//! Where threads keep what they are counting into.
//!
//! Whoever counts takes a box out of a place, adds to it as plain memory, and puts it back. A collector takes boxes out in the
//! same way, so that no thread ever has to be woken for what it has counted, and a thread that finds its place empty begins a new
//! box. Nobody waits for anybody: a place that is just in use is passed over.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

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

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { places: std::array::from_fn(|_| Place(Mutex::new(None))), closed: Mutex::default() }
    }
}

impl<T> Lane<T> {
    /// The box that this thread left here, or `None`: then it is to begin one.
    pub(super) fn take(&self) -> Option<Box<T>> {
        match self.places[own_place()].0.try_lock() {
            Ok(mut place) => place.take(),
            Err(TryLockError::Poisoned(place)) => place.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Leaves a box for the next time.
    pub(super) fn put(&self, open: Box<T>) {
        let other = match self.places[own_place()].0.try_lock() {
            Ok(mut place) => place.replace(open),
            Err(_) => Some(open),
        };
        // Another thread has this place too, or the collector is at it.
        if let Some(other) = other {
            self.close(other);
        }
    }

    /// Hands a box over that nothing more is added to.
    pub(super) fn close(&self, full: Box<T>) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(full);
    }

    /// Everything counted so far; what a thread just adds to comes with the next call.
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

    #[test]
    fn a_thread_finds_what_it_left_and_a_collector_leaves_nothing() {
        let lane = Lane::default();
        assert!(lane.take().is_none());
        lane.put(Box::new(1));
        assert_eq!(lane.take().as_deref(), Some(&1));
        lane.put(Box::new(2));
        lane.close(Box::new(3));
        assert_eq!(lane.collect(), [Box::new(3), Box::new(2)]);
        assert!(lane.take().is_none());
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
                            let mut open = lane.take().unwrap_or_default();
                            *open += 1;
                            lane.put(open);
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
