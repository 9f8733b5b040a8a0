//! What is said of a feature from one window to the next: a pure machine whose every change is a value with its evidence.

use super::judge::{Judgement, Verdict};
use serde::Serialize;

/// What is said of a feature.
///
/// Ordered by how much it asks for attention, so that the state of a feature over several window lengths is the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Judged, and neither listed nor paged.
    Ok,
    /// No window has been judged yet.
    Warming,
    /// The newest window had too few rows, also merged with those before it.
    Insufficient,
    /// What was last said is too old to be said again.
    Unknown,
    /// After a drift, the newest windows are quiet; some more must be.
    Clearing,
    /// Listed among the features of a window.
    Warn,
    /// Paged.
    Drift,
}

impl State {
    /// As reports and metrics say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warming => "warming",
            Self::Insufficient => "insufficient",
            Self::Unknown => "unknown",
            Self::Clearing => "clearing",
            Self::Warn => "warn",
            Self::Drift => "drift",
        }
    }
}

/// When a machine changes its mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// So many quiet windows in a row end a drift; at least 1.
    pub quiet_windows: u32,
    /// A state is `unknown` when no window was judged for longer than this.
    pub stale_after_ms: u64,
}

/// The time that judged rows cover, as Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    pub start_ms: u64,
    pub end_ms: u64,
}

/// What is known of one window of a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    pub window: Span,
    pub verdict: Verdict,
    /// The q value among the features of the window; `None` where it was not judged.
    pub q: Option<f64>,
    pub is_listed: bool,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transition {
    pub from: State,
    pub to: State,
    pub at_ms: u64,
    /// What was seen; `None` where nothing was, for too long.
    pub evidence: Option<Observation>,
}

/// Follows one feature over the windows of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    patience: Patience,
    state: State,
    /// What the last judged window led to. It outlasts windows that could not be judged: too few rows end no drift.
    standing: State,
    quiet: u32,
    /// The end of the last judged window, or when watching began.
    judged_ms: u64,
}

impl Machine {
    pub fn new(patience: Patience, now_ms: u64) -> Self {
        Self { patience, state: State::Warming, standing: State::Warming, quiet: 0, judged_ms: now_ms }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Takes in a window that has closed. Windows come in the order of their ends; one that ends before a judged one changes
    /// nothing.
    pub fn observe(&mut self, observation: Observation, now_ms: u64) -> Option<Transition> {
        if observation.window.end_ms < self.judged_ms {
            return None;
        }
        let next = match &observation.verdict {
            // Too few rows have values, and that by itself is what is wrong, or those that have are new.
            Verdict::Insufficient { .. } if observation.is_listed => {
                self.judged_ms = observation.window.end_ms;
                State::Warn
            }
            Verdict::Insufficient { .. } if self.is_stale(now_ms) => State::Unknown,
            Verdict::Insufficient { .. } if self.standing == State::Warming => State::Warming,
            Verdict::Insufficient { .. } => State::Insufficient,
            Verdict::Judged(judgement) => {
                self.judged_ms = observation.window.end_ms;
                self.standing = self.after(judgement, observation.is_listed);
                self.standing
            }
        };
        self.change(next, now_ms, Some(observation))
    }

    /// Looks at the clock: without a judged window for too long the state is unknown.
    pub fn tick(&mut self, now_ms: u64) -> Option<Transition> {
        if self.is_stale(now_ms) { self.change(State::Unknown, now_ms, None) } else { None }
    }

    fn after(&mut self, judgement: &Judgement, is_listed: bool) -> State {
        if judgement.pages() {
            self.quiet = 0;
            return State::Drift;
        }
        let usual = if is_listed { State::Warn } else { State::Ok };
        if !matches!(self.standing, State::Drift | State::Clearing) {
            return usual;
        }
        // A drift does not end with a window below the threshold, but with quiet ones.
        self.quiet = if judgement.is_quiet() { self.quiet + 1 } else { 0 };
        match self.quiet {
            0 => State::Drift,
            quiet if quiet < self.patience.quiet_windows => State::Clearing,
            _ => usual,
        }
    }

    fn is_stale(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.judged_ms) > self.patience.stale_after_ms
    }

    fn change(&mut self, to: State, at_ms: u64, evidence: Option<Observation>) -> Option<Transition> {
        let from = std::mem::replace(&mut self.state, to);
        (from != to).then_some(Transition { from, to, at_ms, evidence })
    }
}
