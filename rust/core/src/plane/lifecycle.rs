//! What one version is doing, from the order to load it to the end of its memory.
//!
//! ```text
//!         Load         Loaded          Warmed         Retire            last End        Unloaded
//!   NEW ───────▸ LOADING ──────▸ WARMING ──────▸ READY ──────▸ DRAINING ─────────▸ (unloading) ──────▸ UNLOADED
//!    │ LoadFailed   │ LoadFailed    │ WarmFailed
//!    └──────────────┴───────────────┴──────────▸ FAILED(reason)
//! ```
//!
//! A load cannot be taken back, so a version retired while it loads or warms up finishes that step and is then
//! unloaded; one retired while new never loads. A version whose warm-up failed gives its memory back and stays FAILED.
//! Late or repeated orders that change nothing (Retire twice, a drain timer that fires after the end) are allowed;
//! reports of what cannot have happened are [`IllegalEvent`]s and change nothing either.

use thiserror::Error;

/// What a version is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VersionState {
    New,
    Loading {
        /// Nobody wants it any more: unload it as soon as it is there.
        is_retired: bool,
    },
    Warming {
        /// As while loading.
        is_retired: bool,
    },
    /// Takes requests.
    Ready {
        /// Requests begun and not ended.
        in_flight: u64,
    },
    /// Takes no new requests and ends the ones it has; at zero in flight it is being unloaded.
    Draining {
        in_flight: u64,
    },
    Unloaded,
    /// Could not be loaded or warmed up.
    Failed {
        reason: String,
    },
}

impl VersionState {
    /// The state in the words of the repository index.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Loading { .. } => "LOADING",
            Self::Warming { .. } => "WARMING",
            Self::Ready { .. } => "READY",
            Self::Draining { .. } => "DRAINING",
            Self::Unloaded => "UNLOADED",
            Self::Failed { .. } => "FAILED",
        }
    }
}

/// What happened to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// The snapshot wants it.
    Load,
    /// The runtime has it.
    Loaded,
    /// Its files could not be verified, or the runtime refused it.
    LoadFailed(String),
    /// It ran its warm-up.
    Warmed,
    /// It is loaded and cannot run.
    WarmFailed(String),
    /// A request was admitted.
    Begin,
    /// A request that was admitted was answered, whatever the answer.
    End,
    /// No snapshot names it any more.
    Retire,
    /// `drain_timeout` after Retire.
    DrainTimeout,
    /// The runtime let go of it.
    Unloaded,
}

/// What the shell shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleCommand {
    /// Verify and load it, then say Loaded or LoadFailed.
    Load,
    /// Run it on made-up rows, then say Warmed or WarmFailed.
    WarmUp,
    /// Let requests in.
    Admit,
    /// Let no request in, and say DrainTimeout when the time is over.
    ArmDrainTimer,
    /// Answer what it still has: UNAVAILABLE what waits, ABORTED what runs. Each answer is an End.
    AbortRemaining,
    /// Give its memory back, then say Unloaded.
    Unload,
}

/// A report of something that cannot have happened in that state: a mistake of the shell.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("a version that is {state} cannot be told {event:?}")]
pub struct IllegalEvent {
    pub state: &'static str,
    pub event: LifecycleEvent,
}

/// One version's way through its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    state: VersionState,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    pub fn new() -> Self {
        Self { state: VersionState::New }
    }

    pub fn state(&self) -> &VersionState {
        &self.state
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.state, VersionState::Ready { .. })
    }

    /// Whether nothing can happen to it any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state, VersionState::Unloaded | VersionState::Failed { .. })
    }

    /// Takes one step and says what to do next, if anything.
    pub fn step(&mut self, event: LifecycleEvent) -> Result<Option<LifecycleCommand>, IllegalEvent> {
        let (state, command) = next(&self.state, event)?;
        self.state = state;
        Ok(command)
    }
}

type Edge = (VersionState, Option<LifecycleCommand>);

/// The whole table: every state with every event.
#[allow(clippy::match_same_arms)] // one line an edge, in the order of the picture
fn next(state: &VersionState, event: LifecycleEvent) -> Result<Edge, IllegalEvent> {
    use LifecycleCommand as Do;
    use LifecycleEvent as On;
    use VersionState as Is;
    Ok(match (state, event) {
        (Is::New, On::Load) => (Is::Loading { is_retired: false }, Some(Do::Load)),
        (Is::New, On::Retire) => (Is::Unloaded, None),
        (Is::New | Is::Loading { .. }, On::LoadFailed(reason)) => (Is::Failed { reason }, None),

        (Is::Loading { .. }, On::Retire) => (Is::Loading { is_retired: true }, None),
        (Is::Loading { is_retired: false }, On::Loaded) => (Is::Warming { is_retired: false }, Some(Do::WarmUp)),
        (Is::Loading { is_retired: true }, On::Loaded) => unloading(),

        (Is::Warming { .. }, On::Retire) => (Is::Warming { is_retired: true }, None),
        (Is::Warming { is_retired: false }, On::Warmed) => (Is::Ready { in_flight: 0 }, Some(Do::Admit)),
        (Is::Warming { is_retired: true }, On::Warmed) => unloading(),
        (Is::Warming { .. }, On::WarmFailed(reason)) => (Is::Failed { reason }, Some(Do::Unload)),

        (Is::Ready { in_flight }, On::Begin) => (Is::Ready { in_flight: in_flight + 1 }, None),
        (Is::Ready { in_flight: 1.. }, On::End) => (Is::Ready { in_flight: ended(state) }, None),
        (Is::Ready { in_flight: 0 }, On::Retire) => unloading(),
        (Is::Ready { in_flight }, On::Retire) => (Is::Draining { in_flight: *in_flight }, Some(Do::ArmDrainTimer)),

        (Is::Draining { in_flight: 1 }, On::End) => unloading(),
        (Is::Draining { in_flight: 2.. }, On::End) => (Is::Draining { in_flight: ended(state) }, None),
        (Is::Draining { in_flight: 1.. }, On::DrainTimeout) => (state.clone(), Some(Do::AbortRemaining)),
        (Is::Draining { in_flight: 0 }, On::Unloaded) => (Is::Unloaded, None),

        // What comes late or twice, and the memory of a version that failed its warm-up.
        (Is::Draining { .. } | Is::Unloaded | Is::Failed { .. }, On::Retire)
        | (Is::Draining { in_flight: 0 } | Is::Unloaded, On::DrainTimeout)
        | (Is::Failed { .. }, On::Unloaded) => (state.clone(), None),

        (state, event) => return Err(IllegalEvent { state: state.name(), event }),
    })
}

fn unloading() -> Edge {
    (VersionState::Draining { in_flight: 0 }, Some(LifecycleCommand::Unload))
}

fn ended(state: &VersionState) -> u64 {
    match state {
        VersionState::Ready { in_flight } | VersionState::Draining { in_flight } => in_flight.saturating_sub(1),
        _ => 0,
    }
}
