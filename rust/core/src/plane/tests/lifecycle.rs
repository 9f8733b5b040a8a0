//! Every way a version can go, walked breadth first.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::plane::{Lifecycle, LifecycleCommand as Do, LifecycleEvent as On, VersionState as Is};

fn events() -> [On; 10] {
    [
        On::Load,
        On::Loaded,
        On::LoadFailed("broken".into()),
        On::Warmed,
        On::WarmFailed("wrong".into()),
        On::LoadTimeout("slow".into()),
        On::Retire,
        On::DrainTimeout,
        On::Idle,
        On::Unloaded,
    ]
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
                    if seen.insert(after.state().clone()) {
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
fn a_version_that_served_is_unloaded_only_when_nothing_holds_it() {
    walk(|before, event, after| {
        let Some((_, Some(Do::Unload))) = after else { return };
        let has_served = before.is_ready() || matches!(before.state(), Is::Draining { .. });
        assert_eq!(has_served, *event == On::Idle, "{before:?} {event:?}");
    });
}

#[test]
fn retire_is_never_refused_and_after_it_a_version_is_never_ready() {
    let mut is_retired: HashMap<Is, bool> = HashMap::new();
    walk(|before, event, after| {
        if *event == On::Retire {
            assert!(after.is_some_and(|(after, _)| !after.is_ready()), "{before:?}");
            assert!(after.is_some_and(|(after, _)| after.is_leaving()), "{before:?}");
        }
        if let Some((after, _)) = after {
            let was_retired = *event == On::Retire || is_retired.get(before.state()).copied().unwrap_or(false);
            assert!(!(was_retired && after.is_ready()), "{before:?} {event:?}");
            *is_retired.entry(after.state().clone()).or_default() |= was_retired;
        }
    });
}

#[test]
fn what_leaves_never_comes_back() {
    walk(|before, event, after| {
        if before.is_leaving() {
            assert!(after.is_none_or(|(after, _)| after.is_leaving()), "{before:?} {event:?}");
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
    let steps = [On::Load, On::Loaded, On::Warmed, On::Retire];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Admit, Do::Release]);
    assert_eq!(commands(&mut version, &[On::DrainTimeout, On::Idle]), [Do::AbortRemaining, Do::Unload]);
    assert_eq!(commands(&mut version, &[On::DrainTimeout, On::Unloaded]), []);
    assert_eq!(version.state(), &Is::Unloaded);
}

#[test]
fn a_version_retired_while_it_loads_is_unloaded_when_it_is_there() {
    let mut version = Lifecycle::new();
    assert_eq!(commands(&mut version, &[On::Load, On::Retire, On::Loaded]), [Do::Load, Do::Unload]);
    let mut version = Lifecycle::new();
    let steps = [On::Load, On::Loaded, On::Retire, On::Warmed];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Terminate, Do::Unload]);
}

#[test]
fn a_load_that_takes_too_long_is_stuck_until_it_ends_and_then_unloaded() {
    let mut version = Lifecycle::new();
    assert_eq!(commands(&mut version, &[On::Load, On::LoadTimeout("slow".into())]), [Do::Load]);
    assert!(version.state().is_stuck() && version.is_leaving());
    assert_eq!(commands(&mut version, &[On::Loaded, On::Unloaded]), [Do::Unload]);
    let mut version = Lifecycle::new();
    let steps = [On::Load, On::Loaded, On::LoadTimeout("slow".into())];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Terminate]);
    assert!(version.state().is_stuck() && version.is_leaving());
    let ended = On::WarmFailed("it was asked to end".into());
    assert_eq!(commands(&mut version, &[ended, On::Unloaded]), [Do::Unload]);
    assert_eq!(version.state(), &Is::Unloaded);
}

#[test]
fn a_failed_warm_up_is_failed_at_once_keeps_its_reason_and_gives_its_memory_back() {
    let mut version = Lifecycle::new();
    let steps = [On::Load, On::Loaded, On::WarmFailed("NaN".into())];
    assert_eq!(commands(&mut version, &steps), [Do::Load, Do::WarmUp, Do::Unload]);
    assert_eq!((version.state().name(), version.is_over()), ("FAILED", false));
    assert_eq!(commands(&mut version, &[On::Unloaded]), []);
    assert_eq!(version.state(), &Is::Failed { reason: "NaN".into() });
}

#[test]
fn an_impossible_report_names_itself() {
    let refused = Lifecycle::new().step(On::Warmed).expect_err("nothing was loaded");
    assert_eq!(refused.to_string(), "a version that is NEW cannot be told Warmed");
}
