//! Tells of changes of states: to the log, where it is among those who are told, and to whoever takes them from the outbox.

use super::outbox::Outbox;
use super::track::Told;
use crate::observe::log::Log;
use serde_json::{Value, json};
use tidegate_core::document::{Document, LOG_SINK};
use tidegate_core::drift::states::State;
use tidegate_core::sketch::Profile;

/// The way to everybody who is told.
pub(super) struct Teller<'a> {
    pub(super) log: &'a Log,
    outbox: &'a Outbox,
    is_logged: bool,
}

/// Which version a change is about, and what it was held against.
pub(super) struct About<'a> {
    pub(super) route: &'a str,
    pub(super) version: &'a str,
    pub(super) version_digest: String,
    pub(super) profile: (&'a Profile, String),
    /// The stable version, and the split that both are of; `None` for a version beside its profile.
    pub(super) against: Option<(&'a str, String)>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(log: &'a Log, outbox: &'a Outbox, document: &Document) -> Self {
        Self { log, outbox, is_logged: document.sinks.iter().any(|sink| sink == LOG_SINK) }
    }

    pub(super) fn tell(&self, about: &About<'_>, told: &Told) {
        if self.is_logged {
            about.say(self.log, told);
        }
        if self.outbox.is_read() {
            self.outbox.put(&about.record(told));
        }
    }
}

impl About<'_> {
    /// The tensor, its side and the name of a feature, by its place in the profile.
    fn feature(&self, told: &Told) -> (&str, Value, &str) {
        let found = self.profile.0.features().nth(told.feature);
        let (tensor, feature) = found.expect("what was judged is a feature of the profile");
        (&tensor.name, json!(tensor.direction), &feature.name)
    }

    fn say(&self, log: &Log, told: &Told) {
        let (_, direction, feature) = self.feature(told);
        let mut fields = vec![("route", json!(self.route)), ("version", json!(self.version))];
        if let Some((against, _)) = &self.against {
            fields.extend([("against", json!(against)), ("direction", direction)]);
        }
        fields.extend([
            ("feature", json!(feature)),
            ("window", json!(told.length.name())),
            ("from", json!(told.transition.from)),
            ("to", json!(told.transition.to)),
            ("evidence", json!(told.evidence)),
        ]);
        // A thousand features that are well are no news.
        let say = match () {
            () if matches!(told.transition.to, State::Warn | State::Drift) => Log::warning,
            () if matches!(told.transition.from, State::Warn | State::Drift | State::Clearing) => Log::info,
            () => Log::debug,
        };
        say(log, "drift", &fields);
    }

    /// All of it, as Python makes an event of it: nothing that is known of the change is left out.
    fn record(&self, told: &Told) -> Value {
        let (tensor, direction, feature) = self.feature(told);
        json!({
            "route": self.route,
            "version": self.version,
            "version_digest": format!("sha256:{}", self.version_digest),
            "profile_digest": format!("sha256:{}", self.profile.1),
            "against": self.against.as_ref().map(|(version, _)| version),
            "split": self.against.as_ref().map(|(_, split)| format!("sha256:{split}")),
            "tensor": tensor,
            "direction": direction,
            "feature": feature,
            "window": told.length.name(),
            "from": told.transition.from,
            "to": told.transition.to,
            "at_s": told.transition.at_ms / 1_000,
            "evidence": told.evidence,
        })
    }
}
