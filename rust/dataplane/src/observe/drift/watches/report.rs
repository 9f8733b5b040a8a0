//! What is told of a route to whoever asks: what is known of its versions, and the profile of its traffic.

use super::Watches;
use crate::observe::drift::reference::{self, Wish};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tidegate_core::document::Monitor;

impl Watches {
    /// What is known of a route's versions, as JSON.
    ///
    /// # Errors
    /// A sentence: nobody watches it, and what is watched.
    pub fn report(&self, route: &str) -> Result<Value, String> {
        let monitors = self.monitors.load();
        let monitor = of_route(&monitors, route)?;
        let watched = self.lock();
        let own = watched.iter().filter(|(key, _)| &*key.route == route);
        let mut own: Vec<_> =
            own.map(|(key, watched)| (key.clone(), watched.is_served(), Arc::clone(watched))).collect();
        drop(watched);
        // What was served before comes before what is.
        own.sort_by_key(|(key, is_served, _)| (key.version.clone(), *is_served));
        let versions: Vec<Value> = own
            .into_iter()
            .map(|(key, is_served, watched)| {
                let observer = &watched.observer;
                let profile = observer.profiled.profile_digest;
                json!({
                    "version": key.version,
                    "version_digest": format!("sha256:{}", key.version_digest),
                    "profile_digest": profile.map(|digest| format!("sha256:{digest}")),
                    "is_served": is_served,
                    "moments": observer.profiled.moments().count(),
                    "timeless": observer.timeless(),
                    "gate": observer.gate.report(&observer.profiled),
                    "watch": watched.history.get().map(|history| history.report(observer)),
                })
            })
            .collect();
        self.is_loose.store(true, Ordering::Relaxed);
        let comparisons = self.comparisons.report(route, monitor);
        Ok(json!({"route": route, "monitor": monitor, "versions": versions, "comparisons": comparisons}))
    }

    /// A profile of what was counted of a route's version.
    ///
    /// # Errors
    /// A sentence: why there is none.
    pub fn profile(&self, route: &str, query: &str, arrival_s: u64) -> Result<Value, String> {
        let wish = Wish::read(query)?;
        let monitors = self.monitors.load();
        let monitor = of_route(&monitors, route)?;
        let watched = self.lock();
        let own = watched.iter().filter(|(key, watched)| &*key.route == route && watched.is_served());
        let own: Vec<_> = own.filter(|(key, _)| wish.version.as_ref().is_none_or(|id| *id == key.version)).collect();
        let (key, chosen) = match &own[..] {
            [] => return Err(format!("no version of {route:?} that is asked for is watched")),
            [one] => one,
            many => {
                let names: Vec<&str> = many.iter().map(|(key, _)| &*key.version).collect();
                return Err(format!("say which version with --version: {}", names.join(", ")));
            }
        };
        let (key, chosen) = ((*key).clone(), Arc::clone(chosen));
        drop(watched);
        let history = chosen.history.get().ok_or_else(|| format!("nothing was counted of {} yet", key.version))?;
        let windows = history.windows();
        let mut made = reference::profile(&windows, &chosen.observer, (monitor, arrival_s), &wish)?;
        drop(windows);
        self.is_loose.store(true, Ordering::Relaxed);
        made["version"] = json!(key.version);
        Ok(made)
    }
}

fn of_route<'m>(monitors: &'m BTreeMap<String, Monitor>, route: &str) -> Result<&'m Monitor, String> {
    monitors.get(route).ok_or_else(|| {
        let names: Vec<&str> = monitors.keys().map(String::as_str).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        format!("nobody watches {route:?}; monitors of the document: {names}")
    })
}
