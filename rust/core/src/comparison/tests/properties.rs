//! Laws, tried on answers nobody thought of.

use super::*;
use crate::fault::Code;
use proptest::collection::vec;
use proptest::prelude::*;

/// How one side of a request ended, as a test holds it.
#[derive(Clone, Debug)]
enum End {
    Answer(Vec<Output>, u64),
    Garbage,
    Failure(Code),
    GivenUp,
}

impl End {
    fn message(&self) -> Vec<u8> {
        match self {
            Self::Answer(outputs, _) => raw(outputs),
            _ => vec![0xff],
        }
    }

    fn ending<'a>(&self, message: &'a [u8]) -> Ending<'a> {
        match self {
            Self::Answer(_, took) => Ending::Answered { message, took: *took },
            Self::Garbage => Ending::Answered { message, took: 1 },
            Self::Failure(code) => Ending::Failed { code: *code },
            Self::GivenUp => Ending::Abandoned,
        }
    }
}

fn any_output() -> impl Strategy<Value = Output> {
    let number = || prop_oneof![4 => -2.0..2.0_f32, 1 => any::<f32>(), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)];
    prop_oneof![
        (0..3_i64, 1..4_i64).prop_flat_map(move |(rows, extent)| {
            vec(number(), (rows * extent) as usize).prop_map(move |values| floats("p", &[rows, extent], &values))
        }),
        vec(any::<f64>(), 0..3).prop_map(|values| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            output("wide", Datatype::Fp64, &[values.len() as i64], bytes)
        }),
        vec(prop_oneof![0..3_i64, any::<i64>()], 0..3).prop_map(|values| integers(
            "label",
            &[values.len() as i64],
            &values
        )),
        vec("[ab]{0,2}", 0..3).prop_map(|values| {
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            strings("text", &[texts.len() as i64], &texts)
        }),
    ]
}

fn any_end() -> impl Strategy<Value = End> {
    let outputs = vec(any_output(), 0..4).prop_map(|mut outputs| {
        outputs.sort_by(|left, right| left.name.cmp(&right.name));
        outputs.dedup_by(|left, right| left.name == right.name);
        outputs
    });
    prop_oneof![
        8 => (outputs, any::<u64>()).prop_map(|(outputs, took)| End::Answer(outputs, took)),
        1 => Just(End::Garbage),
        1 => prop_oneof![Just(Code::Internal), Just(Code::Unavailable)].prop_map(End::Failure),
        1 => Just(End::GivenUp),
    ]
}

fn any_rule() -> impl Strategy<Value = Option<DecisionRule>> {
    prop_oneof![Just(None), (-1.0..1.0_f64).prop_map(|threshold| Some(rule("p", threshold)))]
}

fn record_all<'a>(rule: Option<DecisionRule>, ends: impl IntoIterator<Item = &'a (End, End)>) -> Report {
    let mut comparison = Comparison::new(rule);
    for (primary, shadow) in ends {
        let (ours, theirs) = (primary.message(), shadow.message());
        comparison.record("a", &primary.ending(&ours), &shadow.ending(&theirs));
    }
    comparison.report()
}

/// The whole numbers of a report, by output's name.
fn counts(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut outputs: Vec<_> = report
        .outputs
        .iter()
        .map(|one| (one.name.clone(), one.requests, one.unlike, one.rows, one.unequal_rows))
        .collect();
    outputs.sort();
    let flips = &report.flips;
    let of_flips = (flips.rule.clone(), flips.requests, flips.flipped, flips.rows, flips.flipped_rows);
    (outputs, of_flips, report.answered, report.unreadable, report.abandoned, report.latency_ratio.requests)
}

proptest! {
    #[test]
    fn every_request_is_counted_once(ends in vec((any_end(), any_end()), 0..20), rule in any_rule()) {
        let report = record_all(rule, &ends);
        let errors = &report.errors;
        let failed = errors.primary_only + errors.shadow_only + errors.both_alike + errors.both_different;
        prop_assert_eq!(report.pairs, ends.len() as u64);
        prop_assert_eq!(report.abandoned + report.unreadable + report.answered + failed, report.pairs);
        prop_assert_eq!(errors.table.iter().map(|row| row.count).sum::<u64>(), failed);
        prop_assert_eq!(report.latency_ratio.requests, report.answered);
        for output in &report.outputs {
            prop_assert!(output.requests + output.unlike <= report.answered);
            prop_assert!(output.unequal_rows <= output.rows);
            let binned: u64 = output.abs_histogram.iter().map(|bin| bin.2).sum();
            prop_assert_eq!(binned, if output.datatype == "BYTES" { 0 } else { output.requests });
        }
        prop_assert!(report.flips.flipped <= report.flips.requests && report.flips.requests <= report.answered);
        prop_assert!(report.flips.flipped_rows <= report.flips.rows);
    }

    #[test]
    fn identical_answers_differ_by_nothing(ends in vec(any_end(), 0..10), rule in any_rule()) {
        let twice: Vec<_> = ends.into_iter().map(|end| (end.clone(), end)).collect();
        let report = record_all(rule, &twice);
        for output in &report.outputs {
            prop_assert_eq!((output.unlike, output.unequal_rows), (0, 0));
            prop_assert!(output.max_abs.is_none_or(|max| max == 0.0) && output.max_rel.is_none_or(|max| max == 0.0));
        }
        prop_assert_eq!((report.flips.flipped, report.flips.flipped_rows), (0, 0));
        prop_assert_eq!((report.worst.len(), report.flipped_examples.len()), (0, 0));
        prop_assert!(report.latency_ratio.geometric_mean.is_none_or(|mean| (mean - 1.0).abs() < 1e-12));
        prop_assert_eq!(report.errors.primary_only + report.errors.shadow_only + report.errors.both_different, 0);
    }

    #[test]
    fn primary_and_shadow_may_change_places(ends in vec((any_end(), any_end()), 0..20), rule in any_rule()) {
        let swapped: Vec<_> = ends.iter().map(|(primary, shadow)| (shadow.clone(), primary.clone())).collect();
        let (report, mirror) = (record_all(rule.clone(), &ends), record_all(rule, &swapped));
        prop_assert_eq!(counts(&report), counts(&mirror));
        prop_assert_eq!(report.errors.primary_only, mirror.errors.shadow_only);
        prop_assert_eq!(report.errors.both_different, mirror.errors.both_different);
        for output in &report.outputs {
            let other = mirror.outputs.iter().find(|other| other.name == output.name).expect("the same names");
            prop_assert_eq!((output.max_abs, output.mean_abs), (other.max_abs, other.mean_abs));
            prop_assert_eq!((output.max_rel, output.p99_rel), (other.max_rel, other.p99_rel));
            prop_assert_eq!(&output.abs_histogram, &other.abs_histogram);
        }
    }

    #[test]
    fn the_order_of_records_does_not_change_a_count(
        (ends, shuffled) in vec((any_end(), any_end()), 0..20)
            .prop_flat_map(|ends| (Just(ends.clone()), Just(ends).prop_shuffle())),
        rule in any_rule(),
    ) {
        let (report, other) = (record_all(rule.clone(), &ends), record_all(rule, &shuffled));
        prop_assert_eq!(counts(&report), counts(&other));
        prop_assert_eq!(&report.errors, &other.errors);
        for output in &report.outputs {
            let other = other.outputs.iter().find(|other| other.name == output.name).expect("the same names");
            prop_assert_eq!((&output.abs_histogram, output.max_abs), (&other.abs_histogram, other.max_abs));
        }
    }

    #[test]
    fn a_report_has_finite_numbers_only(ends in vec((any_end(), any_end()), 0..20), rule in any_rule()) {
        // Only values of an answer itself may be none: `f64`s of the report would be `null` where they are not finite.
        let report = record_all(rule, &ends);
        for output in &report.outputs {
            let told = [output.max_abs, output.mean_abs, output.mean_abs_low, output.mean_abs_high, output.p50_abs,
                output.p99_abs, output.max_rel, output.p50_rel, output.p99_rel];
            prop_assert!(told.iter().flatten().all(|number| number.is_finite() && *number >= 0.0), "{:?}", output);
        }
        let (flips, ratio) = (&report.flips, &report.latency_ratio);
        let told = [flips.share, flips.low, flips.high, ratio.geometric_mean, ratio.low, ratio.high, ratio.p50, ratio.p99];
        prop_assert!(told.iter().flatten().all(|number| number.is_finite() && *number >= 0.0));
    }

    #[test]
    fn what_is_kept_is_bounded(names in vec("[a-z]{1,3}", 0..200), id in "\\PC{0,100}", length in 200..300_usize) {
        let mut comparison = Comparison::new(None);
        for name in &names {
            let of = |value| raw(&[floats(name, &[1, 2], &[value, 0.5]), floats(&"n".repeat(length), &[1], &[value])]);
            comparison.record(&id, &answered(&of(0.0)), &answered(&of(1.0)));
        }
        let report = comparison.report();
        prop_assert!(report.outputs.len() <= 64 && report.worst.len() <= 16 && report.flipped_examples.len() <= 16);
        let counted: u64 = report.outputs.iter().map(|output| output.requests).sum();
        prop_assert_eq!(counted + report.other_outputs, 2 * names.len() as u64);
        prop_assert!(report.outputs.iter().all(|output| output.name.len() <= 256));
        let mut ids = report.worst.iter().map(|one| &one.prediction_id);
        prop_assert!(ids.all(|kept| id.starts_with(kept.as_str()) && kept.len() <= 64 && kept.len() + 4 > id.len().min(64)));
    }
}
