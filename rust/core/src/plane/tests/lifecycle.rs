//! Every way a version can go, walked breadth first.

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::plane::{Lifecycle, LifecycleCommand as Do, LifecycleEvent as On, VersionState as Is};

/// Enough to tell none, one and several apart.
const MOST_IN_FLIGHT: u64 = 3;

fn events() -> [On; 10] {
    [
        On::Load,
        On::Loaded,
        On::LoadFailed("broken".into()),
        On::Warmed,
        On::WarmFailed("wrong".into()),
        On::Begin,
        On::End,
        On::Retire,
        On::DrainTimeout,
        On::Unloaded,
    ]
}

fn in_flight(state: &Is) -> u64 {
    match state {
        Is::Ready { in_flight } | Is::Draining { in_flight } => *in_flight,
        _ => 0,
    }
}

/// Calls `check` with every edge (before, event, after or refused) that can be reached from the start.
fn walk(mut check: impl FnMut(&Lifecycle, &On, Option<(&Lifecycle, Option<Do>)>)) -> HashSet<Is> {
    let mut seen = HashSet::from([Is::New]);
    let mut open = VecDeque::from([Lifecycle::new()]);
    while let Some(before) = open.pop_front() {
        for event in events() {
            let mut after = before.clone();
            match after.step(event.clone()) {
                Ok(command) => {
                    check(&before, &event, Some((&after, command)));
                    if in_flight(after.state()) <= MOST_IN_FLIGHT && seen.insert(after.state().clone()) {
                        open.push_back(after);
                    }
                }
                Err(refused) => {
                    assert_eq!(after, before, "a refused event changes nothing: {refused}");
                    check(&before, &event, None);
                }
            }
        }
    }
    seen
}

#[test]
fn requests_begin_only_in_ready_and_end_only_if_begun() {
    walk(|before, event, after| match event {
        On::Begin => assert_eq!(after.is_some(), before.is_ready()),
        On::End => assert_eq!(after.is_some(), in_flight(before.state()) > 0),
        _ => {}
    });
}

#[test]
fn in_flight_moves_only_by_begin_and_end_and_nothing_is_unloaded_below_a_request() {
    walk(|before, event, after| {
        let Some((after, command)) = after else { return };
        let expected = match event {
            On::Begin => in_flight(before.state()) + 1,
            On::End => in_flight(before.state()) - 1,
            _ => in_flight(before.state()),
        };
        assert_eq!(in_flight(after.state()), expected, "{before:?} {event:?}");
        if command == Some(Do::Unload) || after.is_over() {
            assert_eq!(in_flight(after.state()), 0);
        }
    });
}

#[test]
fn retire_is_never_refused_and_after_it_a_version_is_never_ready() {
    let mut is_retired: BTreeMap<String, bool> = BTreeMap::new();
    walk(|before, event, after| {
        if *event == On::Retire {
            assert!(after.is_some(), "{before:?}");
            assert!(after.is_some_and(|(after, _)| !after.is_ready()));
        }
        // No edge leads from a retired state to READY: from the states Retire leads to, READY is not one step away.
        if let Some((after, _)) = after {
            let was_retired = *event == On::Retire || is_retired.get(&format!("{before:?}")).copied().unwrap_or(false);
            assert!(!(was_retired && after.is_ready()), "{before:?} {event:?}");
            *is_retired.entry(format!("{after:?}")).or_default() |= was_retired;
        }
    });
}

#[test]
fn every_state_is_reached_and_from_each_the_end_can_be_reached() {
    let mut backwards: Vec<(Is, Is)> = Vec::new();
    let seen = walk(|before, _, after| {
        if let Some((after, _)) = after {
            backwards.push((after.state().clone(), before.state().clone()));
        }
    });
    let names: HashSet<&str> = seen.iter().map(Is::name).collect();
    assert_eq!(names, HashSet::from(["NEW", "LOADING", "WARMING", "READY", "DRAINING", "UNLOADED", "FAILED"]));
    let mut ends: HashSet<Is> =
        seen.iter().filter(|state| matches!(state, Is::Unloaded | Is::Failed { .. })).cloned().collect();
    loop {
        let more: Vec<Is> =
            backwards.iter().filter(|(to, _)| ends.contains(to)).map(|(_, from)| from.clone()).collect();
        let before = ends.len();
        ends.extend(more);
        if ends.len() == before {
            break;
        }
    }
    assert!(seen.is_subset(&ends), "{seen:?} against {ends:?}");
}

#[test]
fn what_is_over_stays_as_it_is() {
    walk(|before, event, after| {
        if before.is_over()
            && let Some((after, command)) = after
        {
            assert_eq!((after, command), (before, None), "{event:?}");
        }
    });
}

/// Takes the steps and returns the commands they gave.
fn commands(version: &mut Lifecycle, steps: &[On]) -> Vec<Do> {
    steps.iter().filter_map(|event| version.step(event.clone()).expect("every step is legal")).collect()
}

#[test]
fn a_whole_life() {
    let mut version = Lifecycle::new();
    let steps = [On::Load, On::Loaded, On::Warmed, On::Begin, On::Begin, On::End, On::Retire];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Admit, Do::ArmDrainTimer]);
    assert_eq!(commands(&mut version, &[On::DrainTimeout, On::End]), [Do::AbortRemaining, Do::Unload]);
    assert_eq!(commands(&mut version, &[On::DrainTimeout, On::Unloaded]), []);
    assert_eq!(version.state(), &Is::Unloaded);
}

#[test]
fn a_version_retired_while_it_loads_is_unloaded_when_it_is_there() {
    let mut version = Lifecycle::new();
    assert_eq!(commands(&mut version, &[On::Load, On::Retire, On::Loaded]), [Do::Load, Do::Unload]);
    let mut version = Lifecycle::new();
    let steps = [On::Load, On::Loaded, On::Retire, On::Warmed];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Unload]);
}

#[test]
fn a_failed_warm_up_keeps_its_reason_and_gives_its_memory_back() {
    let mut version = Lifecycle::new();
    let steps = [On::Load, On::Loaded, On::WarmFailed("NaN".into()), On::Unloaded];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Unload]);
    assert_eq!(version.state(), &Is::Failed { reason: "NaN".into() });
}

#[test]
fn an_impossible_report_names_itself() {
    let refused = Lifecycle::new().step(On::Warmed).expect_err("nothing was loaded");
    assert_eq!(refused.to_string(), "a version that is NEW cannot be told Warmed");
}
