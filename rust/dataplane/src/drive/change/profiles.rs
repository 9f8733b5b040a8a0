//! A version and its evidence are pinned when it is loaded: a profile that is written beside it later is told of, not taken up.

use super::Changer;
use crate::runtime::artifact::Replaced;
use std::collections::{BTreeMap, BTreeSet};
use tidegate_core::document::VersionId;
use tidegate_core::plane::{Content, Subject};

/// Versions that one line names.
const MOST_NAMED: usize = 10;

impl Changer {
    /// Says in one line beside which loaded versions another profile lies than the one they were loaded with, and by which
    /// contents of a document that goes unheeded.
    pub(super) fn say_changed_profiles(&mut self, contents: &BTreeMap<Subject, Content>) -> BTreeMap<Subject, String> {
        let mut changed: BTreeMap<VersionId, Replaced> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for want in contents.values().flat_map(|content| &content.wants) {
            // What is about to be loaded, be it anew, reads what lies there now.
            if let Some(load) = self.reconciler.ready(want)
                && seen.insert(load)
            {
                let folder = self.setting.repository.join(want.version.model()).join(want.version.version());
                if let Some(found) = self.residents.part(load).evidence.replaced(&folder) {
                    changed.insert(want.version.clone(), found);
                }
            }
        }
        if !changed.is_empty() {
            let mut names: Vec<&str> = changed.keys().take(MOST_NAMED).map(VersionId::as_str).collect();
            let more = format!("{} more", changed.len().saturating_sub(MOST_NAMED));
            names.extend((changed.len() > MOST_NAMED).then_some(&*more));
            let versions = names.join(", ");
            self.say(format!(
                "profile.json has changed beside {versions}, and is not taken up: a version and its evidence are pinned when it \
                 is loaded; name the new one as versions.<version>.profile_digest to have it loaded anew"
            ));
        }
        let sentences = contents.iter().filter_map(|(subject, content)| {
            let own = content.wants.iter().filter_map(|want| Some((&want.version, changed.get(&want.version)?)));
            let own: Vec<String> = own.map(|(version, found)| sentence(version, *found)).collect();
            (!own.is_empty()).then(|| (subject.clone(), own.join("; ")))
        });
        sentences.collect()
    }
}

fn sentence(version: &VersionId, found: Replaced) -> String {
    let pinned = format!("{version} keeps the profile that it was loaded with");
    match found {
        Replaced::By(found) => format!(
            "{pinned}, and profile.json is another now: versions[\"{version}\"].profile_digest: \"sha256:{found}\" has it \
             loaded anew"
        ),
        Replaced::ByNone => format!("{pinned}, and there is no profile.json that could be read any more"),
    }
}
