//! The versions of one split, each held against the stable one.

use super::super::Profiled;
use super::super::judge::Told;
use super::super::metrics::Gauge;
use super::super::room::mib;
use super::super::telling::About;
use super::super::watches::{Key, fitted};
use super::comparison::Comparison;
use super::side::Side;
use super::{Arms, Callers, Owned};
use crate::drive::snapshot::Version;
use crate::observe::log::Log;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tidegate_core::document::{Monitor, Sha256, WindowLength};
use tidegate_core::drift::states::State;
use tidegate_core::monitor::versus::Difference;
use tidegate_core::sketch::{self, Capacity, Traffic};

/// The lengths of windows that versions are compared in: a minute has too few callers, and a month more days than are kept.
pub(super) fn lengths(monitor: &Monitor) -> impl Iterator<Item = WindowLength> {
    let is_compared = |length: &WindowLength| matches!(length, WindowLength::Hour | WindowLength::Day);
    monitor.windows.iter().copied().filter(is_compared)
}

pub(super) struct Split {
    /// Of what must stay as it is for counts to add up: tables, versions, and the profile that has the bins.
    pub(super) digest: Sha256,
    pub(super) stable: String,
    /// Why nothing is compared, and what would be.
    refused: Option<(String, Vec<String>)>,
    /// The stable version first; none where nothing is compared.
    pub(super) sides: Vec<Side>,
    comparisons: Vec<Comparison>,
    /// Bytes of one window of a version, all sub-cells together; none before it was opened.
    window_bytes: Option<usize>,
    capacity: Capacity,
    /// Windows that ended before were compared, and told of, by the gateway that stored them.
    stored_s: u64,
}

impl Split {
    pub(super) fn new(route: &Arc<str>, arms: &Arms<'_>, monitor: Option<&Monitor>, digest: Sha256) -> Self {
        let (own, versions, stable) = (own(arms), &arms.versions, arms.plan.stable as usize);
        let name = |arm: usize| versions[arm].id.as_str().to_owned();
        let mut split = Self {
            digest,
            stable: name(stable),
            refused: None,
            sides: Vec::new(),
            comparisons: Vec::new(),
            window_bytes: None,
            capacity: Capacity { minutes: 0, hours: 0, days: 0 },
            stored_s: 0,
        };
        let candidates = || own.iter().copied().filter(|arm| *arm != stable).map(name).collect();
        if own[0] != stable {
            let reason =
                format!("{}, the stable version, has no share of the split: nothing is asked of it", name(stable));
            split.refused = Some((reason, candidates()));
        } else if versions[stable].profile.as_ref().is_none_or(|profile| profile.profile_digest.is_none()) {
            let reason = format!("{}, the stable version, has no profile whose bins could be counted in", name(stable));
            split.refused = Some((reason, candidates()));
        } else {
            split.sides =
                own.iter().map(|arm| side(route, *arm, (versions[stable], versions[*arm]), monitor)).collect();
            split.comparisons = (1..own.len()).map(Comparison::new).collect();
        }
        split
    }

    /// Makes room as a monitor wants it, and at first reads what is stored.
    pub(super) fn open(&mut self, route: &Arc<str>, monitor: &Monitor, folder: Option<&Path>, log: &Log) {
        let Some(first) = self.sides.first() else { return };
        let is_new = self.window_bytes.is_none();
        let window_bytes = *self.window_bytes.get_or_insert_with(|| first.window_bytes());
        let capacity = wanted(monitor).within(window_bytes, (monitor.memory_mib << 20) as usize);
        if capacity != self.capacity {
            self.capacity = capacity;
            self.sides.iter_mut().for_each(|side| side.make_room(capacity));
        }
        if !is_new {
            return;
        }
        if let Some(folder) = folder {
            // Of each route one split is kept: what is read of another would never be added to.
            let folder = folder.join(Sha256(sha2::Sha256::digest(route.as_bytes()).into()).to_string());
            let name = self.digest.to_string();
            let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
            for other in entries.filter(|entry| entry.file_name() != *name.as_str()) {
                if let Err(error) = fs::remove_dir_all(other.path()) {
                    let reason = format!("cannot remove {}: {error}", other.path().display());
                    log.warning("drift_windows", &[("reason", json!(reason))]);
                }
            }
            for reason in self.sides.iter_mut().flat_map(|side| side.read(&folder.join(&name))) {
                log.warning("drift_windows", &[("reason", json!(reason))]);
            }
        }
        self.stored_s = self.newest_s().unwrap_or(0);
        let versions: Vec<&str> = self.sides[1..].iter().map(|side| &*side.version).collect();
        let fields = [
            ("route", json!(&**route)),
            ("versions", json!(versions)),
            ("against", json!(self.stable)),
            ("memory", self.memory(monitor)),
        ];
        log.info("drift_compared", &fields);
    }

    pub(super) fn collect(&mut self, owned: &mut Owned) {
        let shortest = if self.capacity.hours > 0 { WindowLength::Hour } else { WindowLength::Day };
        self.sides.iter_mut().for_each(|side| side.collect(shortest.longest_s(), owned));
    }

    fn newest_s(&self) -> Option<u64> {
        self.sides.iter().filter_map(Side::newest_s).max()
    }

    /// Compares what has closed since; what is told is of a version, by its place among the sides.
    pub(super) fn advance(&mut self, monitor: &Monitor, arrival_s: u64) -> Vec<(usize, Told)> {
        let Some(newest_s) = self.newest_s() else { return Vec::new() };
        let now_s = if monitor.observe.clock.is_some() { newest_s } else { arrival_s.max(newest_s) };
        let first_s = self.sides.iter().filter_map(|side| side.first_s).min().unwrap_or(now_s);
        let (sides, stored_s) = (&self.sides, self.stored_s);
        let mut told = Vec::new();
        for comparison in &mut self.comparisons {
            let found = comparison.advance(sides, monitor, (first_s, now_s));
            let news = found.into_iter().filter(|told| told.transition.at_ms / 1_000 > stored_s);
            told.extend(news.map(|told| (comparison.candidate, told)));
        }
        told
    }

    /// What is told of a side is about its version, beside the stable one.
    pub(super) fn about<'s>(&'s self, route: &'s str, side: usize) -> About<'s> {
        let (stable, side) = (&self.sides[0].callers.observer.profiled, &self.sides[side]);
        About {
            route,
            version: &side.version,
            version_digest: side.version_digest().to_string(),
            profile: (stable.plan.profile(), stable.digest.to_string()),
            against: Some((&self.stable, self.digest.to_string())),
        }
    }

    pub(super) fn gauges(&self, route: &str) -> Vec<Gauge> {
        let gauge = |comparison: &Comparison, (length, difference, state): (WindowLength, &Difference, State)| Gauge {
            route: route.to_owned(),
            version: self.sides[comparison.candidate].version.clone(),
            against: Some((self.stable.clone(), difference.direction)),
            feature: difference.feature.clone(),
            window: length.name(),
            state,
            psi: difference.judgement.as_ref().map(|found| [found.psi, found.expected, found.threshold]),
        };
        let gauges = self.comparisons.iter().flat_map(|own| own.newest().map(|newest| gauge(own, newest)));
        gauges.collect()
    }

    /// What all versions together need, what is kept of each, and whether that is all.
    fn memory(&self, monitor: &Monitor) -> Value {
        let (wanted, kept) = (wanted(monitor), self.capacity);
        let all_bytes = self.sides.len() * self.window_bytes.unwrap_or(0);
        json!({
            "need_mib": mib(wanted.size_bytes(all_bytes)),
            "kept_mib": mib(kept.size_bytes(all_bytes)),
            "hours": kept.hours,
            "days": kept.days,
            "is_whole": wanted == kept,
        })
    }

    pub(super) fn report(&self, monitor: &Monitor) -> Vec<Value> {
        let head = |version: &str, reason: Option<&str>| json!({"version": version, "against": self.stable, "reason": reason, "features": [], "windows": {}});
        if let Some((reason, candidates)) = &self.refused {
            return candidates.iter().map(|version| head(version, Some(reason))).collect();
        }
        if lengths(monitor).next().is_none() {
            let reason = "its monitor has no windows of an hour or a day, and versions are compared in no others";
            return self.sides[1..].iter().map(|side| head(&side.version, Some(reason))).collect();
        }
        let report = |comparison: &Comparison| {
            let side = &self.sides[comparison.candidate];
            let mut value = head(&side.version, None);
            let digest = self.sides[0].callers.observer.profiled.digest;
            value["profile_digest"] = json!(format!("sha256:{digest}"));
            value["split"] = json!(format!("sha256:{}", self.digest));
            value["newest_s"] = json!(self.newest_s());
            value["memory"] = self.memory(monitor);
            value["unbound"] = json!(side.unbound.iter().flatten().collect::<BTreeSet<_>>());
            value["features"] = comparison.features(&self.sides);
            value["windows"] = comparison.windows();
            value
        };
        self.comparisons.iter().map(report).collect()
    }
}

fn wanted(monitor: &Monitor) -> Capacity {
    let Capacity { hours, days, .. } = Capacity::default();
    let if_compared = |length, windows| if lengths(monitor).any(|compared| compared == length) { windows } else { 0 };
    Capacity { minutes: 0, hours: if_compared(WindowLength::Hour, hours), days: if_compared(WindowLength::Day, days) }
}

/// The arms that have a share, the stable one first where it is among them.
fn own(arms: &Arms<'_>) -> Vec<usize> {
    let shares = |arm: &usize| arms.plan.split.table.share_of(*arm as u32) > 0;
    let mut own: Vec<usize> = (0..arms.versions.len()).filter(shares).collect();
    own.sort_by_key(|arm| *arm != arms.plan.stable as usize);
    own
}

/// Of what must stay as it is for counts to add up; `None` where fewer than two arms have a share.
pub(super) fn digest(route: &str, arms: &Arms<'_>, monitor: Option<&Monitor>) -> Option<Sha256> {
    let (Arms { plan, ranges, versions }, own) = (arms, own(arms));
    if own.len() < 2 {
        return None;
    }
    let bins = versions[plan.stable as usize].profile.as_ref().map(|profile| profile.digest);
    let mut digest = sha2::Sha256::new();
    digest.update(json!([route, plan.split.salt.text(), ranges, bins]).to_string());
    for arm in own {
        let is_whole = versions[arm].profile.as_ref().is_some_and(|profile| is_whole(profile, monitor));
        digest.update(json!([versions[arm].id.as_str(), versions[arm].digest, is_whole]).to_string());
    }
    Some(Sha256(digest.finalize().into()))
}

/// Whether the arm's own windows have all of its features in bins, so that sub-cells can be added to them.
fn is_whole(profile: &Arc<Profiled>, monitor: Option<&Monitor>) -> bool {
    fitted(profile, monitor).digest == profile.digest
}

fn side(
    route: &Arc<str>,
    arm: usize,
    (stable, version): (&Arc<Version>, &Arc<Version>),
    monitor: Option<&Monitor>,
) -> Side {
    let bins = stable.profile.as_ref().expect("whoever is compared with has a profile");
    let (callers, unbound, own) = match &version.profile {
        Some(profile) if profile.digest == bins.digest && is_whole(profile, monitor) => {
            let unbound = vec![None; bins.plan.profile().tensors.len()];
            (Callers::new(Arc::clone(profile), true), unbound, Some(Key::of(route, version, profile)))
        }
        _ => {
            let (part, unbound) = bins.bind_part(version.signature());
            (Callers::new(Arc::new(part), false), unbound, None)
        }
    };
    let key = sketch::Key {
        route: route.to_string(),
        version: Sha256::parse(&version.digest).expect("a version's digest is 64 digits"),
        profile: bins.digest,
        traffic: Traffic::Split,
    };
    Side::new((arm, version.id.as_str().to_owned()), &key, own, (callers, unbound))
}
