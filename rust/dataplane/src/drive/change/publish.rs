//! Puts contents in force: checked, remembered, and only then served.

use super::Changer;
use super::contents::Prepared;
use crate::drive::snapshot::Version;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate_core::document::VersionId;
use tidegate_core::plane::{Content, Subject};

impl Changer {
    /// Puts changes in force, all or, with the reasons, none.
    pub(super) fn publish(
        &mut self,
        changes: &BTreeMap<Subject, Option<Content>>,
    ) -> Result<(), BTreeMap<Subject, String>> {
        let mut reasons = BTreeMap::new();
        for (subject, content) in changes {
            if let (Subject::Route(name), Some(content)) = (subject, content)
                && let Some(reason) = self.disagreement(name, content)
            {
                reasons.insert(subject.clone(), reason);
            }
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let before = self.applied.clone();
        for (subject, content) in changes {
            let Subject::Route(name) = subject else { continue };
            match content {
                Some(content) => {
                    let revision = Arc::clone(&self.prepared(name, content).revision);
                    self.applied.routes.insert(name.clone(), revision);
                }
                None => drop(self.applied.routes.remove(name)),
            }
        }
        self.note_digests(changes);
        let in_force = self.in_force(changes);
        let written = self.staff_shadows(&in_force).and_then(|()| self.write());
        if let Err(reason) = written {
            self.applied = before;
            return Err(changes.keys().map(|subject| (subject.clone(), reason.clone())).collect());
        }
        let snapshot = self.assemble(&in_force, false);
        self.setting.plane.swap(snapshot);
        Ok(())
    }

    /// Puts what is in force together once more: who watches it decides by what it is counted.
    pub(super) fn observe_anew(&mut self) {
        let plane = Arc::clone(&self.setting.plane);
        if plane.snapshot().incarnation > 0 {
            let in_force = self.reconciler.current().clone();
            plane.swap(self.assemble(&in_force, true));
        }
    }

    /// Remembers the digests that versions are served by for the first time: from here on they never change, unless a
    /// document names others.
    fn note_digests(&mut self, changes: &BTreeMap<Subject, Option<Content>>) {
        let wants = changes.values().flatten().flat_map(|content| &content.wants);
        let versions: Vec<_> = wants.filter_map(|want| self.residents.version(self.reconciler.ready(want)?)).collect();
        for version in versions {
            let known = self.applied.digests.entry(version.id.clone());
            known.and_modify(|known| known.clone_from(&version.digest)).or_insert_with(|| version.digest.clone());
        }
    }

    /// Remembers what is to be in force. What was in force when the gateway last ran keeps its epoch.
    pub(super) fn write(&mut self) -> Result<(), String> {
        let is_first = self.setting.plane.snapshot().incarnation == 0;
        if is_first && self.applied == self.stored && self.stored.epoch > 0 {
            return Ok(());
        }
        // Also a write that fails may have put its file in place: no other content may have this epoch.
        self.last_epoch += 1;
        self.applied.epoch = self.last_epoch;
        self.setting.state.write(&self.applied).map_err(|error| error.to_string())
    }

    fn in_force(&self, changes: &BTreeMap<Subject, Option<Content>>) -> BTreeMap<Subject, Content> {
        let mut in_force = self.reconciler.current().clone();
        for (subject, content) in changes {
            match content {
                Some(content) => drop(in_force.insert(subject.clone(), content.clone())),
                None => drop(in_force.remove(subject)),
            }
        }
        in_force
    }

    /// Why versions of a content cannot answer for each other, if so.
    fn disagreement(&self, name: &str, content: &Content) -> Option<String> {
        let Prepared { plan, revision } = self.prepared(name, content);
        let of = |version: &VersionId| self.version_of(content, version);
        let stable = of(&plan.arms[plan.stable as usize])?;
        let others = plan.arms.iter().chain(plan.shadows.iter().map(|shadow| &shadow.version));
        let mut sentences: Vec<String> = others
            .filter_map(of)
            .flat_map(|other| {
                let differences = stable.signature().differences(other.signature());
                differences.into_iter().map(move |difference| (other, difference))
            })
            .map(|(other, difference)| format!("{} does not fit {}: {difference}", other.id, stable.id))
            .collect();
        sentences.dedup();
        if let Some(decision) = &revision.route.decision {
            let output = stable.signature().outputs.iter().find(|spec| spec.name == decision.output);
            if output.is_none_or(|spec| spec.datatype.size().is_none()) {
                let numeric = stable.signature().outputs.iter().filter(|spec| spec.datatype.size().is_some());
                let names: Vec<&str> = numeric.map(|spec| spec.name.as_str()).collect();
                sentences.push(format!(
                    "decision.output {:?} is no numeric output of {}; it has {}",
                    decision.output,
                    stable.id,
                    names.join(", ")
                ));
            }
        }
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }

    pub(super) fn prepared(&self, name: &str, content: &Content) -> &Prepared {
        &self.prepared[&(name.to_owned(), content.revision)]
    }

    fn version_of(&self, content: &Content, version: &VersionId) -> Option<&Arc<Version>> {
        let want = content.wants.iter().find(|want| want.version == *version)?;
        self.residents.version(self.reconciler.ready(want)?)
    }

    fn staff_shadows(&self, in_force: &BTreeMap<Subject, Content>) -> Result<(), String> {
        let plans = in_force.iter().filter_map(|(subject, content)| match subject {
            Subject::Route(name) => Some(&self.prepared(name, content).plan),
            Subject::Version(_) => None,
        });
        let shadows = plans.map(|plan| plan.shadows.len()).sum::<usize>();
        if shadows == 0 {
            return Ok(());
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let staffed = self.setting.plane.shadow_compute.staff(shadows.min(cores) as u64, &self.setting.clock);
        staffed.map_err(|error| format!("cannot start a thread: {error}"))
    }
}
