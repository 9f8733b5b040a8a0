//! Which decision an answer stands for, and when it flips.

use super::super::{FlipReport, Flipped, Scalar};
use super::*;

fn flips(rule: Option<DecisionRule>, primary: &[Output], shadow: &[Output]) -> FlipReport {
    compared(rule, primary, shadow).flips
}

/// Requests, of these flipped, rows, of these flipped.
fn counts(report: &FlipReport) -> (u64, u64, u64, u64) {
    (report.requests, report.flipped, report.rows, report.flipped_rows)
}

#[test]
fn a_rule_flips_rows_that_cross_its_threshold() {
    let primary = [floats("p", &[4, 1], &[0.5, 0.49, 0.9, 0.1]), integers("label", &[4], &[1, 2, 3, 4])];
    let shadow = [floats("p", &[4, 1], &[0.4, 0.5, 0.6, 0.2]), integers("label", &[4], &[4, 3, 2, 1])];
    let report = flips(Some(rule("p", 0.5)), &primary, &shadow);
    assert_eq!(report.rule.as_deref(), Some("p >= 0.5"));
    assert_eq!(counts(&report), (1, 1, 4, 2));
    assert_eq!(report.share, Some(1.0));
    assert!(report.low.is_some_and(|low| low > 0.2 && low < 0.21) && report.high == Some(1.0));
}

#[test]
fn nothing_that_is_not_a_number_reaches_a_threshold() {
    let one = |value| [floats("p", &[1], &[value])];
    assert_eq!(counts(&flips(Some(rule("p", 0.5)), &one(f32::NAN), &one(0.7))), (1, 1, 1, 1));
    assert_eq!(counts(&flips(Some(rule("p", 0.5)), &one(f32::NAN), &one(0.3))), (1, 0, 1, 0));
    assert_eq!(counts(&flips(Some(rule("p", 0.5)), &one(f32::INFINITY), &one(0.7))), (1, 0, 1, 0));
}

#[test]
fn a_rule_whose_output_is_missing_or_unlike_or_text_judges_nothing() {
    let primary = [floats("p", &[1], &[1.0])];
    let others = [floats("q", &[1], &[0.0])];
    assert_eq!(counts(&flips(Some(rule("p", 0.5)), &primary, &others)), (0, 0, 0, 0));
    assert_eq!(counts(&flips(Some(rule("p", 0.5)), &primary, &[floats("p", &[1, 1], &[0.0])])), (0, 0, 0, 0));
    let texts = |text| [strings("p", &[1], &[text])];
    let report = flips(Some(rule("p", 0.5)), &texts("a"), &texts("b"));
    assert_eq!((counts(&report), report.share, report.rule.as_deref()), ((0, 0, 0, 0), None, Some("p >= 0.5")));
}

#[test]
fn without_a_rule_the_largest_score_decides() {
    let primary = [integers("label", &[3], &[0, 1, 2]), floats("p", &[3, 2], &[0.9, 0.1, 0.5, 0.5, 0.2, 0.8])];
    let shadow = [integers("label", &[3], &[9, 9, 9]), floats("p", &[3, 2], &[0.6, 0.4, 0.6, 0.4, 0.7, 0.3])];
    let report = flips(None, &primary, &shadow);
    assert_eq!((report.rule.as_deref(), counts(&report)), (Some("argmax"), (1, 1, 3, 1)));
}

#[test]
fn the_first_of_equal_scores_wins_and_a_nan_never_does() {
    let scores = |values: [f32; 3]| [floats("p", &[1, 3], &values)];
    for (primary, shadow, flipped) in [
        ([0.5, 0.5, 0.1], [0.9, 0.5, 0.1], 0),
        ([0.5, 0.5, 0.1], [0.5, 0.6, 0.1], 1),
        ([f32::NAN, 0.1, 0.2], [0.0, 0.1, 0.2], 0),
        ([f32::NAN, f32::NAN, f32::NAN], [0.3, 0.1, 0.2], 0),
        ([f32::NAN, f32::NEG_INFINITY, f32::NAN], [0.1, 0.3, 0.2], 0),
    ] {
        let report = flips(None, &scores(primary), &scores(shadow));
        assert_eq!(counts(&report), (1, flipped, 1, flipped), "{primary:?} against {shadow:?}");
    }
}

#[test]
fn scores_of_several_axes_decide_within_their_row() {
    let primary = [floats("p", &[2, 2, 2], &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])];
    let shadow = [floats("p", &[2, 2, 2], &[1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0])];
    assert_eq!(counts(&flips(None, &primary, &shadow)), (1, 1, 2, 1));
}

#[test]
fn without_scores_unequal_labels_flip() {
    let primary = [floats("minutes", &[2, 1], &[1.0, 2.0]), strings("label", &[2], &["late", "early"])];
    let shadow = [floats("minutes", &[2, 1], &[3.0, 4.0]), strings("label", &[2], &["late", "late"])];
    let report = compared(None, &primary, &shadow);
    assert_eq!((report.flips.rule.as_deref(), counts(&report.flips)), (Some("equality"), (1, 1, 2, 1)));
    let example = Flipped {
        prediction_id: "a".to_owned(),
        output: "label".to_owned(),
        row: 1,
        primary: Scalar::Text("early".to_owned()),
        shadow: Scalar::Text("late".to_owned()),
    };
    assert_eq!(report.flipped_examples, [example]);
}

#[test]
fn a_row_of_several_outputs_flips_once() {
    let primary = [integers("a", &[2], &[1, 1]), integers("b", &[3], &[1, 1, 1])];
    let shadow = [integers("a", &[2], &[2, 1]), integers("b", &[3], &[2, 1, 2])];
    assert_eq!(counts(&flips(None, &primary, &shadow)), (1, 1, 3, 2));
}

#[test]
fn amounts_alone_decide_nothing() {
    let report = flips(None, &[floats("minutes", &[2], &[1.0, 2.0])], &[floats("minutes", &[2], &[2.0, 1.0])]);
    assert_eq!((report.rule, report.requests, report.share), (None, 0, None));
}

#[test]
fn the_most_recent_flips_are_kept() {
    let mut comparison = Comparison::new(Some(rule("p", 0.5)));
    let (below, above) = (raw(&[floats("p", &[1], &[0.25])]), raw(&[floats("p", &[1], &[0.75])]));
    for at in 0..100 {
        comparison.record(&format!("id-{at}"), &answered(&below), &answered(&above));
    }
    let report = comparison.report();
    assert_eq!((report.flips.requests, report.flips.flipped), (100, 100));
    let ids: Vec<_> = report.flipped_examples.iter().map(|example| example.prediction_id.clone()).collect();
    assert_eq!(ids, (84..100).rev().map(|at| format!("id-{at}")).collect::<Vec<_>>());
}
