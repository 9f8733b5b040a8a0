//! From the repository's folders to a snapshot: what to load, how it went, who may answer under which name.

use super::clock::Clock;
use super::compute::Compute;
use super::snapshot::{Arm, IndexEntry, Snapshot, Target, Version};
use crate::observe::counters::{BatchCounters, Labels, SeriesId};
use crate::runtime::artifact::{Artifact, IGNORED_FILE};
use crate::runtime::warmup::warm_up;
use crate::runtime::{LoadOptions, Runtime};
use http::HeaderValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use tidegate_core::document::{BatchingMode, Document, VersionId, check_name};
use tidegate_core::oip::answer::Stamp;
use tidegate_core::plane::{CostModel, Lifecycle, LifecycleEvent, SharedCost, SharedInlineGate, VersionPolicy};
use tidegate_core::routing::{Applied, RoutePlan, compile_routes};

/// A snapshot and what goes with it.
pub struct Loaded {
    pub snapshot: Snapshot,
    /// Label values of every series that the snapshot names.
    pub labels: Vec<Labels>,
    /// Sentences for the log.
    pub warnings: Vec<String>,
}

/// What loading needs besides the document.
pub struct Loader<'a> {
    pub document: &'a Document,
    pub repository: &'a Path,
    pub runtime: &'a dyn Runtime,
    pub compute: &'a Compute,
    pub clock: &'a dyn Clock,
}

impl Loader<'_> {
    /// Loads what routes and `versions` name and the highest version of each unrouted model.
    ///
    /// # Errors
    /// Every reason why routes cannot be served.
    pub fn load(&self, applied: &Applied) -> Result<Loaded, Vec<String>> {
        let mut warnings = Vec::new();
        let found = self.scan(&mut warnings).map_err(|reason| vec![reason])?;
        let routed: BTreeSet<VersionId> = self.document.routed_versions().into_iter().cloned().collect();
        let wanted = self.wanted(&found, &routed);
        let (mut versions, mut index, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (model, numbers) in &found {
            for id in numbers {
                let entry = |ready, reason: String| IndexEntry {
                    model: model.clone(),
                    version: id.version().to_owned(),
                    ready,
                    reason,
                };
                if !wanted.contains(id) {
                    index.push(entry(false, "not loaded: no route and no entry of `versions` names it".to_owned()));
                    continue;
                }
                match self.load_version(id, versions.len()) {
                    Ok(version) => {
                        versions.push(Arc::new(version));
                        index.push(entry(true, String::new()));
                    }
                    Err(reason) => {
                        if routed.contains(id) {
                            faults.push(format!("{}: {reason}", id.as_str()));
                        } else {
                            warnings.push(format!("{} is not served: {reason}", id.as_str()));
                        }
                        index.push(entry(false, reason));
                    }
                }
            }
        }
        for id in wanted.iter().filter(|id| !found.get(id.model()).is_some_and(|numbers| numbers.contains(*id))) {
            let folder = self.repository.join(id.model()).join(id.version());
            let reason = format!("there is no folder {}", folder.display());
            if routed.contains(id) {
                faults.push(format!("{}: {reason}", id.as_str()));
            } else {
                warnings.push(format!("{} is not served: {reason}", id.as_str()));
                let (model, version) = (id.model().to_owned(), id.version().to_owned());
                index.push(IndexEntry { model, version, ready: false, reason });
            }
        }
        index.sort_by_cached_key(|entry| (entry.model.clone(), entry.version.parse::<u64>().unwrap_or(0)));
        let plans = compile_routes(self.document, &applied.tables);
        faults.extend(plans.iter().flat_map(|plan| disagreements(plan, &versions)));
        if faults.is_empty() { Ok(self.assemble(applied, plans, versions, index, warnings)) } else { Err(faults) }
    }

    /// Every version folder, by model.
    fn scan(&self, warnings: &mut Vec<String>) -> Result<BTreeMap<String, BTreeSet<VersionId>>, String> {
        let mut found: BTreeMap<String, BTreeSet<VersionId>> = BTreeMap::new();
        for model in folders(self.repository)? {
            if check_name(&model).is_err() {
                continue;
            }
            let folder = self.repository.join(&model);
            if folder.join(IGNORED_FILE).exists() {
                warnings.push(format!("{model}/{IGNORED_FILE} is ignored: settings are in the gateway document"));
            }
            for name in folders(&folder)? {
                match VersionId::new(&model, &name) {
                    Ok(id) => {
                        found.entry(model.clone()).or_default().insert(id);
                    }
                    Err(_) => warnings
                        .push(format!("{model}/{name} is ignored: a version folder is named by a positive integer")),
                }
            }
        }
        Ok(found)
    }

    fn wanted(
        &self,
        found: &BTreeMap<String, BTreeSet<VersionId>>,
        routed: &BTreeSet<VersionId>,
    ) -> BTreeSet<VersionId> {
        let mut wanted = routed.clone();
        wanted.extend(self.document.versions.keys().cloned());
        for (model, versions) in found {
            if !routed.iter().any(|id| id.model() == model) {
                wanted.extend(versions.iter().max_by_key(|id| id.number()).cloned());
            }
        }
        wanted
    }

    fn load_version(&self, id: &VersionId, slot: usize) -> Result<Version, String> {
        let mut lifecycle = Lifecycle::new();
        let mut step = |event| lifecycle.step(event).map(drop).map_err(|illegal| illegal.to_string());
        step(LifecycleEvent::Load)?;
        let artifact = Artifact::read(&self.repository.join(id.model()).join(id.version()))?;
        let settings = self.document.settings_of(id);
        let options = LoadOptions { intra_op_threads: settings.intra_op_threads as u32 };
        let model = self.runtime.load(&artifact, options)?;
        step(LifecycleEvent::Loaded)?;
        let forced = match settings.batching.mode {
            BatchingMode::Auto => None,
            BatchingMode::On => Some(true),
            BatchingMode::Off => Some(false),
        };
        let findings = warm_up(model.as_ref(), settings.batching.max as u32, forced, self.clock);
        if let (Some(true), Some(reason)) = (forced, &findings.unbatched) {
            return Err(format!("`batching: on` cannot be honoured: {reason}"));
        }
        step(LifecycleEvent::Warmed)?;
        let batching = findings.unbatched.is_none();
        let max_rows = if batching { settings.batching.max as u32 } else { 1 };
        let queue = self.compute.add_version(VersionPolicy {
            batching,
            max_rows,
            max_delay: settings.batching.max_delay_us * 1_000,
            instances: settings.instances as u32,
            max_requests: settings.queue.requests as u32,
            max_bytes: settings.queue.mib << 20,
        });
        Ok(Version {
            id: id.clone(),
            slot,
            digest: artifact.digest,
            size_bytes: artifact.size_bytes,
            model,
            unbatched: findings.unbatched,
            cost: SharedCost::new(CostModel::fit(&findings.costs)),
            gate: SharedInlineGate::new(self.document.inline_budget_us * 1_000),
            queue,
            batches: BatchCounters::new(max_rows),
            settings,
        })
    }

    fn assemble(
        &self,
        applied: &Applied,
        plans: Vec<RoutePlan>,
        versions: Vec<Arc<Version>>,
        index: Vec<IndexEntry>,
        warnings: Vec<String>,
    ) -> Loaded {
        let mut series = SeriesTable::new();
        let mut targets: HashMap<String, Arc<Target>> = HashMap::new();
        for plan in plans {
            let of_arm = |id: &VersionId| versions.iter().find(|version| version.id == *id).map(Arc::clone);
            let arms = plan.arms.iter().filter_map(|arm| of_arm(&arm.version));
            let arms = arms.map(|version| arm(&plan.name, version, applied.epoch, &mut series)).collect();
            let (name, lead) = (plan.name.clone(), plan.stable as usize);
            let timeout = plan.timeout.as_nanos() as u64;
            let own = series.add(&name, "");
            targets
                .insert(name.clone(), Arc::new(Target { name, route: Some(plan), arms, lead, timeout, series: own }));
        }
        let models: BTreeSet<&str> = versions.iter().map(|version| version.id.model()).collect();
        for model in models {
            if targets.contains_key(model) {
                continue;
            }
            let mut own: Vec<_> = versions.iter().filter(|version| version.id.model() == model).collect();
            own.sort_by_key(|version| version.id.number());
            let arms: Vec<Arm> =
                own.into_iter().map(|version| arm(model, Arc::clone(version), applied.epoch, &mut series)).collect();
            let (name, lead) = (model.to_owned(), arms.len() - 1);
            let timeout = self.document.timeout_ms * 1_000_000;
            let shared = series.add(&name, "");
            targets.insert(name.clone(), Arc::new(Target { name, route: None, arms, lead, timeout, series: shared }));
        }
        let snapshot = Snapshot { epoch: applied.epoch, incarnation: applied.incarnation, targets, versions, index };
        Loaded { snapshot, labels: series.labels, warnings }
    }
}

fn arm(name: &str, version: Arc<Version>, epoch: u64, series: &mut SeriesTable) -> Arm {
    let id = version.id.as_str();
    let stamp = Stamp::new(name, version.id.version(), id, epoch, &version.signature().outputs);
    let label = HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("?"));
    let series = series.add(name, id);
    Arm { version, stamp, label, series }
}

struct SeriesTable {
    labels: Vec<Labels>,
}

impl SeriesTable {
    fn new() -> Self {
        Self { labels: vec![Labels { route: "unknown".to_owned(), version: String::new() }] }
    }

    fn add(&mut self, route: &str, version: &str) -> SeriesId {
        self.labels.push(Labels { route: route.to_owned(), version: version.to_owned() });
        self.labels.len() - 1
    }
}

/// How the arms of a route differ in what callers rely on.
fn disagreements(plan: &RoutePlan, versions: &[Arc<Version>]) -> Vec<String> {
    let of = |index: usize| versions.iter().find(|version| version.id == plan.arms[index].version);
    let Some(stable) = of(plan.stable as usize) else { return Vec::new() };
    (0..plan.arms.len())
        .filter_map(of)
        .flat_map(|version| {
            let differences = stable.signature().differences(version.signature());
            let (route, stable, other) = (&plan.name, stable.id.as_str(), version.id.as_str());
            differences
                .into_iter()
                .map(move |difference| format!("routes.{route}: {other} does not fit {stable}: {difference}"))
                .collect::<Vec<_>>()
        })
        .collect()
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
