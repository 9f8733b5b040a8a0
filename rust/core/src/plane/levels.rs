//! What waits for one version, by priority: a queue for each level, strict order between them, and a bound on that.
//!
//! The most urgent level with something to run goes first. While others wait below it, its runs are counted; after
//! [`PATIENCE`] of them the request goes that has waited longest below. So before a request below the top begins, its
//! version begins at most `PATIENCE + 1` runs for each request that was there before it in those levels, and for itself:
//! each time somebody is let by, that is the oldest of them or one that shares its batch. Requests of two levels never
//! share a run, for a batch would otherwise be as late as its least urgent row.

use super::Nanos;
use super::arena::{Arena, Key};
use super::queue::{Depth, Queue, Readiness, Refusal, Taken, VersionPolicy, Waiting};
use super::waiters::Waiter;

/// Runs of more urgent levels before somebody below is let by.
pub(super) const PATIENCE: u32 = 8;

/// Which requests are next: of one level and one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    level: usize,
    pub(super) shape: u64,
    /// It goes before one that is more urgent, because it has been passed over so often.
    is_let_by: bool,
}

/// Whether something may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Empty,
    At(Nanos),
    Now(Pick),
}

/// The queues of one version, the most urgent first. All its waiters live in the arena that is handed in.
pub(super) struct Levels {
    queues: Vec<Queue>,
    /// Runs since somebody below was let by, or nobody waited there.
    passed: u32,
}

impl Levels {
    pub(super) fn new(policy: VersionPolicy) -> Self {
        Self { queues: (0..policy.levels.max(1)).map(|_| Queue::new(policy)).collect(), passed: 0 }
    }

    pub(super) fn instances(&self) -> u32 {
        self.queues[0].instances()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(Queue::is_empty)
    }

    pub(super) fn depth(&self, running: u32) -> Depth {
        self.queues.iter().map(|queue| queue.depth(running)).fold(
            Depth { running, ..Depth::default() },
            |sum, depth| Depth {
                requests: sum.requests + depth.requests,
                rows: sum.rows + depth.rows,
                bytes: sum.bytes + depth.bytes,
                running,
            },
        )
    }

    /// Whether there is room for a request of so many bytes, whatever its level: the limits are those of all together.
    pub(super) fn admit(&self, bytes: u64) -> Result<(), Refusal> {
        let waiting = self.depth(0);
        self.queues[0].admit(waiting.requests, waiting.bytes, bytes)
    }

    /// Appends the waiter at `index` of the arena to its level; one beyond the last counts as the last.
    pub(super) fn push<T>(&mut self, arena: &mut Arena<Waiter<T>>, index: u32) {
        let level = self.level_of(arena, index);
        self.queues[level].push(arena, index);
    }

    /// Takes the waiter at `key` out of its lists and out of the arena.
    pub(super) fn remove<T>(&mut self, arena: &mut Arena<Waiter<T>>, key: Key) -> Waiting<T> {
        let level = self.level_of(arena, key.index);
        self.queues[level].remove(arena, key)
    }

    fn level_of<T>(&self, arena: &Arena<Waiter<T>>, index: u32) -> usize {
        usize::from(arena.at(index).waiting.level).min(self.queues.len() - 1)
    }

    /// Who is next.
    pub(super) fn readiness<T>(&self, arena: &Arena<Waiter<T>>, now: Nanos) -> Ready {
        let mut found = Ready::Empty;
        let mut oldest_below = Nanos::MAX;
        for (level, queue) in self.queues.iter().enumerate() {
            match (queue.readiness(arena, now), found) {
                (Readiness::Empty, _) | (Readiness::At(_), Ready::Now(_)) => {}
                (Readiness::At(due), Ready::At(other)) => found = Ready::At(due.min(other)),
                (Readiness::At(due), Ready::Empty) => found = Ready::At(due),
                (Readiness::Now(shape), Ready::Now(_)) => {
                    let since = queue.oldest(arena);
                    if self.passed >= PATIENCE && since < oldest_below {
                        oldest_below = since;
                        found = Ready::Now(Pick { level, shape, is_let_by: true });
                    }
                }
                (Readiness::Now(shape), _) => {
                    // Where nobody waits at the top, the most urgent is below it too, and goes by its age as all others do.
                    let is_let_by = level > 0 && self.passed >= PATIENCE;
                    if is_let_by {
                        oldest_below = queue.oldest(arena);
                    }
                    found = Ready::Now(Pick { level, shape, is_let_by });
                }
            }
        }
        found
    }

    /// Takes the next batch of a pick.
    pub(super) fn take<T>(&mut self, arena: &mut Arena<Waiter<T>>, pick: Pick, now: Nanos) -> Taken<T> {
        let taken = self.queues[pick.level].take(arena, pick.shape, now);
        if !taken.requests.is_empty() {
            let is_passed = !pick.is_let_by && self.queues[pick.level + 1..].iter().any(|queue| !queue.is_empty());
            self.passed = if is_passed { self.passed.saturating_add(1) } else { 0 };
        }
        taken
    }

    /// Takes everything, the most urgent first, each level's oldest first.
    pub(super) fn drain<T>(&mut self, arena: &mut Arena<Waiter<T>>) -> Vec<T> {
        self.queues.iter_mut().flat_map(|queue| queue.drain(arena)).collect()
    }
}
