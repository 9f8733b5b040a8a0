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

/// Lists the repository; what in it is none of ours is noted. Of a model whose folder cannot be read, which is noted too,
/// `known` is still there: what is served needs no folder.
pub(super) fn scan(repository: &Path, known: &Found, notes: &mut Vec<String>) -> Result<Found, String> {
    scan_with(folders, repository, known, notes)
}

fn scan_with(
    folders: impl Fn(&Path) -> Result<Vec<String>, String>,
    repository: &Path,
    known: &Found,
    notes: &mut Vec<String>,
) -> Result<Found, String> {
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
                found.0.extend(known.0.get(&model).map(|versions| (model.clone(), versions.clone())));
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
pub(super) fn folders(parent: &Path) -> Result<Vec<String>, String> {
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

#[cfg(test)]
mod tests {
    use super::{Found, scan_with};
    use std::path::Path;
    use tidegate_core::document::VersionId;

    /// A repository of two models, one of which may be unreadable.
    fn list(is_readable: bool) -> impl Fn(&Path) -> Result<Vec<String>, String> {
        move |folder| match folder.to_str() {
            Some("repository") => Ok(["one", "two"].map(str::to_owned).to_vec()),
            Some("repository/two") if !is_readable => Err("cannot list repository/two".to_owned()),
            _ => Ok(["1", "2"].map(str::to_owned).to_vec()),
        }
    }

    #[test]
    fn a_model_whose_folder_cannot_be_read_keeps_the_versions_that_were_known() {
        let (repository, mut notes) = (Path::new("repository"), Vec::new());
        let known = scan_with(list(true), repository, &Found::default(), &mut notes).expect("all can be read");
        let served: VersionId = "two/2".parse().expect("a version");
        assert!(known.contains(&served) && notes.is_empty());
        let found = scan_with(list(false), repository, &known, &mut notes).expect("the rest can be read");
        assert!(found.contains(&served));
        assert_eq!(notes, ["cannot list repository/two"]);
        let found = scan_with(list(false), repository, &Found::default(), &mut notes).expect("the rest can be read");
        assert_eq!(found.versions().count(), 2, "what was never known is not there");
    }
}
