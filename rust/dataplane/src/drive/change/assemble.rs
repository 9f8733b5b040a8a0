//! From contents to a snapshot: who may answer under which name.

use super::Changer;
use super::contents::Prepared;
use crate::drive::snapshot::{Arm, Snapshot, Target, Version};
use crate::observe::counters::Counters;
use crate::observe::drift::{Arms, Observed};
use crate::observe::misses::{MissLabels, Misses};
use crate::shadow::{Account, Shadow, Shadows};
use http::HeaderValue;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidegate_core::comparison::DecisionRule;
use tidegate_core::document::{Decision, Route, VersionId};
use tidegate_core::oip::answer::Stamp;
use tidegate_core::plane::{Content, Subject};
use tidegate_core::routing::{PinPlan, Revision, RoutePlan};

/// The account of a shadow, with what it is about: another of these is another account.
pub(super) struct KeptAccount {
    stable: String,
    decision: Option<Decision>,
    account: Arc<Account>,
}

impl Changer {
    /// The snapshot of what is in force. Of the snapshot before, targets are taken over that are the same, unless who
    /// watches them has changed.
    pub(super) fn assemble(&mut self, in_force: &BTreeMap<Subject, Content>, is_watched_anew: bool) -> Snapshot {
        let plane = Arc::clone(&self.setting.plane);
        let before = if is_watched_anew { Arc::default() } else { Arc::clone(&plane.snapshot().targets) };
        let mut versions: BTreeMap<(VersionId, u64), Arc<Version>> = BTreeMap::new();
        let mut targets: HashMap<String, Arc<Target>> = HashMap::new();
        for (subject, content) in in_force {
            let loads = content.wants.iter().filter_map(|want| self.reconciler.ready(want));
            let held: Vec<_> = loads.filter_map(|load| self.residents.version(load)).map(Arc::clone).collect();
            if let Subject::Route(name) = subject {
                let plan = Arc::clone(&self.prepared(name, content).plan);
                let same = before.get(name).filter(|target| target.is_of(Some(&plan), &held));
                let target = same.map_or_else(|| Arc::new(self.route_target(name, content, &held)), Arc::clone);
                targets.insert(name.clone(), target);
            }
            versions.extend(held.into_iter().map(|version| ((version.id.clone(), version.serial), version)));
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
                let own: Vec<Arc<Version>> = own.into_iter().map(Arc::clone).collect();
                let same = before.get(model).filter(|target| target.is_of(None, &own));
                let target = same.map_or_else(|| Arc::new(self.model_target(model, &own)), Arc::clone);
                targets.insert(model.to_owned(), target);
            }
        }
        let in_use = |(route, to): &(String, VersionId)| {
            self.applied.routes.get(route).is_some_and(|revision| revision.route.shadow.iter().any(|own| own.to == *to))
        };
        self.accounts.retain(|key, _| in_use(key));
        plane.counters.sweep();
        plane.watches.keep_compared(|name| in_force.contains_key(&Subject::Route(name.to_owned())));
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
        let own: Vec<&Arc<Version>> = plan.arms.iter().map(of).collect();
        let compared = Arms { plan, ranges: &revision.table.ranges, versions: own };
        let callers = plane.watches.callers(&name, &compared);
        let arms = compared.versions.iter().zip(callers);
        let arms =
            arms.map(|(version, callers)| Arc::new(Arm { callers, ..self.arm(&name, Some(plan), version, false) }));
        let arms = arms.collect();
        let shadows: Vec<Shadow> = (plan.shadows.iter())
            .map(|shadow| Shadow {
                arm: Arc::new(self.arm(&name, Some(plan), of(&shadow.version), true)),
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

    fn model_target(&self, model: &str, versions: &[Arc<Version>]) -> Target {
        let name: Arc<str> = model.into();
        Target {
            route: None,
            arms: versions.iter().map(|version| Arc::new(self.arm(&name, None, version, false))).collect(),
            lead: versions.len() - 1,
            timeout: self.document.timeout_ms * 1_000_000,
            series: self.setting.plane.counters.series(&name, ""),
            misses: Vec::new(),
            shadows: Shadows::default(),
            name,
        }
    }

    fn arm(&self, name: &Arc<str>, route: Option<&Arc<RoutePlan>>, version: &Arc<Version>, is_shadow: bool) -> Arm {
        let observer = self.setting.plane.watches.observer(name, version);
        let id = version.id.as_str();
        Arm {
            name: Arc::clone(name),
            route: route.map(Arc::clone),
            segment_labels: route.map_or_else(Arc::default, |plan| segment_labels(plan)),
            version: Arc::clone(version),
            stamp: Stamp::new(name, version.id.version(), id, &version.signature().outputs),
            label: HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("?")),
            series: self.setting.plane.counters.series(name, id),
            observed: observer.map(|observer| Observed { observer, is_shadow }),
            callers: None,
        }
    }

    /// The account of a shadow, which goes on as long as the same is compared with the same.
    fn account(&mut self, name: &str, revision: &Revision, to: &VersionId) -> Arc<Account> {
        let route = &revision.route;
        let key = (name.to_owned(), to.clone());
        let is_same = |kept: &&KeptAccount| kept.stable == revision.stable() && kept.decision == route.decision;
        if let Some(kept) = self.accounts.get(&key).filter(is_same) {
            return Arc::clone(&kept.account);
        }
        let account = Arc::new(Account::new(rule(route), self.setting.clock.unix_ms()));
        let (stable, decision) = (revision.stable().to_owned(), route.decision.clone());
        self.accounts.insert(key, KeptAccount { stable, decision, account: Arc::clone(&account) });
        account
    }
}

fn segment_labels(plan: &RoutePlan) -> Arc<[HeaderValue]> {
    let label = |reason: &str| HeaderValue::from_str(reason).expect("names are letters, digits, dots and dashes");
    plan.segments.iter().map(|segment| label(&segment.reason)).collect()
}

fn rule(route: &Route) -> Option<DecisionRule> {
    let Decision { output, threshold } = route.decision.clone()?;
    Some(DecisionRule { output, threshold })
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
