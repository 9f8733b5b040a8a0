//! What one version is doing, from the order to load it to the end of its memory.
//!
//! ```text
//!         Load         Loaded          Warmed         Retire         Idle              Unloaded
//!   NEW ───────▸ LOADING ──────▸ WARMING ──────▸ READY ──────▸ DRAINING ────▸ (unloading) ──────▸ UNLOADED
//!    │ LoadFailed   │ LoadFailed    │ WarmFailed
//!    └──────────────┴───────────────┴──────────▸ FAILED(reason)
//! ```
//!
//! Who holds a version is counted outside, for that happens on every request: the shell says [`LifecycleEvent::Idle`]
//! once nothing that could still run it is left, and until then its memory stays. A load cannot be taken back, so a
//! version retired while it loads or warms up finishes that step and is then unloaded; one retired while new never loads.
//! A version whose warm-up failed is FAILED at once and gives its memory back. Late or repeated orders that change
//! nothing (Retire twice, a drain timer that fires after the end) are allowed; reports of what cannot have happened are
//! [`IllegalEvent`]s and change nothing either.

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
    Ready,
    /// Takes no new requests and ends the ones it has.
    Draining {
        /// Its time is over and something still runs: the memory goes when that returns.
        is_stuck: bool,
    },
    /// Nothing holds it; its memory is being given back.
    Unloading {
        /// Why it never served, if it did not.
        failure: Option<String>,
    },
    Unloaded,
    /// Could not be loaded or warmed up.
    Failed {
        reason: String,
    },
}

impl VersionState {
    /// The state in the words of `tidegate status` and the repository index.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Loading { .. } => "LOADING",
            Self::Warming { .. } => "WARMING",
            Self::Ready => "READY",
            Self::Draining { .. } | Self::Unloading { failure: None } => "DRAINING",
            Self::Unloaded => "UNLOADED",
            Self::Unloading { failure: Some(_) } | Self::Failed { .. } => "FAILED",
        }
    }
}

/// What happened to a version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleEvent {
    /// A content wants it.
    Load,
    /// The runtime has it.
    Loaded,
    /// Its files could not be verified, or the runtime refused it.
    LoadFailed(String),
    /// It ran its warm-up.
    Warmed,
    /// It is loaded and cannot run.
    WarmFailed(String),
    /// No content names it any more.
    Retire,
    /// `drain_timeout` after Retire.
    DrainTimeout,
    /// No snapshot, no request and no run holds it.
    Idle,
    /// The runtime let go of it.
    Unloaded,
}

/// What the shell shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleCommand {
    /// Verify and load it, then say Loaded or LoadFailed.
    Load,
    /// Run it on recorded or made-up rows, then say Warmed or WarmFailed.
    WarmUp,
    /// Let requests in.
    Admit,
    /// Let go of it, so that it is held by what runs alone, and say DrainTimeout when the time is over.
    Release,
    /// Answer what it still has: UNAVAILABLE what waits, ABORTED what runs.
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        self.state == VersionState::Ready
    }

    /// Whether it was retired, or failed: it will never take a request again.
    pub fn is_leaving(&self) -> bool {
        match self.state {
            VersionState::New | VersionState::Ready => false,
            VersionState::Loading { is_retired } | VersionState::Warming { is_retired } => is_retired,
            _ => true,
        }
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
        (Is::Loading { is_retired: true }, On::Loaded) => unloading(None),

        (Is::Warming { .. }, On::Retire) => (Is::Warming { is_retired: true }, None),
        (Is::Warming { is_retired: false }, On::Warmed) => (Is::Ready, Some(Do::Admit)),
        (Is::Warming { is_retired: true }, On::Warmed) => unloading(None),
        (Is::Warming { .. }, On::WarmFailed(reason)) => unloading(Some(reason)),

        (Is::Ready, On::Retire) => (Is::Draining { is_stuck: false }, Some(Do::Release)),

        (Is::Draining { is_stuck: false }, On::DrainTimeout) => {
            (Is::Draining { is_stuck: true }, Some(Do::AbortRemaining))
        }
        (Is::Draining { .. }, On::Idle) => unloading(None),

        (Is::Unloading { failure: None }, On::Unloaded) => (Is::Unloaded, None),
        (Is::Unloading { failure: Some(reason) }, On::Unloaded) => (Is::Failed { reason: reason.clone() }, None),

        // What comes late or twice.
        (Is::Draining { .. } | Is::Unloading { .. } | Is::Unloaded | Is::Failed { .. }, On::Retire)
        | (Is::Draining { is_stuck: true } | Is::Unloading { .. } | Is::Unloaded, On::DrainTimeout) => {
            (state.clone(), None)
        }

        (state, event) => return Err(IllegalEvent { state: state.name(), event }),
    })
}

fn unloading(failure: Option<String>) -> Edge {
    (VersionState::Unloading { failure }, Some(LifecycleCommand::Unload))
}
