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
//! version retired while it loads finishes that step and is then unloaded; the runs of a warm-up are asked to end; one
//! retired while new never loads. A load that takes too long is given up in the same way and is stuck until it ends. A
//! version whose warm-up failed is FAILED at once and gives its memory back. Late or repeated orders that change nothing
//! (Retire twice, a drain timer that fires after the end) are allowed; reports of what cannot have happened are
//! [`IllegalEvent`]s and change nothing either.

use thiserror::Error;

/// What a version is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VersionState {
    New,
    Loading {
        /// Nobody wants it any more, or it took too long: unload it as soon as it is there.
        is_retired: bool,
        /// It took too long.
        is_stuck: bool,
    },
    Warming {
        /// As while loading.
        is_retired: bool,
        is_stuck: bool,
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

    /// Whether it is on its way to memory.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Loading { .. } | Self::Warming { .. })
    }

    /// Whether its time is over, and something that cannot be taken back goes on.
    pub fn is_stuck(&self) -> bool {
        match self {
            Self::Loading { is_stuck, .. } | Self::Warming { is_stuck, .. } | Self::Draining { is_stuck } => *is_stuck,
            _ => false,
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
    /// It is neither ready nor failed `load_timeout` after Load, with a sentence that says so.
    LoadTimeout(String),
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
    /// Ask the runs of the warm-up to end.
    Terminate,
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
            VersionState::Loading { is_retired, .. } | VersionState::Warming { is_retired, .. } => is_retired,
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
        (Is::New, On::Load) => (Is::Loading { is_retired: false, is_stuck: false }, Some(Do::Load)),
        (Is::New, On::Retire) => (Is::Unloaded, None),
        (Is::New | Is::Loading { .. }, On::LoadFailed(reason)) => (Is::Failed { reason }, None),

        (Is::Loading { is_stuck, .. }, On::Retire) => (Is::Loading { is_retired: true, is_stuck: *is_stuck }, None),
        (Is::Loading { is_stuck: false, .. }, On::LoadTimeout(_)) => {
            (Is::Loading { is_retired: true, is_stuck: true }, None)
        }
        (Is::Loading { is_retired: false, .. }, On::Loaded) => {
            (Is::Warming { is_retired: false, is_stuck: false }, Some(Do::WarmUp))
        }
        (Is::Loading { is_retired: true, .. }, On::Loaded) => unloading(None),

        (Is::Warming { is_retired: false, .. }, On::Retire) => {
            (Is::Warming { is_retired: true, is_stuck: false }, Some(Do::Terminate))
        }
        (Is::Warming { is_stuck: false, .. }, On::LoadTimeout(_)) => {
            (Is::Warming { is_retired: true, is_stuck: true }, Some(Do::Terminate))
        }
        (Is::Warming { is_retired: false, .. }, On::Warmed) => (Is::Ready, Some(Do::Admit)),
        (Is::Warming { is_retired: false, .. }, On::WarmFailed(reason)) => unloading(Some(reason)),
        // What a run says that was asked to end is no news of the version.
        (Is::Warming { is_retired: true, .. }, On::Warmed | On::WarmFailed(_)) => unloading(None),

        (Is::Ready, On::Retire) => (Is::Draining { is_stuck: false }, Some(Do::Release)),

        (Is::Draining { is_stuck: false }, On::DrainTimeout) => {
            (Is::Draining { is_stuck: true }, Some(Do::AbortRemaining))
        }
        (Is::Draining { .. }, On::Idle) => unloading(None),

        (Is::Unloading { failure: None }, On::Unloaded) => (Is::Unloaded, None),
        (Is::Unloading { failure: Some(reason) }, On::Unloaded) => (Is::Failed { reason: reason.clone() }, None),

        // What comes late or twice.
        (
            Is::Warming { is_retired: true, .. }
            | Is::Draining { .. }
            | Is::Unloading { .. }
            | Is::Unloaded
            | Is::Failed { .. },
            On::Retire,
        )
        | (Is::Draining { is_stuck: true } | Is::Unloading { .. } | Is::Unloaded, On::DrainTimeout)
        | (Is::Unloading { .. } | Is::Unloaded, On::LoadTimeout(_)) => (state.clone(), None),

        (state, event) => return Err(IllegalEvent { state: state.name(), event }),
    })
}

fn unloading(failure: Option<String>) -> Edge {
    (VersionState::Unloading { failure }, Some(LifecycleCommand::Unload))
}
