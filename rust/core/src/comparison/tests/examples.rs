//! What a reader wants to see once.

use super::super::{Bin, Comparison, Ending, ErrorRow, Scalar, UnlikeReport};
use super::*;
use crate::fault::Code;
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn differences_are_per_request_and_their_mean_is_over_requests() {
    let mut comparison = Comparison::new(None);
    for shadow in [[0.5, 0.0], [0.0, -1.0], [0.5, 0.0]] {
        let (primary, shadow) = (floats("p", &[2, 1], &[0.5, 0.0]), floats("p", &[2, 1], &shadow));
        comparison.record("a", &answered(&raw(&[primary])), &answered(&raw(&[shadow])));
    }
    let output = &comparison.report().outputs[0];
    assert_eq!((output.name.as_str(), output.datatype, output.requests), ("p", "FP32", 3));
    assert_eq!((output.rows, output.unequal_rows), (6, 2));
    assert_eq!((output.max_abs, output.mean_abs), (Some(1.0), Some((0.0 + 0.75 + 0.0) / 3.0)));
    assert_eq!((output.p50_abs, output.p99_abs), (Some(0.0), Some(1.0)));
    assert_eq!((output.max_rel, output.p50_rel), (Some(1.0), Some(0.0)));
    assert_eq!(output.mean_abs_low, Some(0.0), "no |Δ| is below 0, whatever Student says");
    assert_eq!(output.abs_histogram[0], Bin(0.0, Some(0.0), 2));
    assert_eq!((output.abs_histogram[1].0, output.abs_histogram[1].2), (1.0, 1));
}

#[test]
fn every_numeric_datatype_is_compared_in_its_own_width() {
    let one_apart: [(Datatype, &[u8], &[u8], f64); 13] = [
        (Datatype::Bool, &[0], &[1], 1.0),
        (Datatype::Uint8, &[255], &[0], 255.0),
        (Datatype::Uint16, &[0, 1], &[1, 1], 1.0),
        (Datatype::Uint32, &[0, 0, 0, 128], &[0; 4], 2_147_483_648.0),
        (Datatype::Uint64, &[255; 8], &[0; 8], u64::MAX as f64),
        (Datatype::Int8, &[255], &[1], 2.0),
        (Datatype::Int16, &[255, 255], &[0, 0], 1.0),
        (Datatype::Int32, &[254, 255, 255, 255], &[0; 4], 2.0),
        (Datatype::Int64, &[1, 0, 0, 0, 0, 0, 0, 64], &[0, 0, 0, 0, 0, 0, 0, 64], 1.0),
        (Datatype::Fp16, &[0x00, 0x3c], &[0x00, 0xc0], 3.0),
        (Datatype::Bf16, &[0x80, 0x3f], &[0x00, 0xc0], 3.0),
        (Datatype::Fp32, &[0, 0, 128, 63], &[0; 4], 1.0),
        (Datatype::Fp64, &[0, 0, 0, 0, 0, 0, 240, 63], &[0; 8], 1.0),
    ];
    for (datatype, primary, shadow, difference) in one_apart {
        let found = one(&output("y", datatype, &[1], primary.to_vec()), &output("y", datatype, &[1], shadow.to_vec()));
        assert_eq!((found.max_abs, found.unequal_rows), (Some(difference), 1), "{datatype:?}");
    }
}

#[test]
fn texts_are_equal_or_not() {
    let found = one(&strings("t", &[3], &["HA", "", "é"]), &strings("t", &[3], &["HA", "x", "e"]));
    assert_eq!((found.rows, found.unequal_rows, found.requests), (3, 2, 1));
    assert_eq!((found.max_abs, found.mean_abs, found.p50_abs, found.max_rel), (None, None, None, None));
    let found = one(&strings("t", &[2, 2], &["a", "b", "c", "d"]), &strings("t", &[2, 2], &["x", "y", "c", "d"]));
    assert_eq!((found.rows, found.unequal_rows), (2, 1));
}

#[test]
fn what_cannot_be_compared_is_counted_apart_with_its_reason() {
    let primary = [
        floats("gone", &[1], &[1.0]),
        floats("kind", &[1], &[1.0]),
        floats("form", &[1], &[1.0]),
        floats("nan", &[2], &[1.0, f32::NAN]),
        floats("inf", &[1], &[f32::INFINITY]),
        floats("same", &[3], &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ];
    let shadow = [
        floats("same", &[3], &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        floats("inf", &[1], &[f32::NEG_INFINITY]),
        floats("nan", &[2], &[1.0, 2.0]),
        floats("form", &[1, 1], &[1.0]),
        integers("kind", &[1], &[1]),
        integers("new", &[1], &[1]),
    ];
    let report = compared(None, &primary, &shadow);
    let why: Vec<(&str, UnlikeReport)> =
        report.outputs.iter().map(|output| (output.name.as_str(), output.unlike_because)).collect();
    let none = UnlikeReport::default();
    assert_eq!(
        why,
        [
            ("gone", UnlikeReport { missing: 1, ..none }),
            ("kind", UnlikeReport { datatype: 1, ..none }),
            ("form", UnlikeReport { shape: 1, ..none }),
            ("nan", UnlikeReport { values: 1, ..none }),
            ("inf", UnlikeReport { values: 1, ..none }),
            ("same", none),
            ("new", UnlikeReport { missing: 1, ..none }),
        ]
    );
    for output in report.outputs.iter().filter(|output| output.unlike == 1) {
        assert_eq!((output.requests, output.rows, output.max_abs, output.mean_abs), (0, 0, None, None));
    }
    assert_eq!(report.outputs[5].max_abs, Some(0.0));
}

#[test]
fn an_output_without_elements_differs_by_nothing() {
    let found = one(&floats("y", &[0, 3], &[]), &floats("y", &[0, 3], &[]));
    assert_eq!((found.requests, found.rows, found.max_abs, found.mean_abs), (1, 0, Some(0.0), Some(0.0)));
}

#[test]
fn endings_are_told_apart() {
    let answer = raw(&[floats("y", &[1], &[1.0])]);
    let failed = |code| Ending::Failed { code };
    let mut comparison = Comparison::new(None);
    for (primary, shadow) in [
        (failed(Code::Internal), answered(&answer)),
        (answered(&answer), failed(Code::Internal)),
        (answered(&answer), failed(Code::Internal)),
        (failed(Code::Internal), failed(Code::Internal)),
        (failed(Code::InvalidArgument), failed(Code::Internal)),
        (Ending::Abandoned, answered(&answer)),
        (Ending::Abandoned, failed(Code::Internal)),
        (answered(&answer), Ending::Abandoned),
        (answered(&answer), answered(b"\xff")),
        (answered(&answer), answered(&answer)),
    ] {
        comparison.record("a", &primary, &shadow);
    }
    let report = comparison.report();
    assert_eq!((report.pairs, report.abandoned, report.unreadable, report.answered), (10, 3, 1, 1));
    let errors = report.errors;
    let counts = (errors.primary_only, errors.shadow_only, errors.both_alike, errors.both_different);
    assert_eq!(counts, (1, 2, 1, 1));
    assert_eq!(errors.table[0], ErrorRow { primary: "OK", shadow: "INTERNAL", count: 2 });
    assert_eq!(errors.table.len(), 4);
}

#[test]
fn latency_is_a_ratio_whose_mean_is_geometric() {
    let answer = raw(&[]);
    let took = |took| Ending::Answered { message: &answer, took };
    let mut comparison = Comparison::new(None);
    comparison.record("a", &took(1_000), &took(2_000));
    comparison.record("b", &took(2_000), &took(1_000));
    let ratio = comparison.report().latency_ratio;
    assert_eq!(ratio.requests, 2);
    assert!((ratio.geometric_mean.expect("two requests") - 1.0).abs() < 1e-12);
    let (low, high) = (ratio.low.expect("two requests"), ratio.high.expect("two requests"));
    assert!(low < 0.5 && high > 2.0 && (low * high - 1.0).abs() < 1e-9);
    assert_eq!(ratio.p99, Some(2.0));
    comparison.record("c", &took(0), &took(u64::MAX));
    assert!(comparison.report().latency_ratio.geometric_mean.is_some_and(f64::is_finite));
}

#[test]
fn the_worst_of_each_output_take_turns() {
    let mut comparison = Comparison::new(None);
    for at in 0..40_u8 {
        let far = f32::from(at) * 1_000.0;
        let primary = [floats("minutes", &[2], &[0.0, 0.0]), floats("share", &[1], &[0.0])];
        let shadow = [floats("minutes", &[2], &[0.0, far]), floats("share", &[1], &[f32::from(at) / 64.0])];
        comparison.record(&format!("id-{at}"), &answered(&raw(&primary)), &answered(&raw(&shadow)));
    }
    let worst = comparison.report().worst;
    assert_eq!(worst.len(), 16);
    let told: Vec<_> = worst.iter().map(|one| (one.output.as_str(), one.prediction_id.as_str())).collect();
    assert_eq!(told[..4], [("minutes", "id-39"), ("share", "id-39"), ("minutes", "id-38"), ("share", "id-38")]);
    assert_eq!((worst[0].row, &worst[0].primary, &worst[0].shadow), (1, &Scalar::Float(0.0), &Scalar::Float(39_000.0)));
    assert_eq!(worst[14].prediction_id, "id-32");
}

#[test]
fn a_report_of_nothing_has_nulls_and_no_nan() {
    let report = serde_json::to_value(Comparison::new(None).report()).expect("plain numbers");
    assert_eq!(
        report,
        json!({
            "pairs": 0, "abandoned": 0, "unreadable": 0, "answered": 0,
            "errors": {"primary_only": 0, "shadow_only": 0, "both_alike": 0, "both_different": 0, "table": []},
            "flips": {
                "rule": null, "requests": 0, "flipped": 0, "share": null, "low": null, "high": null,
                "rows": 0, "flipped_rows": 0
            },
            "outputs": [], "other_outputs": 0,
            "latency_ratio": {
                "requests": 0, "geometric_mean": null, "low": null, "high": null, "p50": null, "p99": null,
                "histogram": []
            },
            "worst": [], "flipped_examples": []
        })
    );
}

#[test]
fn a_report_is_json_as_readers_know_it() {
    let shadow = [floats("p", &[1, 2], &[1.25, 0.25]), integers("y", &[1], &[1 << 60])];
    let report = compared(None, &[floats("p", &[1, 2], &[0.25, 0.75]), integers("y", &[1], &[0])], &shadow);
    let report = serde_json::to_value(report).expect("plain numbers");
    let bins = &report["outputs"][0]["abs_histogram"];
    assert_eq!((&bins[0][0], &bins[0][2], bins.as_array().map(Vec::len)), (&json!(1.0), &json!(1), Some(1)));
    assert_eq!(report["outputs"][0]["mean_abs_low"], json!(null));
    assert_eq!(
        report["worst"],
        json!([
            {"prediction_id": "a", "output": "p", "row": 0, "primary": 0.25, "shadow": 1.25, "difference": 1.0},
            {"prediction_id": "a", "output": "y", "row": 0, "primary": 0, "shadow": 1_u64 << 60,
             "difference": (1_u64 << 60) as f64},
        ])
    );
    assert_eq!(
        report["flipped_examples"],
        json!([{"prediction_id": "a", "output": "p", "row": 0, "primary": 1, "shadow": 0}])
    );
}

/// Every path of a document, with `[]` for any entry of a list.
fn paths(value: &serde_json::Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| paths(field, &format!("{path}.{name}"), found));
        }
        serde_json::Value::Array(entries) => entries.iter().for_each(|entry| paths(entry, &format!("{path}[]"), found)),
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn the_report_that_tests_of_the_command_line_read_has_the_fields_of_this_one() {
    let theirs = include_str!("../../../../../tests/data/shadow_report.json");
    let theirs: serde_json::Value = serde_json::from_str(theirs).expect("the file is JSON");
    let (below, above) = (raw(&[floats("p", &[1], &[0.25])]), raw(&[floats("p", &[1], &[0.75])]));
    let mut comparison = Comparison::new(Some(rule("p", 0.5)));
    comparison.record("a", &answered(&below), &answered(&above));
    comparison.record("a", &answered(&below), &Ending::Failed { code: Code::Internal });
    let ours = serde_json::to_value(comparison.report()).expect("plain numbers");
    let (mut of_theirs, mut of_ours) = (BTreeSet::new(), BTreeSet::new());
    paths(&theirs["shadows"][0]["comparison"], "", &mut of_theirs);
    paths(&ours, "", &mut of_ours);
    assert_eq!(of_theirs, of_ours);
}
