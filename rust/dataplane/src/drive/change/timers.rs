//! How long loads may take: to begin behind one that is stuck, to be ready, and to end their requests.

use super::Changer;
use tidegate_core::plane::{LifecycleEvent, LoadId, Nanos};

/// What a load has a limited time for.
#[derive(Clone, Copy)]
pub(super) enum Timer {
    /// To begin, while what it waits for is stuck.
    Wait,
    /// To be ready.
    Load,
    /// To end its requests.
    Drain,
}

/// The timers that run.
#[derive(Default)]
pub(super) struct Timers(Vec<(Nanos, LoadId, Timer)>);

impl Timers {
    /// When the next one goes off.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.0.iter().map(|(at, ..)| *at).min()
    }

    /// The number of a load is used again after its end: nothing may be left of it by then.
    pub(super) fn stop(&mut self, load: LoadId) {
        self.0.retain(|(_, other, _)| *other != load);
    }
}

impl Changer {
    pub(super) fn start_timer(&mut self, load: LoadId, timer: Timer) {
        let document = &self.setting.plane.document;
        let limit_ms = match timer {
            Timer::Wait | Timer::Load => document.load_timeout_ms,
            Timer::Drain => document.drain_timeout_ms,
        };
        self.timers.stop(load);
        self.timers.0.push((self.setting.clock.now().saturating_add(limit_ms * 1_000_000), load, timer));
    }

    /// Tells loads whose time is over.
    pub(super) fn expire(&mut self) {
        let now = self.setting.clock.now();
        let due: Vec<_> = self.timers.0.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, load, timer) in due {
            match timer {
                Timer::Drain => self.tell(load, LifecycleEvent::DrainTimeout),
                Timer::Load => {
                    let limit = self.setting.plane.document.load_timeout_ms;
                    let reason = format!(
                        "it did not load and warm up within {limit} ms (load_timeout_ms); what goes on of that is \
                         unloaded when it ends"
                    );
                    let reason = self.failed(load, reason);
                    self.tell(load, LifecycleEvent::LoadTimeout(reason));
                }
                // It began meanwhile, or went; its number may stand for another load by now.
                Timer::Wait if !self.reconciler.loads().get(&load).is_some_and(|load| load.is_held_up) => {}
                Timer::Wait => {
                    let reason = self.failed(load, self.gives_up_waiting(load));
                    self.tell(load, LifecycleEvent::LoadFailed(reason));
                }
            }
        }
    }

    fn gives_up_waiting(&self, load: LoadId) -> String {
        let limit = self.setting.plane.document.load_timeout_ms;
        let version = &self.reconciler.loads()[&load].want.version;
        let what = match self.reconciler.leaving().get(version) {
            Some(before) => format!("the end of its last load (load {before}), which is stuck"),
            None => "a place among the loads, which are all stuck".to_owned(),
        };
        format!(
            "it waited {limit} ms (load_timeout_ms) for {what}: apply the document again when `tidegate status` shows \
             the end of it, or restart the gateway"
        )
    }
}
