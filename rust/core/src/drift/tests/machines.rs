//! What is said of a feature from window to window.

use super::super::states::{Machine, Observation, Patience, Span, State, Transition};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const HOUR_MS: u64 = 3_600_000;
const PATIENCE: Patience = Patience { quiet_windows: 3, stale_after_ms: 10 * HOUR_MS };

/// What a window may bring.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Quiet,
    Listed,
    /// Too much for a drift to end and too little for an alarm.
    Uneasy,
    Paging,
    Few,
}

fn verdict(kind: Kind) -> Verdict {
    if kind == Kind::Few {
        return Verdict::Insufficient { n: 1_000, m: 3 };
    }
    let mut judgement = judged(&question(&[1_000; 4], &[1_000; 4]));
    judgement.tolerated = 0.1;
    judgement.exceeds = kind == Kind::Paging;
    judgement.psi = match kind {
        Kind::Quiet | Kind::Listed | Kind::Few => 0.0,
        Kind::Uneasy => 0.09,
        Kind::Paging => 0.5,
    };
    Verdict::Judged(judgement)
}

/// Feeds one window an hour and says what is said after each.
fn states(kinds: &[Kind]) -> Vec<State> {
    let mut machine = Machine::new(PATIENCE, 0);
    let feed = |(at, kind): (usize, &Kind)| {
        step(&mut machine, *kind, at as u64 + 1);
        machine.state()
    };
    kinds.iter().enumerate().map(feed).collect()
}

fn step(machine: &mut Machine, kind: Kind, hour: u64) -> Option<Transition> {
    let window = Span { start_ms: (hour - 1) * HOUR_MS, end_ms: hour * HOUR_MS };
    let is_listed = matches!(kind, Kind::Listed | Kind::Paging);
    machine.observe(Observation { window, verdict: verdict(kind), q: None, is_listed }, hour * HOUR_MS)
}

#[test]
fn a_feature_warms_up_drifts_and_clears() {
    use Kind::{Few, Listed, Paging, Quiet, Uneasy};
    let kinds = [Few, Quiet, Listed, Quiet, Paging, Uneasy, Quiet, Quiet, Uneasy, Quiet, Quiet, Quiet, Uneasy];
    let expected = {
        use State::{Clearing, Drift, Ok, Warming, Warn};
        [Warming, Ok, Warn, Ok, Drift, Drift, Clearing, Clearing, Drift, Clearing, Clearing, Ok, Ok]
    };
    assert_eq!(states(&kinds), expected);
}

#[test]
fn too_few_rows_hide_a_drift_and_do_not_end_it() {
    use Kind::{Few, Paging, Quiet};
    assert_eq!(states(&[Paging, Few, Quiet]), [State::Drift, State::Insufficient, State::Clearing]);
    assert_eq!(states(&[Quiet, Few, Quiet]), [State::Ok, State::Insufficient, State::Ok]);
}

#[test]
fn a_state_that_is_too_old_is_unknown_until_the_next_judged_window() {
    let mut machine = Machine::new(PATIENCE, 0);
    step(&mut machine, Kind::Paging, 1);
    assert_eq!(machine.tick(11 * HOUR_MS), None);
    let stale = machine.tick(11 * HOUR_MS + 1).expect("a change");
    assert_eq!((stale.from, stale.to, stale.evidence), (State::Drift, State::Unknown, None));
    assert_eq!(machine.tick(12 * HOUR_MS), None);
    assert_eq!(step(&mut machine, Kind::Few, 13), None, "a window with too few rows makes nothing known");
    let back = step(&mut machine, Kind::Quiet, 14).expect("a change");
    assert_eq!((back.from, back.to), (State::Unknown, State::Clearing));
}

#[test]
fn a_change_carries_what_was_seen_and_when() {
    let mut machine = Machine::new(PATIENCE, 0);
    let change = step(&mut machine, Kind::Paging, 5).expect("a change");
    assert_eq!((change.from, change.to, change.at_ms), (State::Warming, State::Drift, 5 * HOUR_MS));
    let evidence = change.evidence.clone().expect("a window");
    assert_eq!(evidence.window, Span { start_ms: 4 * HOUR_MS, end_ms: 5 * HOUR_MS });
    assert!(matches!(evidence.verdict, Verdict::Judged(_)));
    let json = serde_json::to_value(&change).unwrap();
    assert_eq!((&json["to"], &json["evidence"]["verdict"]["kind"]), (&"drift".into(), &"judged".into()));
    assert_eq!(step(&mut machine, Kind::Paging, 6), None, "the same state again is no change");
}

#[test]
fn a_window_from_before_the_last_judged_one_changes_nothing() {
    let mut machine = Machine::new(PATIENCE, 0);
    step(&mut machine, Kind::Quiet, 5);
    assert_eq!(step(&mut machine, Kind::Paging, 4), None);
    assert_eq!(machine.state(), State::Ok);
}

#[test]
fn the_state_over_several_lengths_is_the_worst() {
    let states = [State::Ok, State::Clearing, State::Warn, State::Insufficient];
    assert_eq!(states.into_iter().max(), Some(State::Warn));
}

proptest! {
    #[test]
    fn a_drift_ends_only_after_quiet_windows_in_a_row(choices in vec(0..5_usize, 1..60)) {
        let kinds: Vec<Kind> = {
            use Kind::{Few, Listed, Paging, Quiet, Uneasy};
            choices.iter().map(|choice| [Quiet, Listed, Uneasy, Paging, Few][*choice]).collect()
        };
        let (mut is_drifting, mut quiet) = (false, 0);
        for (kind, state) in kinds.iter().zip(states(&kinds)) {
            match kind {
                Kind::Few => {
                    prop_assert!(matches!(state, State::Insufficient | State::Warming | State::Unknown));
                    continue;
                }
                Kind::Paging => (is_drifting, quiet) = (true, 0),
                Kind::Uneasy => quiet = 0,
                Kind::Quiet | Kind::Listed => quiet += 1,
            }
            is_drifting &= quiet < 3;
            prop_assert_eq!(matches!(state, State::Drift | State::Clearing), is_drifting, "{:?} after {:?}", state, kinds);
        }
    }

    #[test]
    fn every_change_begins_where_the_last_one_ended(choices in vec(0..5_usize, 1..60), gaps in vec(1..20_u64, 60)) {
        let mut machine = Machine::new(PATIENCE, 0);
        let (mut before, mut hour) = (machine.state(), 0);
        for (choice, gap) in choices.iter().zip(gaps) {
            hour += gap;
            let kind = [Kind::Quiet, Kind::Listed, Kind::Uneasy, Kind::Paging, Kind::Few][*choice];
            for change in [machine.tick(hour * HOUR_MS), step(&mut machine, kind, hour)].into_iter().flatten() {
                prop_assert!(change.from == before && change.to != before);
                before = change.to;
            }
            prop_assert_eq!(before, machine.state());
        }
    }
}
