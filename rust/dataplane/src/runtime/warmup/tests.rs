use super::{Findings, LONGEST_NS, warm_up};
use crate::drive::clock::Clock;
use crate::runtime::Model;
use crate::testing::clock::HandClock;
use crate::testing::model::{Made, Scripted, Seen};
use crate::testing::onnx::{FLOAT, STRING, add, centred, identity, lookup};
use crate::testing::request::message;
use crate::testing::runtime::load;
use bytes::Bytes;
use std::sync::Arc;
use tidegate_core::plane::CostModel;

fn warmed(model: &dyn Model, max_rows: u32, forced: Option<bool>, clock: &dyn Clock) -> Findings {
    warm_up(model, max_rows, forced, &[], clock).expect("nothing was recorded")
}

/// Why a file's model is not batched; `None` if it is.
fn verdict(model: &[u8]) -> Option<String> {
    warmed(load(model).as_ref(), 64, None, HandClock::new().as_ref()).unbatched
}

fn verdict_of(script: impl Fn(&Seen) -> Result<Made, String> + Send + Sync + 'static) -> Option<String> {
    warmed(&Scripted::new(script), 64, None, HandClock::new().as_ref()).unbatched
}

#[test]
fn models_whose_rows_are_independent_are_batched() {
    assert_eq!(verdict(&add()), None);
    assert_eq!(verdict(&lookup()), None);
    // Every element type, the half-precision ones included.
    for element in (1..=13).chain([16]) {
        assert_eq!(verdict(&identity(element, &[-1, 2])), None, "element type {element}");
    }
    assert_eq!(verdict(&identity(STRING, &[-1])), None);
    assert_eq!(verdict(&identity(FLOAT, &[-1, -1])), None, "other dynamic axes do no harm");
}

#[test]
fn a_model_that_mixes_rows_is_not_batched_although_it_looks_like_any_other() {
    let reason = verdict(&centred()).expect("its rows depend on each other");
    assert!(reason.starts_with("rows depend on each other: output \"y\""), "{reason}");
}

/// An element of the answer, by its place, the columns of a row, and all that is in the batch.
type Mixer = fn(usize, usize, &[f32]) -> f32;

#[test]
fn every_way_of_mixing_rows_is_found() {
    let mixers: [(&str, Mixer); 5] = [
        ("counts the rows", |_, _, all| all.len() as f32),
        ("adds up what came before", |at, _, all| all[..=at].iter().sum()),
        ("knows its place", |at, columns, all| all[at] + (at / columns) as f32),
        ("turns the rows round", |at, _, all| all[all.len() - 1 - at]),
        ("leans a little on the largest", |at, _, all| all[at] + 1e-3 * all.iter().fold(0.0, |a, b| f32::max(a, *b))),
    ];
    for (name, mixer) in mixers {
        let reason = verdict_of(move |seen| {
            let columns = seen.columns() as usize;
            let values = (0..seen.values.len()).map(|at| mixer(at, columns, &seen.values)).collect();
            Ok(Made { values, ..seen.doubled() })
        });
        let found = reason.is_some_and(|reason| reason.starts_with("rows depend on each other: output \"y\""));
        assert!(found, "a model that {name}");
    }
}

#[test]
fn rounding_that_differs_with_the_batch_is_forgiven_in_numbers_and_not_in_texts() {
    let nudged = |seen: &Seen| {
        let nudge = if seen.shapes.len() > 1 { 1.0 + 2e-7 } else { 1.0 };
        let values = seen.values.iter().map(|value| (value + 1.0) * nudge).collect();
        Made { values, ..seen.doubled() }
    };
    // The scripted model writes its numbers out as its second output.
    let reason = verdict_of(move |seen| Ok(nudged(seen))).expect("the texts differ");
    assert!(reason.contains("output \"label\""), "{reason}");
}

#[test]
fn outputs_without_a_row_for_each_row_are_not_batched() {
    let reason = verdict_of(|seen| Ok(Made { dims: vec![1, 1], values: vec![seen.values.iter().sum()] }));
    assert_eq!(reason.as_deref(), Some("output \"y\" does not have one row for each row of the inputs"));
}

#[test]
fn a_form_that_cannot_carry_rows_is_not_batched_and_says_why() {
    let fixed = verdict(&identity(FLOAT, &[2, 2])).expect("a reason");
    assert_eq!(fixed, "the first axis of input \"x\" is fixed at 2, not dynamic");
    let scalar = verdict(&identity(FLOAT, &[])).expect("a reason");
    assert_eq!(scalar, "input \"x\" is a scalar, it has no first axis to carry rows");
}

#[test]
fn a_model_that_fails_with_generated_inputs_runs_unbatched_and_unmeasured() {
    let model = Scripted::new(|_| Err("it wants other numbers".to_owned()));
    let findings = warmed(&model, 64, None, HandClock::new().as_ref());
    let reason = "a warm-up run with generated inputs failed: it wants other numbers";
    assert_eq!(findings.unbatched.as_deref(), Some(reason));
    assert!(findings.costs.is_empty());
}

#[test]
fn batching_by_hand_wins_over_what_is_found_but_not_over_the_form() {
    let clock = HandClock::new();
    let by_hand = |model: &[u8], forced| warmed(load(model).as_ref(), 64, Some(forced), clock.as_ref()).unbatched;
    assert_eq!(by_hand(&centred(), true), None);
    assert_eq!(by_hand(&add(), false).as_deref(), Some("batching is switched off by hand"));
    assert!(by_hand(&identity(FLOAT, &[2, 2]), true).is_some());
}

/// A model that takes a microsecond and a nanosecond an element.
fn timed(clock: &Arc<HandClock>, nanos: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Scripted {
    let clock = Arc::clone(clock);
    Scripted::new(move |seen| {
        clock.advance(nanos(seen.values.len() as u64));
        Ok(seen.doubled())
    })
}

#[test]
fn the_cost_is_measured_up_to_the_largest_batch_and_predicts_what_was_measured() {
    let clock = HandClock::new();
    let model = timed(&clock, |elements| 1_000 + elements);
    let findings = warmed(&model, 32, None, clock.as_ref());
    let expected: Vec<(u64, u64)> = [1, 2, 4, 8, 16, 32].map(|rows| (rows * 2, 1_000 + rows * 2)).to_vec();
    assert_eq!(findings.costs, expected);
    let cost = CostModel::fit(&findings.costs);
    assert!(cost.predict(64).abs_diff(1_064) <= 1, "{}", cost.predict(64));
}

#[test]
fn the_cost_points_of_a_real_model_grow() {
    let findings = warmed(load(&add()).as_ref(), 1_000, None, &crate::drive::clock::SystemClock::new());
    let elements: Vec<u64> = findings.costs.iter().map(|(elements, _)| *elements).collect();
    assert_eq!(elements, [1, 2, 4, 8, 16, 32, 64, 128].map(|rows| rows * 2));
    assert!(findings.costs.iter().all(|(_, nanos)| *nanos > 0));
}

#[test]
fn an_unbatched_model_is_measured_with_longer_axes_if_it_has_any() {
    let clock = HandClock::new();
    let free = warmed(load(&identity(FLOAT, &[2, -1])).as_ref(), 64, None, clock.as_ref());
    assert_eq!(free.costs.iter().map(|(elements, _)| *elements).collect::<Vec<_>>(), [4, 8, 16]);
    let fixed = warmed(load(&identity(FLOAT, &[2, 2])).as_ref(), 64, None, clock.as_ref());
    assert_eq!(fixed.costs.iter().map(|(elements, _)| *elements).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_slow_model_is_not_measured_for_long() {
    let clock = HandClock::new();
    let model = timed(&clock, |_| LONGEST_NS + 1);
    let findings = warmed(&model, 64, None, clock.as_ref());
    assert_eq!(findings.costs, [(2, LONGEST_NS + 1)]);
    let compared = 6 + 3;
    assert_eq!(model.runs().len(), compared + 1);
}

/// Recorded requests of one column, as the version `m/1` answered them.
fn recorded(values: &[f32]) -> Vec<(String, Bytes)> {
    values.iter().map(|value| ("m/1".to_owned(), message("m", 1, &[*value]))).collect()
}

#[test]
fn recorded_requests_are_run_before_a_caller_comes() {
    let model = Scripted::honest();
    warm_up(&model, 64, None, &recorded(&[7.5, 8.5]), HandClock::new().as_ref()).expect("it answers them");
    let last: Vec<f32> = model.runs().iter().rev().take(2).map(|seen| seen.values[0]).collect();
    assert_eq!(last, [8.5, 7.5]);
}

#[test]
fn a_model_that_fails_on_all_that_others_answered_is_refused_with_who_did() {
    let model =
        Scripted::new(
            |seen| {
                if seen.values.contains(&7.5) { Err("no such entry".to_owned()) } else { Ok(seen.doubled()) }
            },
        );
    let warm = |values: &[f32]| warm_up(&model, 64, None, &recorded(values), HandClock::new().as_ref());
    let reason = warm(&[7.5]).expect_err("it fails on the only one");
    assert_eq!(reason, "it fails on every recorded request, which m/1 answered: no such entry");
    assert!(warm(&[7.5, 8.5]).is_ok(), "one bad request says little");
}
