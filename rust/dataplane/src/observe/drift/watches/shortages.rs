//! What monitors give up because their memory is short, in sentences for whoever has applied them.

use super::Watches;
use crate::drive::snapshot::{Arm, Snapshot, Target};
use crate::observe::drift::observer::{Observed, Observer};
use crate::observe::drift::room::Room;
use std::collections::BTreeMap;
use tidegate_core::document::Monitor;

/// Features that are named; `/drift/<route>` and the log have more.
const MOST_NAMED: usize = 10;

impl Watches {
    /// Of each watched route of a snapshot what its monitor gives up, where it does.
    pub fn shortages(&self, snapshot: &Snapshot) -> BTreeMap<String, String> {
        let monitors = self.monitors.load();
        let watched =
            monitors.iter().filter_map(|(route, monitor)| Some((route, monitor, snapshot.targets.get(route)?)));
        let short = watched.filter_map(|(route, monitor, target)| {
            let parts: Vec<String> = versions(target).into_iter().filter_map(|arm| shortage(arm, monitor)).collect();
            let memory = format!("monitors.{route}.memory_mib is {}", monitor.memory_mib);
            (!parts.is_empty()).then(|| (route.clone(), format!("{memory}: {}", parts.join("; "))))
        });
        short.collect()
    }
}

/// Every version that is asked under a name, shadows among them, once.
fn versions(target: &Target) -> Vec<&Arm> {
    let shadows = target.shadows.iter().map(|shadow| &shadow.arm);
    let mut arms: Vec<&Arm> = target.arms.iter().chain(shadows).map(AsRef::as_ref).collect();
    arms.sort_by(|left, right| left.version.id.cmp(&right.version.id));
    arms.dedup_by(|left, right| left.version.id == right.version.id);
    arms
}

fn shortage(arm: &Arm, monitor: &Monitor) -> Option<String> {
    let Observed { observer, .. } = arm.observed.as_ref()?;
    let given_up: Vec<String> = [features(observer), windows(observer, monitor)].into_iter().flatten().collect();
    (!given_up.is_empty()).then(|| format!("of {} {}", arm.version.id, given_up.join(", and ")))
}

/// Features without bins, by count and name.
fn features(observer: &Observer) -> Option<String> {
    let names: Vec<&str> = observer.profiled.moments().collect();
    let (count, all) = (names.len(), observer.profiled.all_features());
    let more = count.saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = names[..count.min(MOST_NAMED)].join(", ");
    (count > 0).then(|| format!("{count} of {all} features keep only their moments and are not judged ({named}{more})"))
}

/// Lengths of which fewer windows are kept than there would be with room for all.
fn windows(observer: &Observer, monitor: &Monitor) -> Option<String> {
    let fewer = Room::fewer(observer, monitor);
    let fewer: Vec<String> = fewer.map(|(name, kept, wanted)| format!("{kept} of {wanted} {name}")).collect();
    (!fewer.is_empty()).then(|| format!("{} are kept", fewer.join(" and ")))
}
