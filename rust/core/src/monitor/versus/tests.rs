//! Two arms of callers who always ask alike: what is theirs is not taken for the version's.

use super::*;
use crate::oip::datatype::Datatype;
use crate::routing::sub_cell;
use crate::sketch::{self, Counts, Feature, Plan, Recipe, Tensor, Values};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

const SETTINGS: Settings = Settings { tolerated_psi: 0.0, list_fdr: 0.05, pages: None };

/// Numbers from 0 to 1 that are spread as evenly as numbers can be: the fractional parts of multiples of the golden ratio.
fn spread(at: usize) -> f32 {
    (at as f32 * 0.618_034).fract()
}

/// An input `x` and an output `y` of one FP32 column each, spread evenly from 0 to 1 in the reference.
fn plan() -> Plan {
    let tensor = |(name, direction): (&str, Direction)| {
        let values: Vec<f32> = (0..4_000).map(spread).collect();
        let kind = sketch::build(Datatype::Fp32, Values::F32(&values), &Recipe { bins: 5, ..Recipe::default() });
        let kind = kind.expect("numbers have a reference");
        let feature = Feature { name: name.to_owned(), column: 0, weight: 1.0, nullable: false, kind };
        let (name, features) = (name.to_owned(), vec![feature]);
        Tensor { name, direction, datatype: Datatype::Fp32, width: 1, in_sample: false, rows: 4_000, features }
    };
    let tensors = [("x", Direction::Input), ("y", Direction::Output)].into_iter().map(tensor).collect();
    Plan::new(Arc::new(Profile::new(4_000, None, None, tensors)))
}

/// The sub-cells of both features: what `row` says of each row of each caller of an arm, by the caller's own sub-cell.
fn arm(plan: &Plan, callers: usize, rows: usize, row: impl Fn(usize, usize) -> [f32; 2]) -> [Vec<Cell>; 2] {
    let mut counts: Vec<Counts<u32>> = (0..drift::design_effect::SUB_CELLS).map(|_| Counts::new(plan)).collect();
    for caller in 0..callers {
        let own = &mut counts[usize::from(sub_cell(format!("caller-{caller}").as_bytes()))];
        for at in 0..rows {
            for (tensor, value) in row(caller, at).into_iter().enumerate() {
                own.count_column(plan, tensor, 0, Values::F32(&[value])).expect("the column is of its tensor");
            }
        }
    }
    [0, 1].map(|feature| counts.iter().map(|counts| counts.cell(plan, feature)).collect())
}

fn compared(plan: &Plan, [reference, current]: [[Vec<Cell>; 2]; 2], settings: &Settings) -> Vec<Difference> {
    let features = reference.into_iter().zip(current).map(|(reference, current)| Ok(Arms { reference, current }));
    compare(plan.profile(), &[1.0; 2], features.collect(), settings).expect("both sides have the same bins")
}

/// A caller whose every row is its own number, drawn by chance, and some noise.
fn habitual(seed: usize) -> impl Fn(usize, usize) -> [f32; 2] {
    move |caller, at| {
        let drawn = xxh3_64(format!("{seed} {caller}").as_bytes());
        let habit = (drawn >> 40) as f32 / (1 << 24) as f32;
        [habit, (0.9 * habit + 0.1 * spread(at)).clamp(0.0, 1.0)]
    }
}

#[test]
fn callers_that_ask_alike_are_no_difference_of_versions() {
    let plan = plan();
    let arms = [arm(&plan, 400, 30, habitual(1)), arm(&plan, 400, 30, habitual(2_801))];
    let naive = |feature: usize| {
        let [reference, current] = arms.each_ref().map(|arm| sum(&samples(&arm[feature])));
        let (reference, current) = (reference.bins, current.bins);
        let counts = |bins| drift::judge::Counts { bins, new: 0, missing: 0 };
        let question = Question {
            reference: counts(&reference),
            current: counts(&current),
            wander: Wander::UNKNOWN,
            design_effect: None,
            tolerated: 0.0,
            alpha: 0.05,
        };
        drift::look(&question).expect("the same bins").p_tolerated().expect("rows suffice")
    };
    let found = compared(&plan, arms.clone(), &SETTINGS);
    for (at, difference) in found.iter().enumerate() {
        assert_eq!((difference.state, difference.n, difference.m), (State::Ok, 12_000, 12_000), "{difference:?}");
        let effect = difference.design_effect.expect("there are callers enough");
        assert!(effect.reference > 3.0 && effect.current > 3.0, "{effect:?}");
        let judgement = difference.judgement.as_ref().expect("rows suffice");
        assert!(naive(at) < SETTINGS.list_fdr, "were rows independent, it would be listed: {}", naive(at));
        assert!(judgement.p_no_drift > 0.05, "{judgement:?}");
        assert_eq!(difference.reason, None);
    }
}

#[test]
fn a_version_that_predicts_differently_is_listed_and_the_split_is_not() {
    let plan = plan();
    let shifted = |caller: usize, at: usize| {
        let [x, y] = habitual(2_801)(caller, at);
        [x, (y + 0.2).min(1.0)]
    };
    let found = compared(&plan, [arm(&plan, 400, 30, habitual(1)), arm(&plan, 400, 30, shifted)], &SETTINGS);
    assert_eq!((found[0].state, found[1].state), (State::Ok, State::Warn));
    let judgement = found[1].judgement.as_ref().expect("rows suffice");
    assert!(judgement.psi > judgement.threshold && judgement.threshold > judgement.expected);
    assert_eq!(found[1].q, Some(judgement.p_tolerated), "it stands alone in the list of predictions");
    assert!(matches!(found[1].verdict(), Verdict::Judged(judgement) if !judgement.may_page));
}

#[test]
fn predictions_that_differ_leave_the_places_of_inputs_as_they_are() {
    let plan = plan();
    let shifted = |caller: usize, at: usize| [habitual(2_801)(caller, at)[0], 0.9];
    let alike = compared(&plan, [arm(&plan, 400, 30, habitual(1)), arm(&plan, 400, 30, habitual(2_801))], &SETTINGS);
    let found = compared(&plan, [arm(&plan, 400, 30, habitual(1)), arm(&plan, 400, 30, shifted)], &SETTINGS);
    assert_eq!(found[0].q, alike[0].q);
    let threshold = |found: &Difference| found.judgement.as_ref().map(|judgement| judgement.threshold);
    assert_eq!(threshold(&found[0]), threshold(&alike[0]));
}

#[test]
fn a_few_callers_are_insufficient_however_many_rows_they_send() {
    let plan = plan();
    let found = compared(&plan, [arm(&plan, 400, 30, habitual(1)), arm(&plan, 5, 3_000, habitual(2))], &SETTINGS);
    for difference in found {
        assert_eq!((difference.state, difference.m), (State::Insufficient, 15_000));
        assert!(difference.judgement.is_none() && difference.design_effect.is_none());
        let reason = difference.reason.expect("a sentence");
        assert!(reason.contains("of the 8 sub-cells of an arm have rows"), "{reason}");
    }
}

#[test]
fn a_few_rows_of_many_callers_are_insufficient_and_say_how_much_they_are_worth() {
    let plan = plan();
    // Their sub-cells are of one size, and each caller has one row.
    let few: Vec<Cell> = (0..8).map(|_| arm(&plan, 1, 1, |_, at| [spread(at), 0.5])).map(|[x, _]| sum_of(x)).collect();
    let many = arm(&plan, 400, 30, habitual(1));
    let arms = Arms { reference: many[0].clone(), current: few };
    assert!(!arms.has_enough_rows());
    assert!(Arms { reference: many[0].clone(), current: many[1].clone() }.has_enough_rows());
    let found = compare(plan.profile(), &[1.0; 2], vec![Ok(arms), Err("no such output".to_owned())], &SETTINGS);
    let found = found.expect("the same bins");
    assert_eq!((found[0].state, found[1].state), (State::Insufficient, State::Unknown));
    assert_eq!((found[0].n, found[0].m), (12_000, 8));
    let reason = found[0].reason.clone().expect("a sentence");
    assert!(reason.contains("independent ones; five for each deciding bin are needed"), "{reason}");
    assert_eq!(found[1].reason.as_deref(), Some("no such output"));
}

/// The one filled cell of a caller's sub-cells.
fn sum_of(cells: Vec<Cell>) -> Cell {
    cells.into_iter().find(|cell| cell.rows() > 0).expect("the caller has a sub-cell")
}

#[test]
fn a_few_callers_that_always_miss_a_value_say_nothing_of_the_version() {
    let plan = plan();
    let missing = |caller: usize, at: usize| {
        let [x, y] = habitual(2_801)(caller, at);
        [if caller % 100 == 17 { f32::NAN } else { x }, y]
    };
    let found = compared(&plan, [arm(&plan, 400, 30, habitual(1)), arm(&plan, 400, 30, missing)], &SETTINGS);
    // A hundred and twenty rows against none, were they independent, would be one in 10³⁶; they are four callers.
    assert!(found[0].missing.is_none() && found[0].state == State::Ok, "{:?}", found[0].missing);
    let everybody = |caller: usize, at: usize| {
        let [x, y] = habitual(2_801)(caller, at);
        [if at.is_multiple_of(3) { f32::NAN } else { x }, y]
    };
    let found = compared(&plan, [arm(&plan, 400, 30, habitual(1)), arm(&plan, 400, 30, everybody)], &SETTINGS);
    assert_eq!((found[0].state, found[1].state), (State::Warn, State::Ok));
    assert!(found[0].missing.expect("a third is missing").q < 1e-6);
}

#[test]
fn nothing_counted_is_insufficient_everywhere() {
    let plan = plan();
    let nobody = || arm(&plan, 0, 0, |_, _| [0.0; 2]);
    let found = compared(&plan, [nobody(), nobody()], &SETTINGS);
    assert!(found.iter().all(|found| found.state == State::Insufficient && found.missing.is_none()));
}
