//! Which loads begin, which wait for their turn, and which are let go.

use std::collections::{BTreeMap, BTreeSet};

use super::Reconciler;
use crate::document::VersionId;
use crate::plane::changes::{ChangeCommand, Load, LoadId, Want};
use crate::plane::lifecycle::{Lifecycle, LifecycleEvent, VersionState};

/// Loads that are stuck and yet make room for others: each keeps a thread and perhaps memory until it ends.
const MOST_STUCK: usize = 8;

impl Reconciler {
    pub(super) fn retire(&mut self, todo: &mut Vec<ChangeCommand>) {
        let wanted: BTreeSet<&Want> = self.wanted().collect();
        let unwanted = self.live.keys().filter(|want| !wanted.contains(want)).cloned().collect::<Vec<_>>();
        for want in unwanted {
            let id = self.live.remove(&want).expect("it was just listed");
            let load = self.loads.get_mut(&id).expect("what is live is there");
            let command = load.life.step(LifecycleEvent::Retire).expect("anything can be retired");
            todo.extend(command.map(|command| ChangeCommand::Load(id, command)));
            if load.life.is_over() {
                self.loads.remove(&id);
            }
        }
    }

    pub(super) fn begin(&mut self, todo: &mut Vec<ChangeCommand>) {
        self.add_missing();
        let under_way = || self.loads.values().map(|load| load.life.state()).filter(|state| state.is_under_way());
        let stuck = under_way().filter(|state| state.is_stuck()).count();
        let mut healthy = under_way().count() - stuck;
        let mut free = self.at_once.saturating_sub(healthy + stuck.saturating_sub(MOST_STUCK));
        // Whether the load that leaves is stuck, by version.
        let leaving: BTreeMap<VersionId, bool> = self
            .leaving()
            .into_iter()
            .map(|(version, id)| (version.clone(), self.loads[&id].life.state().is_stuck()))
            .collect();
        for (id, load) in &mut self.loads {
            let may_begin = *load.life.state() == VersionState::New && !leaving.contains_key(&load.want.version);
            if may_begin && free > 0 {
                free -= 1;
                healthy += 1;
                load.life.step(LifecycleEvent::Load).expect("a new load can begin");
                todo.push(ChangeCommand::Begin(*id, load.want.clone()));
            }
        }
        // What waits for a healthy load waits for something that ends in time.
        let is_full = free == 0 && healthy == 0;
        for (id, load) in &mut self.loads {
            let waits_for_stuck = is_full || leaving.get(&load.want.version).copied().unwrap_or(false);
            let was_held_up = load.is_held_up;
            load.is_held_up = *load.life.state() == VersionState::New && waits_for_stuck;
            if load.is_held_up && !was_held_up {
                todo.push(ChangeCommand::Wait(*id));
            }
        }
    }

    /// What is wanted and not there is new, and waits for its turn.
    fn add_missing(&mut self) {
        let is_missing = |want: &&Want| !self.live.contains_key(*want) && !self.failed.contains_key(*want);
        let missing: BTreeSet<Want> = self.wanted().filter(is_missing).cloned().collect();
        let mut id: LoadId = 0;
        for want in missing {
            while self.loads.contains_key(&id) {
                id += 1;
            }
            self.live.insert(want.clone(), id);
            self.loads.insert(id, Load { want, life: Lifecycle::new(), is_held_up: false });
        }
    }

    fn wanted(&self) -> impl Iterator<Item = &Want> {
        let pending = self.pending.values().map(|pending| &pending.content);
        self.current.values().chain(pending).flat_map(|content| &content.wants)
    }
}
