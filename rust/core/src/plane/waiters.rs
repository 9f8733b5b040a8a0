//! Waiting requests in their lists: by arrival, and by shape.

use super::Nanos;
use super::arena::{Arena, Key, NONE};
use super::queue::Waiting;

/// A waiting request in its lists.
pub(super) struct Waiter<T> {
    pub(super) waiting: Waiting<T>,
    pub(super) version: Key,
    pub(super) arrived: Nanos,
    links: [Links; 2],
}

#[derive(Clone, Copy)]
struct Links {
    previous: u32,
    next: u32,
}

const UNLINKED: Links = Links { previous: NONE, next: NONE };

impl<T> Waiter<T> {
    pub(super) fn new(waiting: Waiting<T>, version: Key, arrived: Nanos) -> Self {
        Self { waiting, version, arrived, links: [UNLINKED; 2] }
    }

    /// The one behind it in one of its lists, or `NONE`.
    pub(super) fn next(&self, by: By) -> u32 {
        self.links[by as usize].next
    }
}

/// Which of a waiter's two lists.
#[derive(Clone, Copy)]
pub(super) enum By {
    Arrival = 0,
    Shape = 1,
}

/// A doubly linked list through the arena, so that a cancelled request leaves from the middle at once.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) first: u32,
    last: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE };

    pub(super) fn push<T>(&mut self, by: By, arena: &mut Arena<Waiter<T>>, index: u32) {
        arena.at_mut(index).links[by as usize] = Links { previous: self.last, next: NONE };
        if self.last == NONE {
            self.first = index;
        } else {
            arena.at_mut(self.last).links[by as usize].next = index;
        }
        self.last = index;
    }

    pub(super) fn unlink<T>(&mut self, by: By, arena: &mut Arena<Waiter<T>>, index: u32) {
        let Links { previous, next } = arena.at(index).links[by as usize];
        if previous == NONE {
            self.first = next;
        } else {
            arena.at_mut(previous).links[by as usize].next = next;
        }
        if next == NONE {
            self.last = previous;
        } else {
            arena.at_mut(next).links[by as usize].previous = previous;
        }
    }
}
