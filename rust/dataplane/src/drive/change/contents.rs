//! From a document to contents, and from a warmed-up model to a version that requests can hold.

use super::{Changer, News};
use crate::drive::keys::Keys;
use crate::drive::lease::Lease;
use crate::drive::load::Part;
use crate::drive::recorded::Recorded;
use crate::drive::snapshot::{Version, max_rows};
use crate::drive::workers::Seats;
use crate::observe::batches::BatchCounters;
use crate::runtime::warmup::Findings;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use tidegate_core::document::{Document, Route, VersionId, VersionSettings};
use tidegate_core::plane::{
    Content, CostModel, LoadId, Outcome, SharedCost, SharedInlineGate, Subject, VersionKey, VersionPolicy, Want,
};
use tidegate_core::routing::{Revision, RoutePlan};

/// A revision of a route, compiled.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) revision: Arc<Revision>,
    pub(super) plan: Arc<RoutePlan>,
}

impl Changer {
    /// Lets those ask whom the document names, from now on; they wait for no load.
    pub(super) fn change_keys(&self, document: &Document) -> Option<Outcome> {
        let plane = &self.setting.plane;
        let known = plane.keys.load();
        if known.differ(&document.keys) {
            let keys = Keys::new(&document.keys);
            let (labels, is_open) = ([("labels", json!(keys.labels()))], keys.is_open());
            plane.keys.store(Arc::new(keys));
            if is_open {
                plane
                    .log
                    .warning("keys_removed", &[("reason", json!("there are no keys any more: everybody may ask"))]);
                return Some(Outcome::Removed);
            }
            plane.log.info("keys", &labels);
            Some(Outcome::Current)
        } else {
            (!known.is_open()).then_some(Outcome::Unchanged)
        }
    }

    /// What every subject of a document shall be served by.
    pub(super) fn contents(&mut self, document: &Document) -> BTreeMap<Subject, Content> {
        let mut contents = BTreeMap::new();
        for (name, route) in &document.routes {
            let content = self.route_content(name, route, document);
            contents.insert(Subject::Route(name.clone()), content);
        }
        for version in self.found.unrouted(document) {
            let content = self.version_content(&version, document);
            contents.insert(Subject::Version(version), content);
        }
        contents
    }

    pub(super) fn route_content(&mut self, name: &str, route: &Route, document: &Document) -> Content {
        let before = self.applied.routes.get(name).map(Arc::as_ref);
        let revision = Arc::new(Revision::after(before, route));
        self.prepare(name, revision, document)
    }

    /// What a version that no route names is served by.
    pub(super) fn version_content(&mut self, version: &VersionId, document: &Document) -> Content {
        Content { revision: 0, wants: BTreeSet::from([self.want(version, document)]) }
    }

    /// Compiles a revision, unless it was compiled before.
    pub(super) fn prepare(&mut self, name: &str, revision: Arc<Revision>, document: &Document) -> Content {
        let wants = revision.route.versions().into_iter().map(|version| self.want(version, document)).collect();
        let mut own = self.prepared.range((name.to_owned(), 0)..=(name.to_owned(), u64::MAX));
        let known = own.find(|(_, known)| known.revision == revision).map(|((_, number), _)| *number);
        let revision = known.unwrap_or_else(|| {
            self.next_revision += 1;
            let plan = RoutePlan::new(name, &revision).expect("a revision has tables over the arms of its route");
            self.prepared.insert((name.to_owned(), self.next_revision), Prepared { revision, plan: Arc::new(plan) });
            self.next_revision
        });
        Content { revision, wants }
    }

    fn want(&mut self, version: &VersionId, document: &Document) -> Want {
        let settings = document.settings_of(version);
        let mut hasher = DefaultHasher::new();
        settings.hash(&mut hasher);
        let number = hasher.finish();
        self.settings.entry(number).or_insert(settings);
        Want { version: version.clone(), settings: number }
    }

    /// Makes a warmed-up model a version that requests can hold. One that nobody wants any more stays a model.
    pub(super) fn admit(&mut self, load: LoadId, findings: Findings) -> Result<(), String> {
        let entry = &self.reconciler.loads()[&load];
        if entry.life.is_leaving() {
            return Ok(());
        }
        let (id, settings) = (entry.want.version.clone(), self.settings[&entry.want.settings].clone());
        let plane = Arc::clone(&self.setting.plane);
        // Before anything can hold it, so that what fails here is a model and no more.
        let instances = self.residents.instances() + settings.instances;
        plane
            .compute
            .staff(instances, &self.setting.clock)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        self.seated += 1;
        self.failures.remove(&id);
        let part = self.residents.part(load);
        let (idle, vacated) = (self.changes.clone(), self.changes.clone());
        let leases =
            (Lease::new(move || idle.tell(News::Idle(load))), Lease::new(move || vacated.tell(News::Vacated(load))));
        let policy = policy(&settings, findings.unbatched.is_none());
        let queues = [plane.compute.add_version(policy), plane.shadow_compute.add_version(policy)];
        let budget = plane.document.inline_budget_us * 1_000;
        let version = version(id, (load, self.seated), part, settings, findings, queues, budget, leases);
        let unwatched = part.profile.as_ref().err();
        let unwatched = unwatched.map(|reason| format!("{} is served, but not watched: {reason}", version.id));
        if self.notes.is_none() {
            plane.log.info("load", &describe(&version));
        }
        self.residents.seat(load, Arc::new(version));
        if let Some(note) = unwatched {
            self.say(note);
        }
        Ok(())
    }

    /// Requests that the routes which want this version have answered with others.
    pub(super) fn recorded_for(&self, want: &Want) -> Vec<(String, Bytes)> {
        let wanting = self.reconciler.pending().filter(|(_, content)| content.wants.contains(want));
        let routes = wanting.filter_map(|(subject, _)| self.reconciler.current().get(subject));
        let others: BTreeSet<LoadId> =
            routes.flat_map(|content| content.wants.iter()).filter_map(|other| self.reconciler.ready(other)).collect();
        others
            .into_iter()
            .filter_map(|load| self.residents.version(load))
            .flat_map(|version| {
                version.recorded.messages().into_iter().map(|message| (version.id.to_string(), message))
            })
            .collect()
    }
}

/// A version as the log tells of it.
pub(in crate::drive) fn describe(version: &Version) -> [(&'static str, Value); 4] {
    let batching = version.unbatched.as_deref().map_or_else(|| json!("on"), |reason| json!(format!("off: {reason}")));
    [
        ("version", json!(version.id.as_str())),
        ("digest", json!(format!("sha256:{}", version.digest))),
        ("size_bytes", json!(version.size_bytes)),
        ("batching", batching),
    ]
}

fn policy(settings: &VersionSettings, batching: bool) -> VersionPolicy {
    VersionPolicy {
        batching,
        max_rows: max_rows(settings, batching),
        max_delay: settings.batching.max_delay_us * 1_000,
        instances: settings.instances as u32,
        max_requests: settings.queue.requests as u32,
        max_bytes: settings.queue.mib << 20,
        levels: settings.queue.priority_levels as u8,
    }
}

#[expect(clippy::too_many_arguments, reason = "a version is put together in one place")]
fn version(
    id: VersionId,
    (load, serial): (LoadId, u64),
    part: &Part,
    settings: VersionSettings,
    findings: Findings,
    [queue, shadow_queue]: [VersionKey; 2],
    inline_budget: u64,
    (idle, vacated): (Lease, Lease),
) -> Version {
    Version {
        id,
        slot: load,
        serial,
        digest: part.digest.clone(),
        size_bytes: part.size_bytes,
        profile: part.profile.as_ref().ok().map(Arc::clone),
        model: Arc::clone(&part.model),
        cost: SharedCost::new(CostModel::fit(&findings.costs)),
        gate: SharedInlineGate::new(inline_budget),
        batches: BatchCounters::new(max_rows(&settings, findings.unbatched.is_none())),
        unbatched: findings.unbatched,
        settings,
        queue,
        shadow_queue,
        recorded: Recorded::default(),
        lease: Some(idle),
        seats: Seats::new(Some(vacated)),
    }
}
