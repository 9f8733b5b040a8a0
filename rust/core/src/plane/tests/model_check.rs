//! Every order of events that two versions, three documents and two amendments can meet, breadth first: nothing is lost in
//! any of them.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::reconcile::{document, want, with_settings};
use crate::plane::{
    ChangeCommand as Do, ChangeEvent as On, Content, LifecycleCommand, LifecycleEvent as Life, LoadId, Outcome,
    Reconciler, Subject, VersionState as Is,
};

/// How many documents and amendments are applied in one history.
const MOST_DOCUMENTS: usize = 4;
/// How many of them are amendments: with more the histories take minutes.
const MOST_AMENDMENTS: usize = 1;
/// Requests that a version has at once: enough to tell none, one and several apart.
const MOST_IN_FLIGHT: u8 = 2;

fn documents() -> [BTreeMap<Subject, Content>; 3] {
    [
        document(&[("r", &[want(1)])]),
        document(&[("r", &[want(1), want(2)]), ("s", &[want(2)])]),
        document(&[("r", &[with_settings(2, 1)])]),
    ]
}

fn amendments() -> [BTreeMap<Subject, Option<Content>>; 2] {
    let mut swapped: BTreeMap<_, _> =
        document(&[("s", &[want(1)])]).into_iter().map(|(subject, content)| (subject, Some(content))).collect();
    swapped.insert(Subject::Route("r".to_owned()), None);
    let grown = document(&[("r", &[want(1), want(2)])]).into_iter().map(|(subject, content)| (subject, Some(content)));
    [swapped, grown.collect()]
}

/// The reconciler with a shell that does as it is told, in its own time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    reconciler: Reconciler,
    /// Requests that each load has begun and not ended.
    in_flight: BTreeMap<LoadId, u8>,
    /// Drain timers that run.
    timers: Vec<LoadId>,
    unloading: Vec<LoadId>,
    /// What is to be published.
    publishing: Option<BTreeMap<Subject, Option<Content>>>,
    /// Subjects of the newest document that were not settled yet.
    unsettled: Vec<Subject>,
    applied: usize,
    amended: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Apply(usize),
    Amend(usize),
    Publish { is_good: bool },
    Life(LoadId, Life),
    Begin(LoadId),
    End(LoadId),
}

impl World {
    fn new() -> Self {
        Self {
            reconciler: Reconciler::new(1, BTreeMap::new()),
            in_flight: BTreeMap::new(),
            timers: Vec::new(),
            unloading: Vec::new(),
            publishing: None,
            unsettled: Vec::new(),
            applied: 0,
            amended: 0,
        }
    }

    /// Loads that requests can find: those of the current contents.
    fn served(&self) -> Vec<LoadId> {
        let wants = self.reconciler.current().values().flat_map(|content| &content.wants);
        let mut loads: Vec<LoadId> = wants.filter_map(|want| self.reconciler.ready(want)).collect();
        loads.sort_unstable();
        loads.dedup();
        loads
    }

    fn requests(&self, load: LoadId) -> u8 {
        self.in_flight.get(&load).copied().unwrap_or(0)
    }

    /// What the world can do next. `wanted` are the steps that must lead to rest by themselves.
    fn steps(&self) -> (Vec<Step>, Vec<Step>) {
        if self.publishing.is_some() {
            return ([true, false].map(|is_good| Step::Publish { is_good }).to_vec(), Vec::new());
        }
        let (mut wanted, mut others) = (Vec::new(), Vec::new());
        for (&id, load) in self.reconciler.loads() {
            match load.life.state() {
                Is::Loading { is_stuck, .. } => {
                    wanted.extend([Life::Loaded, Life::LoadFailed("torn".into())].map(|life| Step::Life(id, life)));
                    others.extend((!is_stuck).then(|| Step::Life(id, Life::LoadTimeout("slow".into()))));
                }
                Is::Warming { is_stuck, .. } => {
                    wanted.extend([Life::Warmed, Life::WarmFailed("NaN".into())].map(|life| Step::Life(id, life)));
                    others.extend((!is_stuck).then(|| Step::Life(id, Life::LoadTimeout("slow".into()))));
                }
                // The timer of a load that was retired may go off after its end.
                Is::Unloading { .. } => others.push(Step::Life(id, Life::LoadTimeout("slow".into()))),
                Is::New if load.is_held_up => others.push(Step::Life(id, Life::LoadFailed("it waited".into()))),
                Is::Draining { .. } if self.requests(id) == 0 => wanted.push(Step::Life(id, Life::Idle)),
                _ => {}
            }
            if self.requests(id) > 0 {
                wanted.push(Step::End(id));
            }
        }
        wanted.extend(self.unloading.iter().map(|id| Step::Life(*id, Life::Unloaded)));
        others.extend(self.timers.iter().map(|id| Step::Life(*id, Life::DrainTimeout)));
        if self.applied < MOST_DOCUMENTS {
            others.extend((0..documents().len()).map(Step::Apply));
            if self.amended < MOST_AMENDMENTS {
                others.extend((0..amendments().len()).map(Step::Amend));
            }
        }
        let room = |id: &LoadId| self.requests(*id) < MOST_IN_FLIGHT;
        others.extend(self.served().into_iter().filter(room).map(Step::Begin));
        (wanted, others)
    }

    fn take(&mut self, step: &Step) {
        let event = match step {
            Step::Begin(id) => return *self.in_flight.entry(*id).or_default() += 1,
            Step::End(id) => {
                let left = self.requests(*id) - 1;
                if left == 0 {
                    self.in_flight.remove(id)
                } else {
                    self.in_flight.insert(*id, left)
                };
                return;
            }
            Step::Apply(index) => {
                self.applied += 1;
                let document = documents()[*index].clone();
                self.unsettled = document.keys().cloned().collect();
                On::Apply(document)
            }
            Step::Amend(index) => {
                self.applied += 1;
                self.amended += 1;
                let changes = amendments()[*index].clone();
                self.unsettled.retain(|subject| !changes.contains_key(subject));
                self.unsettled.extend(changes.iter().filter(|(_, content)| content.is_some()).map(|(s, _)| s.clone()));
                On::Amend(changes)
            }
            Step::Publish { is_good } => {
                let changes = self.publishing.take().expect("the step is offered only then");
                let full = |subject: &Subject| (subject.clone(), "the disk is full".to_owned());
                if *is_good { On::Published } else { On::Rejected(changes.keys().map(full).collect()) }
            }
            Step::Life(id, life) => {
                match life {
                    Life::DrainTimeout => self.timers.retain(|timer| timer != id),
                    Life::Unloaded => {
                        self.unloading.retain(|other| other != id);
                        self.timers.retain(|timer| timer != id);
                    }
                    _ => {}
                }
                On::Load(*id, life.clone())
            }
        };
        for command in self.reconciler.step(event) {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Do) {
        assert!(self.publishing.is_none(), "nothing follows a publication before its answer");
        match command {
            Do::Publish(changes) => self.publishing = Some(changes),
            Do::Load(id, LifecycleCommand::Release) => self.timers.push(id),
            Do::Load(id, LifecycleCommand::Unload) => {
                assert_eq!(self.requests(id), 0, "nothing is unloaded below a request");
                assert!(!self.served().contains(&id), "nothing is unloaded that requests can find");
                self.unloading.push(id);
            }
            Do::Begin(id, want) => {
                let others = self.reconciler.loads().iter().filter(|(other, _)| **other != id);
                let is_leaving = others
                    .filter(|(_, load)| load.want.version == want.version)
                    .any(|(_, load)| load.life.is_leaving());
                assert!(!is_leaving, "a version that leaves is waited for");
            }
            Do::Settled(subject, outcome) => {
                if outcome != Outcome::Superseded {
                    self.unsettled.retain(|open| *open != subject);
                }
            }
            Do::Load(..) | Do::Wait(_) => {}
        }
    }

    /// What must hold at every moment.
    fn check(&self) {
        for (subject, content) in self.reconciler.current() {
            let is_ready = content.wants.iter().all(|want| self.reconciler.ready(want).is_some());
            assert!(is_ready, "{subject} is served by versions that are ready");
        }
        let under_way = self.reconciler.loads().values();
        let states = under_way.map(|load| load.life.state());
        let count = states.filter(|state| state.is_under_way() && !state.is_stuck()).count();
        assert!(count <= 1, "one load at a time, beside those that are stuck");
        let pending: Vec<&Subject> = self.reconciler.pending().map(|(subject, _)| subject).collect();
        for subject in &self.unsettled {
            assert!(pending.contains(&subject), "{subject} is settled or on its way");
        }
    }

    /// Nothing left to do, and nothing left over.
    fn is_at_rest(&self) -> bool {
        let wanted = self.reconciler.current().values().flat_map(|content| &content.wants).collect::<Vec<_>>();
        self.unsettled.is_empty()
            && self.reconciler.loads().values().all(|load| load.life.is_ready() && wanted.contains(&&load.want))
    }
}

#[test]
fn in_every_order_of_events_routes_stay_served_and_everything_comes_to_rest() {
    let mut seen: HashSet<World> = HashSet::from([World::new()]);
    let mut open = VecDeque::from([World::new()]);
    let (mut edges, mut rests) = (0u64, 0u64);
    while let Some(world) = open.pop_front() {
        let (wanted, others) = world.steps();
        if wanted.is_empty() {
            assert!(world.is_at_rest(), "what stands still is done");
            rests += 1;
        }
        for step in wanted.iter().chain(&others) {
            let mut next = world.clone();
            let before = world.reconciler.current().clone();
            next.take(step);
            next.check();
            let may_change = matches!(step, Step::Publish { is_good: true });
            assert!(
                may_change || before == *next.reconciler.current(),
                "{step:?}: only a publication changes what is served"
            );
            edges += 1;
            if seen.insert(next.clone()) {
                open.push_back(next);
            }
        }
    }
    assert!(seen.len() > 10_000 && rests > 10, "{} states, {edges} edges, {rests} at rest", seen.len());
    println!("{} states, {edges} edges, {rests} at rest", seen.len());
}
