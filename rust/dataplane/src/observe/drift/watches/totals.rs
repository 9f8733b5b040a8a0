//! What is counted and judged over all that is watched, for the metrics.

use super::Watches;
use crate::observe::drift::gate::GatedRows;
use crate::observe::drift::metrics::Gauge;
use std::sync::Arc;

/// Rows of one version under one name.
pub(in crate::observe::drift) struct Counted {
    pub(in crate::observe::drift) route: String,
    pub(in crate::observe::drift) version: String,
    pub(in crate::observe::drift) by_class: [(&'static str, u64); 4],
    pub(in crate::observe::drift) late: u64,
}

impl Watches {
    /// Rows counted so far.
    pub(in crate::observe::drift) fn counted(&self) -> Vec<Counted> {
        let watched = self.lock();
        let histories = watched.iter().filter_map(|(key, watched)| Some((key, watched.history.as_ref()?)));
        let counted = histories.map(|(key, history)| Counted {
            route: key.route.to_string(),
            version: key.version.clone(),
            by_class: history.rows(),
            late: history.late(),
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
        let watched = self.lock();
        let mut gauges = Vec::new();
        for (key, history) in watched.iter().filter_map(|(key, watched)| Some((key, watched.history.as_ref()?))) {
            for (length, track) in history.tracks() {
                let findings = track.latest.iter().flat_map(|judged| judged.findings.iter().enumerate());
                gauges.extend(findings.map(|(at, finding)| Gauge {
                    route: key.route.to_string(),
                    version: key.version.clone(),
                    against: None,
                    feature: finding.feature.clone(),
                    window: length.name(),
                    state: track.state(at),
                    psi: finding.judgement.as_ref().map(|found| [found.psi, found.expected, found.threshold]),
                }));
            }
        }
        gauges
    }

    /// The same of versions held against the stable one.
    pub(in crate::observe::drift) fn compared(&self) -> Vec<Gauge> {
        self.comparisons().gauges().collect()
    }
}
