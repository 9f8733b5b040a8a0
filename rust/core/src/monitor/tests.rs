//! A small profile, and what is found when its own rows, or others, are counted.

use super::{Finding, Reference, Settings, judge, wanders, weights};
use crate::drift::cause::Cause;
use crate::drift::states::State;
use crate::oip::datatype::Datatype;
use crate::sketch::{self, Counts, Direction, Feature, Plan, Profile, Recipe, Tensor, Values};
use proptest::prelude::*;
use std::sync::Arc;

const SETTINGS: Settings = Settings { tolerated_psi: 0.05, list_fdr: 0.05, pages: None };
const NAMES: [&str; 3] = ["hour", "fare", "gate"];

/// Numbers that are spread as evenly as numbers can be: the fractional parts of multiples of the golden ratio.
fn spread(rows: usize, from: f32) -> Vec<f32> {
    (0..rows).map(|at| from + (at as f32 * 0.618_034).fract()).collect()
}

/// A tensor of one FP32 column for each of three names, made of `rows` even numbers from 0 to 1.
fn plan(rows: usize, weights: [f64; 3]) -> Plan {
    let tensor = |(name, weight): (&str, f64)| {
        let kind = sketch::build(Datatype::Fp32, Values::F32(&spread(rows, 0.0)), &Recipe::default());
        let feature = Feature {
            name: name.to_owned(),
            column: 0,
            weight,
            nullable: false,
            kind: kind.expect("numbers have a reference"),
        };
        Tensor {
            name: name.to_owned(),
            direction: Direction::Input,
            datatype: Datatype::Fp32,
            width: 1,
            in_sample: false,
            rows: rows as u64,
            features: vec![feature],
        }
    };
    let tensors = NAMES.into_iter().zip(weights).map(tensor).collect();
    Plan::new(Arc::new(Profile::new(rows as u64, None, None, tensors)))
}

/// What is found when these columns are counted.
fn found(plan: &Plan, columns: [&[f32]; 3]) -> Vec<Finding> {
    let mut counts = Counts::<u32>::new(plan);
    for (tensor, values) in columns.into_iter().enumerate() {
        counts.count_column(plan, tensor, 0, Values::F32(values)).expect("the column is of its tensor");
    }
    let cells: Vec<_> = (0..3).map(|feature| counts.cell(plan, feature)).collect();
    let profile = plan.profile();
    let reference = Reference { profile, wanders: &wanders(profile), weights: &weights(profile) };
    judge(&reference, &cells, SETTINGS).expect("both sides have the same bins")
}

fn states(findings: &[Finding]) -> [State; 3] {
    [findings[0].state, findings[1].state, findings[2].state]
}

#[test]
#[expect(clippy::float_cmp, reason = "equal counts are exactly nothing apart")]
fn own_rows_have_a_psi_of_nothing_and_are_not_listed() {
    let rows = spread(4_000, 0.0);
    let findings = found(&plan(4_000, [1.0; 3]), [&rows, &rows, &rows]);
    assert_eq!(states(&findings), [State::Ok; 3]);
    for finding in findings {
        assert_eq!(finding.judgement.expect("rows suffice").psi, 0.0);
        assert_eq!((finding.n, finding.m), (4_000, 4_000));
    }
}

#[test]
fn a_feature_that_moves_is_listed_and_the_others_are_not() {
    let (still, moved) = (spread(4_000, 0.0), spread(4_000, 0.3));
    let findings = found(&plan(4_000, [1.0; 3]), [&still, &moved, &still]);
    assert_eq!(states(&findings), [State::Ok, State::Warn, State::Ok]);
    assert!(findings[1].q.expect("it was tested") < 1e-9);
}

#[test]
#[expect(clippy::float_cmp, reason = "all of the rows are exactly all of them")]
fn a_column_that_has_gone_missing_is_listed_though_nothing_of_it_is_in_a_bin() {
    let (still, missing) = (spread(4_000, 0.0), vec![f32::NAN; 4_000]);
    let findings = found(&plan(4_000, [1.0; 3]), [&still, &missing, &still]);
    assert_eq!(states(&findings), [State::Ok, State::Warn, State::Ok]);
    assert!(findings[1].judgement.is_none());
    assert_eq!(findings[1].missing.expect("it was tested").share.current, 1.0);
}

#[test]
fn minutes_for_hours_are_named_and_so_is_a_stuck_value() {
    let still = spread(4_000, 1.0);
    let hours = spread(4_000, 0.0);
    let minutes: Vec<f32> = hours.iter().map(|hour| 60.0 * hour).collect();
    let stuck = vec![0.5; 4_000];
    let findings = found(&plan(4_000, [1.0; 3]), [&hours, &minutes, &stuck]);
    assert_eq!(findings[0].cause, None);
    assert_eq!(findings[1].cause, Some(Cause::UnitChange { factor: 60.0, offset: 0.0 }));
    assert_eq!(findings[2].cause, Some(Cause::StuckValue { value: 0.5 }));
    let findings = found(&plan(4_000, [1.0; 3]), [&still, &still, &still]);
    assert!(findings.iter().all(|finding| finding.state == State::Warn && finding.cause.is_none()));
}

#[test]
fn too_few_rows_are_insufficient_and_take_no_place_in_the_list() {
    let (still, few) = (spread(4_000, 0.0), spread(9, 0.3));
    let findings = found(&plan(4_000, [1.0; 3]), [&still, &few, &few]);
    assert_eq!(states(&findings), [State::Ok, State::Insufficient, State::Insufficient]);
    assert_eq!(findings[1].q, None);
    // One test stands alone in the list, so its q is its p.
    let judgement = findings[0].judgement.as_ref().expect("rows suffice");
    assert_eq!(findings[0].q, Some(judgement.p_tolerated));
}

#[test]
fn nothing_counted_is_insufficient_everywhere() {
    assert_eq!(states(&found(&plan(400, [1.0; 3]), [&[], &[], &[]])), [State::Insufficient; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The threshold is what decides, shown: features are listed if and only if their PSI lies above it.
    #[test]
    fn listed_is_whose_psi_exceeds_its_threshold(
        from in prop::array::uniform3(0.0f32..0.4),
        rows in 200usize..4_000,
        weights in prop::array::uniform3(0.1f64..10.0),
    ) {
        let columns = from.map(|from| spread(rows, from));
        let findings = found(&plan(2_000, weights), [&columns[0], &columns[1], &columns[2]]);
        for finding in findings {
            let judgement = finding.judgement.expect("rows suffice");
            let gap = (judgement.psi - judgement.threshold).abs();
            // Where both are one to a part in a million, the inverse of the law may round either way.
            prop_assert!(
                (finding.state == State::Warn) == judgement.exceeds || gap < 1e-6 * judgement.threshold,
                "{:?} psi {} threshold {} q {:?}", finding.state, judgement.psi, judgement.threshold, finding.q
            );
        }
    }
}
