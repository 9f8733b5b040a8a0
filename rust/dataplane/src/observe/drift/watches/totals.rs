//! What is counted and judged over all that is watched, for the metrics.

use super::Watches;
use crate::observe::drift::gate::GatedRows;
use crate::observe::drift::history::Rows;
use crate::observe::drift::metrics::Gauge;
use std::sync::Arc;

/// Rows of one version under one name.
pub(in crate::observe::drift) struct Counted {
    pub(in crate::observe::drift) route: String,
    pub(in crate::observe::drift) version: String,
    pub(in crate::observe::drift) rows: Rows,
}

impl Watches {
    /// Rows counted so far.
    pub(in crate::observe::drift) fn counted(&self) -> Vec<Counted> {
        let watched = self.lock();
        let histories = watched.iter().filter_map(|(key, watched)| Some((key, watched.history.get()?)));
        let counted = histories.map(|(key, history)| Counted {
            route: key.route.to_string(),
            version: key.version.clone(),
            rows: history.rows(),
        });
        counted.collect()
    }

    /// What gates have flagged or rejected, by route and version.
    pub(in crate::observe::drift) fn gated(&self) -> Vec<(Arc<str>, String, Vec<GatedRows>)> {
        let watched = self.lock();
        let gated = watched
            .iter()
            .map(|(key, watched)| (Arc::clone(&key.route), key.version.clone(), watched.observer.gate.by_rule()));
        gated.collect()
    }

    /// The newest judged window of every length, feature by feature.
    pub(in crate::observe::drift) fn gauges(&self) -> Vec<Gauge> {
        // Whoever is watched is looked up under the lock; what is known of it needs none.
        let watched: Vec<_> = self
            .lock()
            .iter()
            .filter_map(|(key, watched)| {
                let seen = watched.history.get()?.seen();
                Some((Arc::clone(&key.route), key.version.clone(), Arc::clone(watched), seen))
            })
            .collect();
        let mut gauges = Vec::new();
        for (route, version, watched, seen) in &watched {
            let names: Vec<&str> =
                watched.observer.profiled.plan.profile().features().map(|(_, feature)| &*feature.name).collect();
            for (length, track) in &seen.tracks {
                let psi = track.latest.iter().flat_map(|judged| judged.psi.iter().enumerate());
                gauges.extend(psi.map(|(at, psi)| Gauge {
                    route: route.to_string(),
                    version: version.clone(),
                    against: None,
                    feature: names[at].to_owned(),
                    window: length.name(),
                    state: track.states[at],
                    psi: *psi,
                }));
            }
        }
        gauges
    }

    /// The same of versions held against the stable one.
    pub(in crate::observe::drift) fn compared(&self) -> Vec<Gauge> {
        self.comparisons.gauges()
    }
}
