//! What becomes other in a document while all the rest of it stays: some routes, versions and monitors, by name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::walk::Walk;
use super::{
    Document, MAX_ROUTES, MAX_VERSIONS, Monitor, Route, VersionId, VersionSettings, Violation, monitors, routes,
    versions,
};

/// Parts of a document, each as it shall be, or `None` where it shall not be any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    pub routes: BTreeMap<String, Option<Route>>,
    /// Also what routes need loaded stays where it is named here as gone, until no route names it.
    pub versions: BTreeMap<VersionId, Option<VersionSettings>>,
    pub monitors: BTreeMap<String, Option<Monitor>>,
}

/// Reads `{routes, versions, monitors}`, each a mapping as in a document, with `null` for what shall go.
///
/// # Errors
/// Every violation, with paths as in a document.
pub fn parse_amendment(mut value: Value) -> Result<Amendment, Vec<Violation>> {
    let gone = ["routes", "versions", "monitors"].map(|section| take_gone(&mut value, section));
    let mut walk = Walk::default();
    let root = walk.fields(String::new(), &value, &["routes", "versions", "monitors"]);
    let routes = routes::parse(&mut walk, &root);
    let versions = versions::parse(&mut walk, &root);
    let monitors = monitors::parse(&mut walk, &root);
    let [gone_routes, gone_versions, gone_monitors] = gone;
    let gone_versions: Vec<Option<VersionId>> =
        gone_versions.iter().map(|id| walk.parsed(&format!("versions.{id}"), id)).collect();
    if !walk.violations.is_empty() {
        return Err(walk.violations);
    }
    Ok(Amendment {
        routes: either(routes, gone_routes),
        versions: either(versions, gone_versions.into_iter().flatten()),
        monitors: either(monitors, gone_monitors),
    })
}

/// Takes the entries of a section that are `null` out of it, and returns their names.
fn take_gone(value: &mut Value, section: &str) -> Vec<String> {
    let Some(entries) = value.get_mut(section).and_then(Value::as_object_mut) else { return Vec::new() };
    let gone: Vec<String> = entries.iter().filter(|(_, entry)| entry.is_null()).map(|(name, _)| name.clone()).collect();
    entries.retain(|_, entry| !entry.is_null());
    gone
}

fn either<K: Ord, V>(there: BTreeMap<K, V>, gone: impl IntoIterator<Item = K>) -> BTreeMap<K, Option<V>> {
    let there = there.into_iter().map(|(name, part)| (name, Some(part)));
    there.chain(gone.into_iter().map(|name| (name, None))).collect()
}

impl Document {
    /// What of an amendment goes beyond the bounds of documents.
    pub fn check_amendment(&self, amendment: &Amendment) -> Vec<Violation> {
        let routes =
            amendment.routes.iter().filter(|(name, route)| route.is_some() && !self.routes.contains_key(*name));
        let routes = self.routes.len() + routes.count();
        let added = amendment.versions.iter().filter(|(_, settings)| settings.is_some()).map(|(id, _)| id);
        let named: BTreeSet<&VersionId> =
            amendment.routes.values().flatten().flat_map(Route::versions).chain(added).collect();
        let versions = self.versions.len() + named.iter().filter(|id| !self.versions.contains_key(**id)).count();
        [("routes", routes, MAX_ROUTES), ("versions", versions, MAX_VERSIONS)]
            .into_iter()
            .filter(|(_, count, most)| count > most)
            .map(|(section, count, most)| Violation {
                path: section.to_owned(),
                reason: format!("would be {count}; at most {most} are allowed in one document"),
            })
            .collect()
    }

    /// Makes the document what an amendment says, and returns the routes that are to be looked at: those that it names,
    /// and those whose versions are to be run otherwise.
    pub fn amend(&mut self, amendment: Amendment) -> BTreeSet<String> {
        let Amendment { routes, versions, monitors } = amendment;
        let mut touched: BTreeSet<String> = routes.keys().cloned().collect();
        let mut gone = Vec::new();
        let mut run_otherwise = BTreeSet::new();
        for (id, settings) in versions {
            let Some(settings) = settings else {
                gone.push(id);
                continue;
            };
            if self.versions.get(&id) != Some(&settings) {
                run_otherwise.insert(id.clone());
                self.versions.insert(id, settings);
            }
        }
        for (name, route) in routes {
            let Some(route) = route else {
                self.routes.remove(&name);
                continue;
            };
            for version in route.versions() {
                self.versions.entry(version.clone()).or_default();
            }
            self.routes.insert(name, route);
        }
        if !gone.is_empty() {
            let routed: BTreeSet<VersionId> = self.routed_versions().into_iter().cloned().collect();
            self.versions.retain(|id, _| routed.contains(id) || !gone.contains(id));
        }
        if !run_otherwise.is_empty() {
            let names = |route: &Route| route.versions().into_iter().any(|id| run_otherwise.contains(id));
            touched.extend(self.routes.iter().filter(|(_, route)| names(route)).map(|(name, _)| name.clone()));
        }
        for (name, monitor) in monitors {
            match monitor {
                Some(monitor) => drop(self.monitors.insert(name, monitor)),
                None => drop(self.monitors.remove(&name)),
            }
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;
    use super::*;

    fn document(value: &Value) -> Document {
        parse(value).expect("a good document")
    }

    #[test]
    fn an_amended_document_is_the_one_that_says_the_same_at_once() {
        let mut amended = document(&json!({
            "routes": {"a": {"split": {"m/1": 1}}, "b": {"split": {"m/2": 1}}, "c": {"split": {"n/1": 1}}},
            "versions": {"m/9": {}},
            "monitors": {"c": {"windows": ["1h"]}},
        }));
        let amendment = parse_amendment(json!({
            "routes": {"a": {"split": {"m/1": 1, "m/3": 1}}, "b": null, "d": {"split": {"n/1": 1}}},
            "versions": {"m/2": null, "m/9": null, "n/1": {"instances": 5}},
            "monitors": {"c": null, "a": {"windows": ["1d"]}},
        }));
        let touched = amended.amend(amendment.expect("a good amendment"));
        assert_eq!(touched, ["a", "b", "c", "d"].map(str::to_owned).into(), "c runs n/1 otherwise");
        let whole = document(&json!({
            "routes": {"a": {"split": {"m/1": 1, "m/3": 1}}, "c": {"split": {"n/1": 1}}, "d": {"split": {"n/1": 1}}},
            "versions": {"n/1": {"instances": 5}},
            "monitors": {"a": {"windows": ["1d"]}},
        }));
        assert_eq!(amended, whole);
    }

    #[test]
    fn a_version_that_a_route_names_does_not_go() {
        let mut amended =
            document(&json!({"routes": {"a": {"split": {"m/1": 1}}}, "versions": {"m/1": {"instances": 3}}}));
        let before = amended.clone();
        let amendment = parse_amendment(json!({"versions": {"m/1": null}})).expect("a good amendment");
        assert!(amended.amend(amendment).is_empty());
        assert_eq!(amended, before);
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let refused = parse_amendment(json!({
            "routes": {"a": {"split": {}}},
            "versions": {"m": null},
            "keys": {},
        }));
        let paths: Vec<String> = refused.expect_err("three faults").into_iter().map(|found| found.path).collect();
        assert_eq!(paths, ["keys", "routes.a.split", "versions.m"]);
    }

    #[test]
    fn a_document_does_not_grow_beyond_its_bounds_in_small_steps() {
        let routes: serde_json::Map<String, Value> =
            (0..MAX_ROUTES).map(|index| (format!("r{index}"), json!({"split": {"m/1": 1}}))).collect();
        let full = document(&json!({ "routes": routes }));
        let amendment = |value: Value| parse_amendment(value).expect("a good amendment");
        let more = amendment(json!({"routes": {"another": {"split": {"m/1": 1}}}}));
        assert_eq!(full.check_amendment(&more).len(), 1);
        let same = amendment(json!({"routes": {"r0": {"split": {"m/2": 1}}, "r1": null}}));
        assert_eq!(full.check_amendment(&same), []);
    }
}
