//! The step machines of the data plane: what waits, what runs next, what is too late, what a version is doing.
//!
//! Each machine takes an event and the time and says what to do; none of them reads a clock, holds a thread or touches
//! a socket. The shell (`tidegate-dataplane`) owns the clock and the runtime and does as it is told, which is what
//! makes every order of events a test can think of a test that can be written.

mod arena;
mod changes;
mod cost;
mod deadlines;
mod ending;
mod inline;
mod levels;
mod lifecycle;
mod queue;
mod reconcile;
mod scheduler;
mod slots;
#[cfg(test)]
mod tests;
mod turns;
mod waiters;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

pub use arena::Key;
pub use changes::{ChangeCommand, ChangeEvent, Content, Load, LoadId, Outcome, Subject, Want};
pub use cost::{CostModel, SharedCost, UNKNOWN_COST};
pub use deadlines::{Deadlines, earliest, parse_grpc_timeout};
pub use ending::{ABORT_GRACE, Ending, EndingCommand, EndingEvent};
pub use inline::{InlineGate, LONGEST_COOL_DOWN, SHORTEST_COOL_DOWN, SharedInlineGate};
pub use lifecycle::{IllegalEvent, Lifecycle, LifecycleCommand, LifecycleEvent, VersionState};
pub use queue::{Depth, Refusal, VersionPolicy, Waiting};
pub use reconcile::Reconciler;
pub use scheduler::{Batch, Next, RequestKey, Scheduler, VersionKey};
pub use slots::{LONG, Slots};
pub use turns::{DEBT_LIMIT, QUANTUM};

/// Nanoseconds on a monotonic clock, or a length of time on it.
pub type Nanos = u64;

/// One second.
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// A map without a random seed, so that equal histories take equal time and leave equal memory.
///
/// The maps here are keyed by numbers of ours and are as bounded as the queues they serve, so a caller who finds
/// colliding keys gains nothing worth a seed.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
