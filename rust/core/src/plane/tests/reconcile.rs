//! Changes as a reader wants to see them, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::plane::{
    ChangeCommand as Do, ChangeEvent as On, Content, LifecycleCommand, LifecycleEvent as Life, LoadId, Outcome,
    Reconciler, Subject, Want,
};

/// A version `m/<number>` with the usual settings.
pub(super) fn want(number: u64) -> Want {
    with_settings(number, 0)
}

pub(super) fn with_settings(number: u64, settings: u64) -> Want {
    Want { version: format!("m/{number}").parse().expect("a version"), settings }
}

pub(super) fn route(name: &str) -> Subject {
    Subject::Route(name.to_owned())
}

/// A document: for each route what it wants. The revision is told from that.
pub(super) fn document(routes: &[(&str, &[Want])]) -> BTreeMap<Subject, Content> {
    let content = |wants: &[Want]| Content {
        revision: wants.iter().fold(1, |sum, want| sum * 31 + want.version.number() * 7 + want.settings),
        wants: wants.iter().cloned().collect(),
    };
    routes.iter().map(|(name, wants)| (route(name), content(wants))).collect()
}

/// A reconciler, and a shell that publishes whatever it is told to.
struct Shell {
    reconciler: Reconciler,
}

impl Shell {
    fn new() -> Self {
        Self { reconciler: Reconciler::new(1, BTreeMap::new()) }
    }

    fn step(&mut self, event: On) -> Vec<Do> {
        let mut done = self.reconciler.step(event);
        while let Some(Do::Publish(_)) = done.last() {
            done.extend(self.reconciler.step(On::Published));
        }
        done
    }

    /// Loads and warms up whatever there is to be loaded, one after the other.
    fn settle(&mut self) -> Vec<Do> {
        let mut all = Vec::new();
        loop {
            let loads = self.reconciler.loads().clone();
            let next = loads.iter().find_map(|(id, load)| match load.life.state().name() {
                "LOADING" => Some((*id, Life::Loaded)),
                "WARMING" => Some((*id, Life::Warmed)),
                _ => None,
            });
            let Some((id, event)) = next else { return all };
            all.extend(self.step(On::Load(id, event)));
        }
    }

    fn serving(document: BTreeMap<Subject, Content>) -> Self {
        let mut shell = Self::new();
        shell.step(On::Apply(document));
        shell.settle();
        shell
    }

    fn load(&self, want: &Want) -> LoadId {
        self.reconciler.ready(want).expect("it is served")
    }

    /// The one load that waits for a load that is stuck.
    fn held_up(&self) -> LoadId {
        let held_up: Vec<LoadId> =
            self.reconciler.loads().iter().filter(|(_, load)| load.is_held_up).map(|(id, _)| *id).collect();
        assert_eq!(held_up.len(), 1);
        held_up[0]
    }

    fn wants(&self, name: &str) -> Vec<Want> {
        self.reconciler.current()[&route(name)].wants.iter().cloned().collect()
    }
}

fn outcomes(commands: &[Do]) -> Vec<(Subject, Outcome)> {
    let settled = commands.iter().filter_map(|command| match command {
        Do::Settled(subject, outcome) => Some((subject.clone(), outcome.clone())),
        _ => None,
    });
    settled.collect()
}

#[test]
fn a_gateway_begins_with_everything_in_one_swap() {
    let mut shell = Shell::new();
    let commands = shell.step(On::Apply(document(&[("r", &[want(1)]), ("s", &[want(2)])])));
    assert_eq!(commands, [Do::Begin(0, want(1))], "one load at a time");
    let commands = shell.settle();
    let swaps = commands.iter().filter(|command| matches!(command, Do::Publish(_))).count();
    assert_eq!(swaps, 1);
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Current), (route("s"), Outcome::Current)]);
}

#[test]
fn what_needs_no_load_is_swapped_at_once_while_something_else_loads() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)]), ("s", &[want(1), want(2)])]));
    let commands = shell.step(On::Apply(document(&[("r", &[want(3)]), ("s", &[want(2)])])));
    assert_eq!(outcomes(&commands), [(route("s"), Outcome::Current)]);
    assert_eq!(shell.wants("r"), [want(1)], "it has what it had while the other loads");
    assert_eq!(outcomes(&shell.settle()), [(route("r"), Outcome::Current)]);
    assert_eq!(shell.wants("r"), [want(3)]);
}

#[test]
fn an_amendment_leaves_alone_what_it_does_not_name() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)]), ("s", &[want(2)])]));
    // One waits, and one was refused.
    shell.step(On::Apply(document(&[("r", &[want(3)]), ("s", &[want(4)])])));
    let loading = *shell.reconciler.loads().iter().find(|(_, load)| load.want == want(4)).expect("it loads").0;
    shell.step(On::Load(loading, Life::LoadFailed("torn".into())));
    let amendment = [(route("t"), Some(document(&[("t", &[want(1)])])[&route("t")].clone()))];
    let commands = shell.step(On::Amend(amendment.into()));
    assert_eq!(outcomes(&commands), [(route("t"), Outcome::Current)]);
    assert!(!commands.iter().any(|command| matches!(command, Do::Begin(..))), "what was refused is not tried again");
    assert_eq!(shell.wants("r"), [want(1)], "it still waits");
    assert_eq!(outcomes(&shell.settle()), [(route("r"), Outcome::Current)]);
    let commands = shell.step(On::Amend([(route("s"), None), (route("r"), None)].into()));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Removed), (route("s"), Outcome::Removed)]);
    assert_eq!(shell.wants("t"), [want(1)]);
}

#[test]
fn a_version_that_fails_refuses_its_route_and_no_other() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)]), ("s", &[want(1)])]));
    shell.step(On::Apply(document(&[("r", &[want(2)]), ("s", &[want(3)])])));
    let loading = *shell.reconciler.loads().iter().find(|(_, load)| load.want == want(2)).expect("it loads").0;
    let commands = shell.step(On::Load(loading, Life::LoadFailed("torn".into())));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Refused("torn".into()))]);
    assert_eq!(outcomes(&shell.settle()), [(route("s"), Outcome::Current)]);
    assert_eq!((shell.wants("r"), shell.wants("s")), (vec![want(1)], vec![want(3)]));
}

#[test]
fn everything_that_is_wrong_with_a_route_is_said_at_once() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)])]));
    shell.step(On::Apply(document(&[("r", &[want(2), want(3), want(4)])])));
    let mut fail = |number: u64, reason: &str| {
        let load = *shell.reconciler.loads().iter().find(|(_, load)| load.want == want(number)).expect("it loads").0;
        outcomes(&shell.step(On::Load(load, Life::LoadFailed(reason.to_owned()))))
    };
    assert_eq!(fail(2, "torn"), []);
    assert_eq!(fail(3, "absent"), []);
    assert_eq!(outcomes(&shell.settle()), [(route("r"), Outcome::Refused("torn; absent".into()))]);
    assert_eq!(shell.wants("r"), [want(1)]);
}

#[test]
fn a_newer_document_takes_the_place_of_what_is_pending_and_its_load_is_let_go() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)])]));
    shell.step(On::Apply(document(&[("r", &[want(2)])])));
    let commands = shell.step(On::Apply(document(&[("r", &[want(1)])])));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Superseded), (route("r"), Outcome::Unchanged)]);
    let commands = shell.settle();
    assert!(matches!(commands[..], [Do::Load(_, LifecycleCommand::Unload)]), "{commands:?}");
    assert_eq!(shell.wants("r"), [want(1)]);
}

#[test]
fn a_load_that_hangs_is_refused_in_the_end_and_holds_up_no_other() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)])]));
    shell.step(On::Apply(document(&[("r", &[want(2)]), ("s", &[want(3)])])));
    let [hung, other] = [2, 3].map(|number| {
        *shell.reconciler.loads().iter().find(|(_, load)| load.want == want(number)).expect("it is wanted").0
    });
    assert_eq!(shell.step(On::Load(hung, Life::Loaded)), [Do::Load(hung, LifecycleCommand::WarmUp)]);
    let commands = shell.step(On::Load(hung, Life::LoadTimeout("slow".into())));
    assert_eq!(commands[0], Do::Load(hung, LifecycleCommand::Terminate));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Refused("slow".into()))]);
    assert!(commands.contains(&Do::Begin(other, want(3))), "{commands:?}");
    shell.step(On::Load(other, Life::Loaded));
    assert_eq!(outcomes(&shell.step(On::Load(other, Life::Warmed))), [(route("s"), Outcome::Current)]);
    // Wanted again, it waits for the end of the load that hangs, for a while.
    let again = || document(&[("r", &[want(2)]), ("s", &[want(3)])]);
    for _ in 0..2 {
        let commands = shell.step(On::Apply(again()));
        let waiting = shell.held_up();
        assert_eq!(commands, [Do::Settled(route("s"), Outcome::Unchanged), Do::Wait(waiting)]);
        let commands = shell.step(On::Load(waiting, Life::LoadFailed("it waited".into())));
        assert_eq!(commands, [Do::Settled(route("r"), Outcome::Refused("it waited".into()))]);
    }
    shell.step(On::Apply(again()));
    shell.held_up();
    let commands = shell.step(On::Load(hung, Life::WarmFailed("asked to end".into())));
    assert_eq!(commands, [Do::Load(hung, LifecycleCommand::Unload)]);
    let commands = shell.step(On::Load(hung, Life::Unloaded));
    assert!(matches!(&commands[..], [Do::Begin(_, again)] if *again == want(2)), "{commands:?}");
    assert_eq!(outcomes(&shell.settle()), [(route("r"), Outcome::Current)]);
}

#[test]
fn so_many_loads_may_hang_and_no_more() {
    let mut shell = Shell::new();
    let wants: Vec<Want> = (1..=20).map(want).collect();
    let names: Vec<String> = wants.iter().map(|want| want.version.version().to_owned()).collect();
    let routes: Vec<(&str, &[Want])> =
        names.iter().zip(&wants).map(|(name, want)| (&**name, std::slice::from_ref(want))).collect();
    let mut commands = shell.step(On::Apply(document(&routes)));
    let mut hung = 0;
    while let Some(id) = commands.iter().find_map(|command| match command {
        Do::Begin(id, _) => Some(*id),
        _ => None,
    }) {
        commands = shell.step(On::Load(id, Life::LoadTimeout("slow".into())));
        hung += 1;
    }
    assert_eq!(hung, 9, "eight that are passed over, and one that takes the only place");
    let held_up: Vec<LoadId> =
        shell.reconciler.loads().iter().filter(|(_, load)| load.is_held_up).map(|(id, _)| *id).collect();
    assert_eq!(held_up.len(), 11, "nothing that ends in time is before them");
    let failed: Vec<_> = held_up.iter().map(|id| shell.step(On::Load(*id, Life::LoadFailed("full".into())))).collect();
    assert_eq!(outcomes(&failed.concat()).len(), 11, "nobody waits for ever to hear of it");
}

#[test]
fn a_gateway_that_begins_with_nothing_changes_route_by_route() {
    let mut shell = Shell::new();
    shell.step(On::Apply(document(&[])));
    let commands = shell.step(On::Apply(document(&[("r", &[want(1)]), ("s", &[want(2)])])));
    let Do::Begin(first, _) = &commands[0] else { panic!("{commands:?}") };
    shell.step(On::Load(*first, Life::Loaded));
    assert_eq!(outcomes(&shell.step(On::Load(*first, Life::Warmed))), [(route("r"), Outcome::Current)]);
}

#[test]
fn a_version_wanted_again_while_it_drains_waits_for_its_end() {
    let mut shell = Shell::serving(document(&[("r", &[want(1), want(2)])]));
    let old = shell.load(&want(2));
    let commands = shell.step(On::Apply(document(&[("r", &[want(1)])])));
    assert!(commands.contains(&Do::Load(old, LifecycleCommand::Release)), "{commands:?}");
    let commands = shell.step(On::Apply(document(&[("r", &[want(1), want(2)])])));
    assert_eq!(commands, [], "nothing begins while the old one is there");
    let waiting =
        *shell.reconciler.loads().iter().find(|(id, load)| load.want == want(2) && **id != old).expect("it waits").0;
    assert_eq!(shell.reconciler.leaving(), BTreeMap::from([(&want(2).version, old)]));
    assert_eq!(shell.step(On::Load(old, Life::Idle)), [Do::Load(old, LifecycleCommand::Unload)]);
    assert_eq!(shell.step(On::Load(old, Life::Unloaded)), [Do::Begin(waiting, want(2))]);
    assert_eq!(outcomes(&shell.settle()), [(route("r"), Outcome::Current)]);
}

#[test]
fn other_settings_are_another_load_that_takes_over_when_it_is_ready() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)])]));
    let old = shell.load(&want(1));
    shell.step(On::Apply(document(&[("r", &[with_settings(1, 9)])])));
    assert_eq!(shell.load(&want(1)), old, "the old one serves meanwhile");
    let commands = shell.settle();
    assert!(commands.contains(&Do::Load(old, LifecycleCommand::Release)), "{commands:?}");
}

#[test]
fn a_swap_that_cannot_be_remembered_changes_nothing_and_says_why() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)]), ("s", &[want(1), want(2)])]));
    let commands =
        shell.reconciler.step(On::Apply(document(&[("r", &[want(1)]), ("s", &[want(2)]), ("t", &[want(1)])])));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Unchanged)]);
    let Some(Do::Publish(changes)) = commands.last() else { panic!("{commands:?}") };
    let before = shell.reconciler.current().clone();
    let full: BTreeMap<Subject, String> =
        changes.keys().map(|subject| (subject.clone(), "the disk is full".into())).collect();
    let commands = shell.step(On::Rejected(full));
    let refused = Outcome::Refused("the disk is full".into());
    assert_eq!(outcomes(&commands), [(route("s"), refused.clone()), (route("t"), refused)]);
    assert_eq!(*shell.reconciler.current(), before);
}

#[test]
fn at_the_start_a_route_that_cannot_be_served_falls_back_to_what_it_had() {
    let kept = document(&[("r", &[want(1)])]);
    let mut shell = Shell { reconciler: Reconciler::new(1, kept) };
    shell.step(On::Apply(document(&[("r", &[want(2)]), ("s", &[want(3)])])));
    let commands = shell.step(On::Load(0, Life::LoadFailed("torn".into())));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Refused("torn".into()))]);
    assert_eq!(outcomes(&shell.settle()), [(route("s"), Outcome::Current)]);
    assert_eq!((shell.wants("r"), shell.wants("s")), (vec![want(1)], vec![want(3)]));
}

#[test]
fn a_route_that_is_gone_goes_at_once_and_its_versions_with_it() {
    let mut shell = Shell::serving(document(&[("r", &[want(1)]), ("s", &[want(2)])]));
    let old = shell.load(&want(2));
    let commands = shell.step(On::Apply(document(&[("r", &[want(1)])])));
    assert_eq!(outcomes(&commands), [(route("r"), Outcome::Unchanged), (route("s"), Outcome::Removed)]);
    assert_eq!(commands.last(), Some(&Do::Load(old, LifecycleCommand::Release)));
    assert_eq!(shell.reconciler.current().keys().cloned().collect::<BTreeSet<_>>(), BTreeSet::from([route("r")]));
}
