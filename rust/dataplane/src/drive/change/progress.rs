//! What people are shown of what is under way, and what can be forgotten.

use super::Changer;
use crate::drive::snapshot::{IndexEntry, LoadStatus, Progress, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidegate_core::document::VersionId;
use tidegate_core::plane::{Subject, VersionState};

/// Digests that are remembered; beyond that, those go whose files are gone too.
const MOST_DIGESTS: usize = 4096;

impl Changer {
    /// Forgets contents and settings that nothing stands for any more.
    pub(super) fn forget(&mut self) {
        let waiting = || self.reconciler.pending().map(|(_, content)| content).chain(self.reconciler.kept().values());
        let contents = || self.reconciler.current().values().chain(waiting());
        let revisions: BTreeSet<u64> = contents().map(|content| content.revision).collect();
        self.prepared.retain(|(_, revision), _| revisions.contains(revision));
        let settings: BTreeSet<u64> = contents()
            .flat_map(|content| content.wants.iter().map(|want| want.settings))
            .chain(self.reconciler.loads().values().map(|load| load.want.settings))
            .collect();
        self.settings.retain(|number, _| settings.contains(number));
        let (found, loads) = (&self.found, self.reconciler.loads());
        self.failures.retain(|version, _| found.contains(version));
        self.said.retain(|version, _| found.contains(version));
        if self.applied.digests.len() > MOST_DIGESTS {
            let is_loaded = |version: &VersionId| loads.values().any(|load| load.want.version == *version);
            self.applied.digests.retain(|version, _| found.contains(version) || is_loaded(version));
        }
    }

    /// Shows how far everything has come. While a gateway starts there is nobody to look.
    pub(super) fn show_progress(&mut self) {
        if self.notes.is_some() {
            return;
        }
        let leaving = self.reconciler.leaving();
        let now = self.setting.clock.now();
        let loads: Vec<LoadStatus> = self
            .reconciler
            .loads()
            .iter()
            .map(|(id, load)| {
                let state = load.life.state();
                let is_stuck = state.is_stuck();
                let shown = (state.name(), is_stuck);
                let since =
                    self.since.get(id).filter(|(name, stuck, _)| (*name, *stuck) == shown).map_or(now, |old| old.2);
                let before = leaving.get(&load.want.version).filter(|_| *state == VersionState::New);
                let waits_for = before.map(|other| {
                    let state = self.reconciler.loads()[other].life.state().name().to_lowercase();
                    format!("the end of {} (load {other}), which is still {state}", load.want.version)
                });
                let version = load.want.version.clone();
                LoadStatus { load: *id, version, state: state.name(), is_stuck, since, waits_for }
            })
            .collect();
        self.since = loads.iter().map(|load| (load.load, (load.state, load.is_stuck, load.since))).collect();
        let pending = self.reconciler.pending().filter_map(|(subject, content)| {
            let Subject::Route(name) = subject else { return None };
            let missing: Vec<&str> = content
                .wants
                .iter()
                .filter(|want| self.reconciler.ready(want).is_none())
                .map(|want| want.version.as_str())
                .collect();
            Some((name.clone(), format!("waits for {}", missing.join(", "))))
        });
        let progress = Arc::new(Progress {
            index: self.index(&loads),
            pending: pending.collect(),
            refused: self.refused.clone(),
            loads,
        });
        // In a statement of its own: a swap waits until nobody holds the snapshot before, this thread included.
        let next = Snapshot { progress, ..(*self.setting.plane.snapshot()).clone() };
        self.setting.plane.swap(next);
    }

    /// Every version folder, and everything that is loaded, with its state.
    fn index(&self, loads: &[LoadStatus]) -> Vec<IndexEntry> {
        let wanted = self.reconciler.pending().map(|(_, content)| content);
        let wanted = wanted.chain(self.reconciler.current().values()).flat_map(|content| &content.wants);
        let known: BTreeSet<&VersionId> = self.found.versions().chain(wanted.map(|want| &want.version)).collect();
        let known = known.into_iter().chain(self.failures.keys()).collect::<BTreeSet<_>>();
        let ready = VersionState::Ready.name();
        let mut states: BTreeMap<&VersionId, Vec<&str>> = BTreeMap::new();
        for load in loads {
            states.entry(&load.version).or_default().push(load.state);
        }
        let mut index: Vec<IndexEntry> = known
            .into_iter()
            .map(|id| {
                let states = states.get(id).map_or(&[][..], Vec::as_slice);
                let is_ready = states.contains(&ready);
                let reason = match (states.first(), self.failures.get(id)) {
                    _ if is_ready => String::new(),
                    (Some(state), _) => format!("not loaded: it is {state}"),
                    (None, Some(reason)) => reason.clone(),
                    (None, None) => "not loaded: no route and no entry of `versions` names it".to_owned(),
                };
                IndexEntry { model: id.model().to_owned(), version: id.version().to_owned(), ready: is_ready, reason }
            })
            .collect();
        index.sort_by_cached_key(|entry| (entry.model.clone(), entry.version.parse::<u64>().unwrap_or(0)));
        index
    }
}
