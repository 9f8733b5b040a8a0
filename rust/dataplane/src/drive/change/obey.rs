//! Does what the core asks for, and says what became of it.

use super::Changer;
use super::timers::Timer;
use crate::drive::load::Job;
use serde_json::json;
use std::collections::VecDeque;
use tidegate_core::plane::{ChangeCommand, ChangeEvent, LifecycleCommand, LoadId, Outcome, Subject, Want};

impl Changer {
    /// Asks the core what follows, and does it, until nothing does.
    pub(super) fn step(&mut self, event: ChangeEvent) {
        let mut commands: VecDeque<_> = self.reconciler.step(event).into();
        while let Some(command) = commands.pop_front() {
            match command {
                ChangeCommand::Begin(load, want) => self.load(load, &want),
                ChangeCommand::Wait(load) => self.start_timer(load, Timer::Wait),
                ChangeCommand::Load(load, command) => self.follow(load, command),
                ChangeCommand::Publish(changes) => {
                    let event = match self.publish(&changes) {
                        Ok(()) => ChangeEvent::Published,
                        Err(reasons) => ChangeEvent::Rejected(reasons),
                    };
                    commands.extend(self.reconciler.step(event));
                }
                ChangeCommand::Settled(subject, outcome) => self.settle(&subject, &outcome),
            }
        }
        self.forget();
        self.show_progress();
        let mut doubts = self.say_ungated();
        if self.tickets.has_settled() {
            let plane = &self.setting.plane;
            doubts.extend(plane.watches.shortages(&plane.snapshot()).into_values());
        }
        self.tickets.answer(self.applied.epoch, &doubts);
    }

    fn load(&mut self, load: LoadId, want: &Want) {
        let folder = self.setting.repository.join(want.version.model()).join(want.version.version());
        let settings = self.settings[&want.settings].clone();
        let digest = self.applied.digests.get(&want.version).cloned();
        self.start_timer(load, Timer::Load);
        self.loaders.order(Job::Load { load, folder, settings, digest });
    }

    fn follow(&mut self, load: LoadId, command: LifecycleCommand) {
        match command {
            LifecycleCommand::WarmUp => {
                let want = &self.reconciler.loads()[&load].want;
                let settings = self.settings[&want.settings].clone();
                let recorded = self.recorded_for(want);
                let model = self.residents.model(load);
                self.loaders.order(Job::WarmUp { load, model, settings, recorded });
            }
            LifecycleCommand::Terminate => self.residents.model(load).terminate(),
            LifecycleCommand::Release => {
                self.start_timer(load, Timer::Drain);
                self.residents.release(load);
            }
            LifecycleCommand::AbortRemaining => {
                let version = self.reconciler.loads()[&load].want.version.clone();
                self.setting.plane.log.warning("drain_timeout", &[("version", json!(version.as_str()))]);
                self.residents.abort(load, &self.setting.plane, version.as_str());
            }
            LifecycleCommand::Unload => {
                if let Some(model) = self.residents.unload(load, &self.setting.plane) {
                    self.loaders.unload(load, model);
                }
            }
            // The reconciler begins loads itself, and what is ready is admitted by the next publication.
            LifecycleCommand::Load | LifecycleCommand::Admit => {}
        }
    }

    fn settle(&mut self, subject: &Subject, outcome: &Outcome) {
        match subject {
            Subject::Version(version) => {
                if let Outcome::Refused(reason) = outcome {
                    let reason = reason.strip_prefix(&format!("{version}: ")).unwrap_or(reason);
                    // Every document tries it again; the same failure is no news.
                    if self.said.insert(version.clone(), reason.to_owned()).as_deref() != Some(reason) {
                        self.say(format!("{version} is not served: {reason}"));
                    }
                }
            }
            Subject::Route(name) => self.settle_route(name, outcome),
        }
        self.tickets.settle(subject, outcome);
    }

    fn settle_route(&mut self, name: &str, outcome: &Outcome) {
        let log = &self.setting.plane.log;
        match outcome {
            Outcome::Superseded => {}
            Outcome::Refused(reason) => {
                self.refused.insert(name.to_owned(), reason.clone());
                match &mut self.notes {
                    // The reasons of a start that fails are its last words.
                    Some(notes) => notes.push(format!("route {name} serves what it had: {reason}")),
                    None => log.warning("refused", &[("route", json!(name)), ("reason", json!(reason))]),
                }
            }
            Outcome::Current | Outcome::Unchanged | Outcome::Removed => {
                self.refused.remove(name);
                if self.notes.is_none() && *outcome != Outcome::Unchanged {
                    let event = if *outcome == Outcome::Removed { "removed" } else { "applied" };
                    log.info(event, &[("route", json!(name)), ("epoch", json!(self.applied.epoch))]);
                }
            }
        }
    }

    /// Says something about the repository, now or once the gateway has started.
    pub(super) fn say(&mut self, note: String) {
        match &mut self.notes {
            Some(notes) => notes.push(note),
            None => self.note(&note),
        }
    }

    pub(super) fn note(&self, note: &str) {
        self.setting.plane.log.warning("repository", &[("note", json!(note))]);
    }
}
