//! How a server ends: tell the world, keep accepting for a while, close the door, finish, leave.

use super::{Nanos, SECOND};

/// How long the answers of aborted requests have to reach the wire, and begun runs to end, before the process leaves.
pub const ABORT_GRACE: Nanos = SECOND;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndingEvent {
    /// SIGTERM or Ctrl-C, at that time.
    Signal(Nanos),
    /// It is that time now; see [`Ending::wake_at`].
    Tick(Nanos),
    /// Nothing is in flight. Said when the last request ends, and again after [`EndingCommand::StopAccepting`] if that
    /// is so already: while the door is open, being idle means nothing.
    Idle,
}

/// What the shell shall do, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndingCommand {
    /// NOT_SERVING to every health Check and Watch; requests are still taken, because whoever balances the load has
    /// not read it yet.
    ReportNotServing,
    /// Close the listening sockets, and connections that have not finished their handshake.
    StopAccepting,
    /// GOAWAY on every connection.
    SendGoaway,
    /// End Watch and reflection streams and inference streams with nothing outstanding.
    EndIdleStreams,
    /// Answer what is left: UNAVAILABLE what was queued, ABORTED what was begun; count each.
    AbortRemaining,
    /// Leave. Clean: every request got its own answer.
    Exit { is_clean: bool },
    /// Leave at once: asked twice.
    ExitNow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Reported, still accepting until then.
    Announced(Nanos),
    /// Door closed, finishing until then.
    Draining(Nanos),
    /// Aborted what was left; leaves at the latest then.
    Aborting(Nanos),
    Over,
}

/// The end of one server's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    drain_delay: Nanos,
    drain_timeout: Nanos,
    phase: Phase,
}

impl Ending {
    /// A server that accepts for `drain_delay` after the signal, and has `drain_timeout` after that to finish.
    pub fn new(drain_delay: Nanos, drain_timeout: Nanos) -> Self {
        Self { drain_delay, drain_timeout, phase: Phase::Serving }
    }

    /// Whether a signal came: health says NOT_SERVING.
    pub fn is_ending(&self) -> bool {
        self.phase != Phase::Serving
    }

    /// Whether new connections and requests are taken.
    pub fn is_accepting(&self) -> bool {
        matches!(self.phase, Phase::Serving | Phase::Announced(_))
    }

    /// When it wants the next [`EndingEvent::Tick`].
    pub fn wake_at(&self) -> Option<Nanos> {
        match self.phase {
            Phase::Announced(until) | Phase::Draining(until) | Phase::Aborting(until) => Some(until),
            Phase::Serving | Phase::Over => None,
        }
    }

    /// Takes one step and says what to do, in order. A tick does the one step that is due; after the exit nothing happens.
    pub fn step(&mut self, event: EndingEvent) -> Vec<EndingCommand> {
        let mut commands = Vec::new();
        match (self.phase, event) {
            (Phase::Serving, EndingEvent::Signal(now)) => {
                self.phase = Phase::Announced(now.saturating_add(self.drain_delay));
                commands.push(EndingCommand::ReportNotServing);
                self.advance(now, &mut commands);
            }
            (Phase::Over | Phase::Serving, _) | (Phase::Announced(_), EndingEvent::Idle) => {}
            (_, EndingEvent::Signal(_)) => self.leave(EndingCommand::ExitNow, &mut commands),
            (_, EndingEvent::Tick(now)) => self.advance(now, &mut commands),
            (phase, EndingEvent::Idle) => {
                let is_clean = matches!(phase, Phase::Draining(_));
                self.leave(EndingCommand::Exit { is_clean }, &mut commands);
            }
        }
        commands
    }

    /// One phase at most: what follows is counted from the time this was done, so that a late tick takes nobody's
    /// time to finish.
    fn advance(&mut self, now: Nanos, commands: &mut Vec<EndingCommand>) {
        match self.phase {
            Phase::Announced(until) if until <= now => {
                self.phase = Phase::Draining(now.saturating_add(self.drain_timeout));
                commands.extend([
                    EndingCommand::StopAccepting,
                    EndingCommand::SendGoaway,
                    EndingCommand::EndIdleStreams,
                ]);
            }
            Phase::Draining(until) if until <= now => {
                self.phase = Phase::Aborting(now.saturating_add(ABORT_GRACE));
                commands.push(EndingCommand::AbortRemaining);
            }
            Phase::Aborting(until) if until <= now => self.leave(EndingCommand::Exit { is_clean: false }, commands),
            _ => {}
        }
    }

    fn leave(&mut self, command: EndingCommand, commands: &mut Vec<EndingCommand>) {
        self.phase = Phase::Over;
        commands.push(command);
    }
}
