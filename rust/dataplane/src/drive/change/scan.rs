//! Which versions lie in the repository.

use crate::runtime::artifact::IGNORED_FILE;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tidegate_core::document::{Document, VersionId, check_name};

/// Every version folder, by model.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(BTreeMap<String, BTreeSet<VersionId>>);

impl Found {
    pub(super) fn contains(&self, version: &VersionId) -> bool {
        self.0.get(version.model()).is_some_and(|versions| versions.contains(version))
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = &VersionId> {
        self.0.values().flatten()
    }

    /// What is loaded for itself: what `versions` names, and the highest version of each model that no route names.
    pub(super) fn unrouted(&self, document: &Document) -> BTreeSet<VersionId> {
        let routed: BTreeSet<&VersionId> = document.routed_versions().into_iter().collect();
        let models: BTreeSet<&str> = routed.iter().map(|id| id.model()).collect();
        let highest = self
            .0
            .iter()
            .filter(|(model, _)| !models.contains(model.as_str()))
            .filter_map(|(_, versions)| versions.iter().max_by_key(|id| id.number()));
        document.versions.keys().chain(highest).filter(|id| !routed.contains(id)).cloned().collect()
    }
}

/// Lists the repository; what in it is none of ours, or cannot be read, is noted.
pub(super) fn scan(repository: &Path, notes: &mut Vec<String>) -> Result<Found, String> {
    let mut found = Found::default();
    for model in folders(repository)? {
        if check_name(&model).is_err() {
            continue;
        }
        let folder = repository.join(&model);
        if folder.join(IGNORED_FILE).exists() {
            notes.push(format!("{model}/{IGNORED_FILE} is ignored: settings are in the gateway document"));
        }
        let names = match folders(&folder) {
            Ok(names) => names,
            // One folder that nobody may read is no reason to be blind to the others.
            Err(reason) => {
                notes.push(reason);
                continue;
            }
        };
        for name in names {
            match VersionId::new(&model, &name) {
                Ok(id) => drop(found.0.entry(model.clone()).or_default().insert(id)),
                Err(_) => {
                    notes.push(format!("{model}/{name} is ignored: a version folder is named by a positive integer"));
                }
            }
        }
    }
    Ok(found)
}

/// The names of the folders in a folder, sorted; hidden ones are nobody's.
fn folders(parent: &Path) -> Result<Vec<String>, String> {
    let failed = |error: std::io::Error| format!("cannot list {}: {error}", parent.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
