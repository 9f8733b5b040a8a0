//! From what is wanted, whole or in parts, to what every subject shall be served by.

use super::ticket::{Report, Sections};
use super::{Changer, scan};
use crate::runtime::onnx::trim_memory;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate_core::document::{Amendment, Document, Violation};
use tidegate_core::plane::{ChangeEvent, Outcome, Subject};
use tokio::sync::oneshot;

/// A document of more subjects leaves so much behind that giving it back is worth a pause of the allocator.
const MANY_SUBJECTS: usize = 1_000;

impl Changer {
    pub(super) fn apply(&mut self, document: Document, respond: oneshot::Sender<Report>) {
        let monitors = self.setting.plane.watches.change(&document.monitors);
        if matches!(monitors, Some(Outcome::Current | Outcome::Removed)) {
            // Before anybody is told that it is so.
            self.observe_anew();
        }
        let sections = Sections { keys: self.change_keys(&document), monitors };
        self.scan();
        let contents = self.contents(&document);
        let profiles = self.say_changed_profiles(&contents);
        // What the repository brought along is no part of the document: it is in the log and in the index.
        let is_named = |subject: &&Subject| match subject {
            Subject::Route(_) => true,
            Subject::Version(version) => document.versions.contains_key(version),
        };
        let subjects = contents.keys().chain(self.reconciler.current().keys()).filter(is_named).cloned().collect();
        self.refused.retain(|name, _| document.routes.contains_key(name));
        self.document = Arc::new(document);
        self.tickets.open(subjects, sections, profiles, respond);
        let is_large = contents.len() > MANY_SUBJECTS;
        self.step(ChangeEvent::Apply(contents));
        if is_large {
            trim_memory();
        }
    }

    /// Does for what an amendment names what [`Self::apply`] does for everything. Nobody waits for its outcomes: they are
    /// in the log and in the progress.
    pub(super) fn amend(&mut self, amendment: Amendment) -> Result<(), Vec<Violation>> {
        let violations = self.document.check_amendment(&amendment);
        if !violations.is_empty() {
            return Err(violations);
        }
        let (has_versions, has_monitors) = (!amendment.versions.is_empty(), !amendment.monitors.is_empty());
        let touched = Arc::make_mut(&mut self.document).amend(amendment);
        let document = Arc::clone(&self.document);
        if has_monitors && self.setting.plane.watches.change(&document.monitors) != Some(Outcome::Unchanged) {
            self.observe_anew();
        }
        if has_versions {
            self.scan();
        }
        let mut changes = BTreeMap::new();
        for name in touched {
            let content = document.routes.get(&name).map(|route| self.route_content(&name, route, &document));
            if content.is_none() {
                self.refused.remove(&name);
            }
            changes.insert(Subject::Route(name), content);
        }
        let unrouted = self.found.unrouted(&document);
        let known = self.reconciler.current().keys().chain(self.reconciler.pending().map(|(subject, _)| subject));
        for subject in known {
            if let Subject::Version(version) = subject
                && !unrouted.contains(version)
            {
                changes.insert(subject.clone(), None);
            }
        }
        for version in unrouted {
            let content = self.version_content(&version, &document);
            let subject = Subject::Version(version);
            if self.reconciler.current().get(&subject) != Some(&content) {
                changes.insert(subject, Some(content));
            }
        }
        drop(document);
        self.step(ChangeEvent::Amend(changes));
        Ok(())
    }

    fn scan(&mut self) {
        let mut warnings = Vec::new();
        match scan::scan(&self.setting.repository, &self.found, &mut warnings) {
            Ok(found) => self.found = found,
            // What is loaded needs no folder; what is not will say that there is none.
            Err(reason) => warnings.push(reason),
        }
        for note in warnings {
            self.say(note);
        }
    }
}
