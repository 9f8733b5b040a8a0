//! The versions of one split, each held against the stable one.

use super::super::metrics::Gauge;
use super::super::room::mib;
use super::super::telling::{About, Teller};
use super::arm::{Arm, is_whole};
use super::comparison::SeenComparison;
use super::following::{Following, Room, Seen, lengths, wanted};
use super::side::NOTHING;
use super::{Arms, Owned};
use crate::observe::log::Log;
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidegate_core::document::{Monitor, Sha256, WindowLength};
use tidegate_core::drift::states::State;
use tidegate_core::monitor::versus::Difference;

/// What is compared stays; what was counted and found of it changes.
pub(super) struct Split {
    route: Arc<str>,
    /// Of what must stay as it is for counts to add up: tables, versions, and the profile that has the bins.
    pub(super) digest: Sha256,
    stable: String,
    /// Why nothing is compared, and what would be.
    refused: Option<(String, Vec<String>)>,
    /// The stable version first; none where nothing is compared.
    pub(super) arms: Vec<Arc<Arm>>,
    /// Taken by whoever adds and compares, and by nobody who only looks.
    following: Mutex<Following>,
    seen: ArcSwap<Seen>,
}

impl Split {
    pub(super) fn new(route: &Arc<str>, arms: &Arms<'_>, monitor: Option<&Monitor>, digest: Sha256) -> Self {
        let (own, versions, stable) = (own(arms), &arms.versions, arms.plan.stable as usize);
        let name = |arm: usize| versions[arm].id.as_str().to_owned();
        let refuse = |reason: String| (reason, own.iter().copied().filter(|arm| *arm != stable).map(name).collect());
        let arms = if own[0] != stable {
            let name = name(stable);
            Err(refuse(format!("{name}, the stable version, has no share of the split: nothing is asked of it")))
        } else if versions[stable].profile.as_ref().is_none_or(|profile| profile.profile_digest.is_none()) {
            let name = name(stable);
            Err(refuse(format!("{name}, the stable version, has no profile whose bins could be counted in")))
        } else {
            let arm = |place: &usize| Arc::new(Arm::new(route, *place, (versions[stable], versions[*place]), monitor));
            Ok(own.iter().map(arm).collect())
        };
        Self::of(route, digest, name(stable), arms)
    }

    /// The split of some arms, the stable one first; or why nothing is compared, and what would be.
    pub(super) fn of(
        route: &Arc<str>,
        digest: Sha256,
        stable: String,
        arms: Result<Vec<Arc<Arm>>, (String, Vec<String>)>,
    ) -> Self {
        let (arms, refused) = arms.map_or_else(|refused| (Vec::new(), Some(refused)), |arms| (arms, None));
        let following = Following::new(&arms);
        let seen = ArcSwap::from_pointee(following.seen());
        Self { route: Arc::clone(route), digest, stable, refused, arms, following: Mutex::new(following), seen }
    }

    pub(super) fn following(&self) -> MutexGuard<'_, Following> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what threads have counted, compares what has closed since, and tells of it; at first it reads what is stored.
    pub(super) fn tick(
        &self,
        monitor: &Monitor,
        arrival_s: u64,
        (folder, teller): (Option<&Path>, &Teller<'_>),
        owned: &mut Owned,
    ) {
        if self.arms.is_empty() {
            return;
        }
        let mut following = self.following();
        if following.make_room(monitor) {
            if let Some(folder) = folder {
                self.read(&mut following, folder, teller.log);
            }
            let versions: Vec<&str> = self.arms[1..].iter().map(|arm| &*arm.version).collect();
            let fields = [
                ("route", json!(&*self.route)),
                ("versions", json!(versions)),
                ("against", json!(self.stable)),
                ("memory", self.memory(following.room, monitor)),
            ];
            teller.log.info("drift_compared", &fields);
        }
        following.collect(owned);
        following.advance(monitor, arrival_s, |candidate, told| teller.tell(&self.about(candidate), &told));
        self.seen.store(Arc::new(following.seen()));
    }

    fn read(&self, following: &mut Following, folder: &Path, log: &Log) {
        // Of each route one split is kept: what is read of another would never be added to.
        let folder = folder.join(Sha256(sha2::Sha256::digest(self.route.as_bytes()).into()).to_string());
        let name = self.digest.to_string();
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        for other in entries.filter(|entry| entry.file_name() != *name.as_str()) {
            if let Err(error) = fs::remove_dir_all(other.path()) {
                let reason = format!("cannot remove {}: {error}", other.path().display());
                log.warning("drift_windows", &[("reason", json!(reason))]);
            }
        }
        for reason in following.read(&folder.join(&name)) {
            log.warning("drift_windows", &[("reason", json!(reason))]);
        }
    }

    /// Writes the windows that have changed.
    pub(super) fn write(&self, log: &Log) {
        for side in &mut self.following().sides {
            if let Err(error) = side.write() {
                let fields = [("route", json!(&*self.route)), ("reason", json!(error.to_string()))];
                log.error("drift_windows", &fields);
            }
        }
    }

    /// What is told of an arm is about its version, beside the stable one.
    fn about<'s>(&'s self, arm: &'s Arm) -> About<'s> {
        let stable = &self.arms[0].callers.observer.profiled;
        About {
            route: &self.route,
            version: &arm.version,
            version_digest: arm.key.version.to_string(),
            profile: (stable.plan.profile(), stable.digest.to_string()),
            against: Some((&self.stable, self.digest.to_string())),
        }
    }

    /// The newest compared window of every length, feature by feature.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        let gauge = |arm: &Arm, (length, difference, state): (WindowLength, &Difference, State)| Gauge {
            route: self.route.to_string(),
            version: arm.version.clone(),
            against: Some((self.stable.clone(), difference.direction)),
            feature: difference.feature.clone(),
            window: length.name(),
            state,
            psi: difference.judgement.as_ref().map(|found| [found.psi, found.expected, found.threshold]),
        };
        let seen = self.seen.load();
        let candidates = self.arms.iter().skip(1).zip(&seen.comparisons);
        candidates.flat_map(|(arm, own)| own.newest().map(|newest| gauge(arm, newest))).collect()
    }

    /// What all versions together need, what is kept of each, and whether that is all.
    fn memory(&self, room: Option<Room>, monitor: &Monitor) -> Value {
        let (wanted, kept) = (wanted(monitor), room.map_or(NOTHING, |room| room.capacity));
        let all_bytes = self.arms.len() * room.map_or(0, |room| room.window_bytes);
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
            return self.arms[1..].iter().map(|arm| head(&arm.version, Some(reason))).collect();
        }
        let seen = self.seen.load();
        let report = |(arm, comparison): (&Arc<Arm>, &SeenComparison)| {
            let mut value = head(&arm.version, None);
            let digest = self.arms[0].callers.observer.profiled.digest;
            value["profile_digest"] = json!(format!("sha256:{digest}"));
            value["split"] = json!(format!("sha256:{}", self.digest));
            value["newest_s"] = json!(seen.newest_s);
            value["memory"] = self.memory(seen.room, monitor);
            value["unbound"] = json!(arm.unbound.iter().flatten().collect::<BTreeSet<_>>());
            value["features"] = comparison.features([&self.arms[0], arm]);
            value["windows"] = comparison.windows();
            value
        };
        self.arms[1..].iter().zip(&seen.comparisons).map(report).collect()
    }
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
