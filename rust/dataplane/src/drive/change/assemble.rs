//! From contents to a snapshot: what a document wants, who may answer under which name.

use super::super::load::Part;
use super::super::recorded::Recorded;
use super::super::snapshot::{Arm, IndexEntry, LoadStatus, Snapshot, Target, Version};
use super::super::workers::Seats;
use super::{Changer, News};
use crate::drive::lease::Lease;
use crate::observe::counters::{BatchCounters, Counters, MissLabels, Misses};
use crate::runtime::warmup::Findings;
use crate::shadow::{Account, Shadow, Shadows};
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use tidegate_core::comparison::DecisionRule;
use tidegate_core::document::{Decision, Document, Route, VersionId, VersionSettings};
use tidegate_core::oip::answer::Stamp;
use tidegate_core::plane::{
    Content, CostModel, LoadId, SharedCost, SharedInlineGate, Subject, VersionKey, VersionPolicy, VersionState, Want,
};
use tidegate_core::routing::{PinPlan, Revision, RoutePlan};
use tidegate_core::snapshot::SnapshotDocument;

/// A revision of a route, compiled.
#[derive(Clone)]
pub(super) struct Prepared {
    revision: Arc<Revision>,
    plan: Arc<RoutePlan>,
}

/// The account of a shadow, with what it is about: another of these is another account.
pub(super) struct KeptAccount {
    stable: VersionId,
    decision: Option<Decision>,
    account: Arc<Account>,
}

impl Changer {
    /// What every subject of a document shall be served by.
    pub(super) fn contents(&mut self, document: &Document) -> BTreeMap<Subject, Content> {
        let mut contents = BTreeMap::new();
        for (name, route) in &document.routes {
            let before = self.applied.routes.get(name).map(Arc::as_ref);
            let revision = Arc::new(Revision::after(before, route));
            let content = self.prepare(name, revision, document);
            contents.insert(Subject::Route(name.clone()), content);
        }
        for version in self.found.unrouted(document) {
            let want = self.want(&version, document);
            contents.insert(Subject::Version(version), Content { revision: 0, wants: BTreeSet::from([want]) });
        }
        contents
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
        let part = self.residents.part(load);
        // The digest a version is known by is that of its first load; from here on it never changes.
        self.applied.digests.entry(id.clone()).or_insert_with(|| part.digest.clone());
        let (idle, vacated) = (self.changes.clone(), self.changes.clone());
        let leases =
            (Lease::new(move || idle.tell(News::Idle(load))), Lease::new(move || vacated.tell(News::Vacated(load))));
        let policy = policy(&settings, findings.unbatched.is_none());
        let queues = [plane.compute.add_version(policy), plane.shadow_compute.add_version(policy)];
        let budget = plane.document.inline_budget_us * 1_000;
        let version = version(id, load, part, settings, findings, queues, budget, leases);
        if self.notes.is_none() {
            plane.log.info("load", &describe(&version));
        }
        self.residents.seat(load, Arc::new(version));
        let instances = self.residents.instances();
        plane.compute.staff(instances, &self.setting.clock).map_err(|error| format!("cannot start a thread: {error}"))
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

    /// Puts changes in force, all or, with the reasons, none.
    pub(super) fn publish(
        &mut self,
        changes: &BTreeMap<Subject, Option<Content>>,
    ) -> Result<(), BTreeMap<Subject, String>> {
        let mut reasons = BTreeMap::new();
        for (subject, content) in changes {
            if let (Subject::Route(name), Some(content)) = (subject, content)
                && let Some(reason) = self.disagreement(name, content)
            {
                reasons.insert(subject.clone(), reason);
            }
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let before = self.applied.clone();
        for (subject, content) in changes {
            let Subject::Route(name) = subject else { continue };
            match content {
                Some(content) => {
                    let revision = Arc::clone(&self.prepared(name, content).revision);
                    self.applied.routes.insert(name.clone(), revision);
                }
                None => drop(self.applied.routes.remove(name)),
            }
        }
        let in_force = self.in_force(changes);
        let written = self.write(&before).and_then(|()| self.staff_shadows(&in_force));
        if let Err(reason) = written {
            self.applied = before;
            return Err(changes.keys().map(|subject| (subject.clone(), reason.clone())).collect());
        }
        let snapshot = self.assemble(&in_force);
        self.setting.plane.swap(snapshot);
        Ok(())
    }

    /// Remembers what is to be in force. What was in force when the gateway last ran keeps its epoch.
    pub(super) fn write(&mut self, before: &SnapshotDocument) -> Result<(), String> {
        let is_new = self.setting.plane.snapshot().incarnation == 0;
        if !(is_new && self.applied == *before && before.epoch > 0) {
            self.applied.epoch += 1;
        }
        self.setting.state.write(&self.applied).map_err(|error| error.to_string())
    }

    fn in_force(&self, changes: &BTreeMap<Subject, Option<Content>>) -> BTreeMap<Subject, Content> {
        let mut in_force = self.reconciler.current().clone();
        for (subject, content) in changes {
            match content {
                Some(content) => drop(in_force.insert(subject.clone(), content.clone())),
                None => drop(in_force.remove(subject)),
            }
        }
        in_force
    }

    /// Why versions of a content cannot answer for each other, if so.
    fn disagreement(&self, name: &str, content: &Content) -> Option<String> {
        let Prepared { plan, revision } = self.prepared(name, content);
        let of = |version: &VersionId| self.version_of(content, version);
        let stable = of(&plan.arms[plan.stable as usize])?;
        let others = plan.arms.iter().chain(plan.shadows.iter().map(|shadow| &shadow.version));
        let mut sentences: Vec<String> = others
            .filter_map(of)
            .flat_map(|other| {
                let differences = stable.signature().differences(other.signature());
                differences.into_iter().map(move |difference| (other, difference))
            })
            .map(|(other, difference)| format!("{} does not fit {}: {difference}", other.id, stable.id))
            .collect();
        sentences.dedup();
        if let Some(decision) = &revision.route.decision {
            let output = stable.signature().outputs.iter().find(|spec| spec.name == decision.output);
            if !output.is_some_and(|spec| spec.datatype.size().is_some()) {
                let numeric = stable.signature().outputs.iter().filter(|spec| spec.datatype.size().is_some());
                let names: Vec<&str> = numeric.map(|spec| spec.name.as_str()).collect();
                sentences.push(format!(
                    "decision.output {:?} is no numeric output of {}; it has {}",
                    decision.output,
                    stable.id,
                    names.join(", ")
                ));
            }
        }
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }

    fn prepared(&self, name: &str, content: &Content) -> &Prepared {
        &self.prepared[&(name.to_owned(), content.revision)]
    }

    fn version_of(&self, content: &Content, version: &VersionId) -> Option<&Arc<Version>> {
        let want = content.wants.iter().find(|want| want.version == *version)?;
        self.residents.version(self.reconciler.ready(want)?)
    }

    fn staff_shadows(&self, in_force: &BTreeMap<Subject, Content>) -> Result<(), String> {
        let plans = in_force.iter().filter_map(|(subject, content)| match subject {
            Subject::Route(name) => Some(&self.prepared(name, content).plan),
            Subject::Version(_) => None,
        });
        let shadows = plans.map(|plan| plan.shadows.len()).sum::<usize>();
        if shadows == 0 {
            return Ok(());
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let staffed = self.setting.plane.shadow_compute.staff(shadows.min(cores) as u64, &self.setting.clock);
        staffed.map_err(|error| format!("cannot start a thread: {error}"))
    }

    /// The snapshot of what is in force.
    pub(super) fn assemble(&mut self, in_force: &BTreeMap<Subject, Content>) -> Snapshot {
        let plane = Arc::clone(&self.setting.plane);
        let mut versions: BTreeMap<(VersionId, LoadId), Arc<Version>> = BTreeMap::new();
        let mut targets: HashMap<String, Arc<Target>> = HashMap::new();
        for (subject, content) in in_force {
            let loads = content.wants.iter().filter_map(|want| self.reconciler.ready(want));
            let held: Vec<_> = loads.filter_map(|load| self.residents.version(load)).map(Arc::clone).collect();
            if let Subject::Route(name) = subject {
                targets.insert(name.clone(), Arc::new(self.route_target(name, content, &held)));
            }
            versions.extend(held.into_iter().map(|version| ((version.id.clone(), version.slot), version)));
        }
        // Of a version that is being replaced for its settings, the newest load speaks for the model.
        let newest: BTreeMap<&VersionId, &Arc<Version>> =
            versions.iter().map(|((id, _), version)| (id, version)).collect();
        let mut models: BTreeMap<&str, Vec<&Arc<Version>>> = BTreeMap::new();
        for (id, version) in newest {
            models.entry(id.model()).or_default().push(version);
        }
        for (model, mut own) in models {
            if !targets.contains_key(model) {
                own.sort_by_key(|version| version.id.number());
                targets.insert(model.to_owned(), Arc::new(self.model_target(model, &own)));
            }
        }
        let in_use = |(route, to): &(String, VersionId)| {
            self.applied.routes.get(route).is_some_and(|revision| revision.route.shadow.iter().any(|own| own.to == *to))
        };
        self.accounts.retain(|key, _| in_use(key));
        plane.counters.sweep();
        Snapshot {
            epoch: self.applied.epoch,
            incarnation: self.applied.incarnation,
            targets: Arc::new(targets),
            versions: Arc::new(versions.into_values().collect()),
            document: Arc::new(self.applied.clone()),
            progress: Arc::clone(&plane.snapshot().progress),
        }
    }

    fn route_target(&mut self, name: &str, content: &Content, versions: &[Arc<Version>]) -> Target {
        let Prepared { plan, revision } = &self.prepared(name, content).clone();
        let name: Arc<str> = name.into();
        let plane = Arc::clone(&self.setting.plane);
        let of = |id: &VersionId| versions.iter().find(|version| version.id == *id).expect("its versions are ready");
        let arms = plan.arms.iter().map(|arm| Arc::new(self.arm(&name, Some(plan), of(arm))));
        let arms = arms.collect();
        let shadows: Vec<Shadow> = (plan.shadows.iter())
            .map(|shadow| Shadow {
                arm: Arc::new(self.arm(&name, Some(plan), of(&shadow.version))),
                account: self.account(&name, revision, &shadow.version),
                max_in_flight: shadow.max_in_flight,
                max_bytes: shadow.max_bytes,
                share_bp: shadow.share_bp,
                timeout: shadow.timeout.as_nanos() as u64,
            })
            .collect();
        Target {
            route: Some(Arc::clone(plan)),
            arms,
            lead: plan.stable as usize,
            timeout: plan.timeout.as_nanos() as u64,
            series: plane.counters.series(&name, ""),
            misses: misses(plan, &plane.counters),
            shadows: Shadows::new(shadows),
            name,
        }
    }

    fn model_target(&self, model: &str, versions: &[&Arc<Version>]) -> Target {
        let name: Arc<str> = model.into();
        Target {
            route: None,
            arms: versions.iter().map(|version| Arc::new(self.arm(&name, None, version))).collect(),
            lead: versions.len() - 1,
            timeout: self.document.timeout_ms * 1_000_000,
            series: self.setting.plane.counters.series(&name, ""),
            misses: Vec::new(),
            shadows: Shadows::default(),
            name,
        }
    }

    fn arm(&self, name: &Arc<str>, route: Option<&Arc<RoutePlan>>, version: &Arc<Version>) -> Arm {
        let id = version.id.as_str();
        Arm {
            name: Arc::clone(name),
            route: route.map(Arc::clone),
            version: Arc::clone(version),
            stamp: Stamp::new(name, version.id.version(), id, self.applied.epoch, &version.signature().outputs),
            label: HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("?")),
            series: self.setting.plane.counters.series(name, id),
        }
    }

    /// The account of a shadow, which goes on as long as the same is compared with the same.
    fn account(&mut self, name: &str, revision: &Revision, to: &VersionId) -> Arc<Account> {
        let route = &revision.route;
        let key = (name.to_owned(), to.clone());
        let is_same = |kept: &&KeptAccount| kept.stable == route.stable && kept.decision == route.decision;
        if let Some(kept) = self.accounts.get(&key).filter(is_same) {
            return Arc::clone(&kept.account);
        }
        let account = Arc::new(Account::new(rule(route), self.setting.clock.unix_ms()));
        let (stable, decision) = (route.stable.clone(), route.decision.clone());
        self.accounts.insert(key, KeptAccount { stable, decision, account: Arc::clone(&account) });
        account
    }

    /// Every version folder, and everything that is loaded, with its state.
    pub(super) fn index(&self, loads: &[LoadStatus]) -> Vec<IndexEntry> {
        let wanted = self.reconciler.pending().map(|(_, content)| content);
        let wanted = wanted.chain(self.reconciler.current().values()).flat_map(|content| &content.wants);
        let known: BTreeSet<&VersionId> = self.found.versions().chain(wanted.map(|want| &want.version)).collect();
        let known = known.into_iter().chain(self.failures.keys()).collect::<BTreeSet<_>>();
        let ready = VersionState::Ready.name();
        let mut index: Vec<IndexEntry> = known
            .into_iter()
            .map(|id| {
                let states = || loads.iter().filter(|load| load.version == *id).map(|load| load.state);
                let is_ready = states().any(|state| state == ready);
                let reason = match (states().next(), self.failures.get(id)) {
                    _ if is_ready => String::new(),
                    (Some(state), _) => format!("not loaded: it is {state}"),
                    (None, Some(reason)) => reason.clone(),
                    (None, None) => "not loaded: no route and no entry of `versions` names it".to_owned(),
                };
                IndexEntry { model: id.model().to_owned(), version: id.version().to_owned(), ready: is_ready, reason }
            })
            .collect();
        index.sort_by_cached_key(|entry| (entry.model.clone(), entry.version.parse::<u64>().unwrap_or(0)));
        index
    }
}

fn rule(route: &Route) -> Option<DecisionRule> {
    let Decision { output, threshold } = route.decision.clone()?;
    Some(DecisionRule { output, threshold })
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
        max_rows: if batching { settings.batching.max as u32 } else { 1 },
        max_delay: settings.batching.max_delay_us * 1_000,
        instances: settings.instances as u32,
        max_requests: settings.queue.requests as u32,
        max_bytes: settings.queue.mib << 20,
    }
}

#[expect(clippy::too_many_arguments, reason = "a version is put together in one place")]
fn version(
    id: VersionId,
    load: LoadId,
    part: &Part,
    settings: VersionSettings,
    findings: Findings,
    [queue, shadow_queue]: [VersionKey; 2],
    inline_budget: u64,
    (idle, vacated): (Lease, Lease),
) -> Version {
    let max_rows = if findings.unbatched.is_none() { settings.batching.max as u32 } else { 1 };
    Version {
        id,
        slot: load,
        digest: part.digest.clone(),
        size_bytes: part.size_bytes,
        model: Arc::clone(&part.model),
        cost: SharedCost::new(CostModel::fit(&findings.costs)),
        gate: SharedInlineGate::new(inline_budget),
        batches: BatchCounters::new(max_rows),
        unbatched: findings.unbatched,
        settings,
        queue,
        shadow_queue,
        recorded: Recorded::default(),
        lease: Some(idle),
        seats: Seats::new(Some(vacated)),
    }
}

/// A count for each key of each condition, under the name of the first part of the route that asks it.
fn misses(plan: &RoutePlan, counters: &Counters) -> Vec<Vec<Arc<Misses>>> {
    let pins = match plan.pins {
        PinPlan::When(when) => Some((when, "pins".to_owned())),
        _ => None,
    };
    let segments = plan.segments.iter().map(|segment| (segment.when, segment.reason.clone()));
    let shadows = plan.shadows.iter().filter_map(|shadow| Some((shadow.when?, format!("shadow:{}", shadow.version))));
    let asking: Vec<(u8, String)> = pins.into_iter().chain(segments).chain(shadows).collect();
    plan.conditions
        .iter()
        .enumerate()
        .map(|(index, condition)| {
            let asks = asking.iter().find(|(when, _)| usize::from(*when) == index);
            let name = asks.map_or_else(String::new, |(_, name)| name.clone());
            let labels = |key: String| MissLabels { route: plan.name.clone(), condition: name.clone(), key };
            condition.keys().iter().map(|key| counters.misses(labels(key.to_string()))).collect()
        })
        .collect()
}
