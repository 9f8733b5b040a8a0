//! One arm of a split: its version, and where its callers are counted.

use super::super::Profiled;
use super::super::watches::{Key, fitted};
use super::Callers;
use crate::drive::snapshot::Version;
use std::sync::Arc;
use tidegate_core::document::{Monitor, Sha256};
use tidegate_core::sketch::{self, Plan, Profile, Traffic};

/// All of it stays as long as its split does.
pub(super) struct Arm {
    /// Its place among the arms of the route.
    pub(super) place: usize,
    pub(super) version: String,
    /// Of its windows: route, version, and the profile that has the bins.
    pub(super) key: sketch::Key,
    /// Of whose windows its sub-cells are the sum.
    pub(super) own: Option<Key>,
    pub(super) callers: Arc<Callers>,
    /// Why each tensor of the stable version's profile is none of this version.
    pub(super) unbound: Vec<Option<String>>,
}

impl Arm {
    pub(super) fn new(
        route: &Arc<str>,
        place: usize,
        (stable, version): (&Version, &Version),
        monitor: Option<&Monitor>,
    ) -> Self {
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
        Self { place, version: version.id.as_str().to_owned(), key, own, callers: Arc::new(callers), unbound }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.callers.observer.profiled.plan
    }

    /// For each feature of the stable version's profile, why this version does not have it.
    pub(super) fn reasons<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = Option<String>> + 'a {
        let tensors = profile.tensors.iter().zip(&self.unbound);
        tensors.flat_map(|(tensor, reason)| {
            let said = reason.as_ref().map(|reason| format!("{} has no such feature: {reason}", self.version));
            std::iter::repeat_n(said, tensor.features.len())
        })
    }
}

/// Whether the arm's own windows have all of its features in bins, so that sub-cells can be added to them.
pub(super) fn is_whole(profile: &Arc<Profiled>, monitor: Option<&Monitor>) -> bool {
    fitted(profile, monitor).digest == profile.digest
}
