//! Bytes that are no answer, typed contents, and sizes that claim more than there is.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn unreadable(message: &[u8]) -> u64 {
    let good = raw(&[floats("y", &[1], &[1.0])]);
    let mut comparison = Comparison::new(None);
    comparison.record("a", &answered(&good), &answered(message));
    comparison.record("a", &answered(message), &answered(&good));
    comparison.report().unreadable
}

#[test]
fn contents_that_do_not_fit_datatype_and_shape_are_unreadable() {
    let wrong_length = |dims: &[i64]| raw(&[floats("y", dims, &[1.0])]);
    for message in [
        wrong_length(&[2]),
        wrong_length(&[0]),
        wrong_length(&[-1]),
        wrong_length(&[i64::MAX, i64::MAX]),
        raw(&[output("y", Datatype::Bytes, &[1], vec![9, 0, 0, 0, 1])]),
        raw(&[output("y", Datatype::Bytes, &[1], vec![1, 0, 0, 0, 65, 66])]),
        raw(&[floats("y", &[1], &[1.0]), floats("y", &[1], &[1.0])]),
        typed(&floats("y", &[1], &[]), InferTensorContents::default()),
        typed(&output("y", Datatype::Fp16, &[1], vec![]), InferTensorContents::default()),
        typed(
            &output("y", Datatype::Int8, &[1], vec![]),
            InferTensorContents { int_contents: vec![128], ..Default::default() },
        ),
        ModelInferResponse {
            outputs: vec![InferOutputTensor { name: "y".into(), datatype: "FP31".into(), ..Default::default() }],
            ..Default::default()
        }
        .encode_to_vec(),
        ModelInferResponse {
            outputs: vec![
                InferOutputTensor { name: "y".into(), datatype: "BOOL".into(), shape: vec![1], ..Default::default() },
                InferOutputTensor { name: "z".into(), datatype: "BOOL".into(), shape: vec![1], ..Default::default() },
            ],
            raw_output_contents: vec![vec![1].into()],
            ..Default::default()
        }
        .encode_to_vec(),
        raw(&(0..1_025).map(|at| integers(&at.to_string(), &[0], &[])).collect::<Vec<_>>()),
    ] {
        assert_eq!(unreadable(&message), 2, "{message:?}");
    }
}

#[test]
fn typed_contents_are_compared_with_raw_ones() {
    let one = |output: &Output, contents| (typed(output, contents), raw(std::slice::from_ref(output)));
    let contents = InferTensorContents::default;
    for (as_typed, as_raw) in [
        one(
            &output("y", Datatype::Bool, &[2], vec![1, 0]),
            InferTensorContents { bool_contents: vec![true, false], ..contents() },
        ),
        one(
            &output("y", Datatype::Int16, &[2], vec![255, 255, 2, 0]),
            InferTensorContents { int_contents: vec![-1, 2], ..contents() },
        ),
        one(&integers("y", &[2], &[-1, 2]), InferTensorContents { int64_contents: vec![-1, 2], ..contents() }),
        one(
            &output("y", Datatype::Uint8, &[1], vec![200]),
            InferTensorContents { uint_contents: vec![200], ..contents() },
        ),
        one(
            &output("y", Datatype::Uint64, &[1], vec![255; 8]),
            InferTensorContents { uint64_contents: vec![u64::MAX], ..contents() },
        ),
        one(
            &floats("y", &[2], &[0.5, f32::NAN]),
            InferTensorContents { fp32_contents: vec![0.5, f32::NAN], ..contents() },
        ),
        one(
            &output("y", Datatype::Fp64, &[1], 0.1_f64.to_le_bytes().to_vec()),
            InferTensorContents { fp64_contents: vec![0.1], ..contents() },
        ),
        one(
            &strings("y", &[2], &["a", ""]),
            InferTensorContents { bytes_contents: vec!["a".into(), "".into()], ..contents() },
        ),
    ] {
        let mut comparison = Comparison::new(None);
        comparison.record("a", &answered(&as_typed), &answered(&as_raw));
        let report = comparison.report();
        assert_eq!((report.answered, report.outputs[0].requests), (1, 1));
        assert_eq!(report.outputs[0].unequal_rows, 0);
    }
}

#[test]
fn an_empty_tensor_may_claim_any_number_of_rows() {
    let huge = floats("p", &[1 << 40, 0, 2], &[]);
    let report = compared(None, std::slice::from_ref(&huge), std::slice::from_ref(&huge));
    assert_eq!((report.outputs[0].requests, report.outputs[0].rows, report.flips.requests), (1, 0, 0));
}

proptest! {
    #[test]
    fn any_bytes_are_counted_and_none_panics(bytes in vec(any::<u8>(), 0..200)) {
        let mut comparison = Comparison::new(Some(rule("y", 0.5)));
        comparison.record("a", &answered(&bytes), &answered(&bytes));
        let report = comparison.report();
        prop_assert_eq!(report.unreadable + report.answered, 1);
    }

    #[test]
    fn a_damaged_answer_panics_nowhere(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let good = raw(&[
            floats("p", &[2, 2], &[0.1, 0.9, 0.8, 0.2]),
            integers("y", &[2], &[1, 0]),
            strings("t", &[2], &["a", "bc"]),
        ]);
        let mut bad = good.clone();
        for (at, byte) in damage {
            let at = at.index(bad.len());
            bad[at] = byte;
        }
        if is_cut {
            bad.truncate(cut.index(bad.len()));
        }
        let mut comparison = Comparison::new(None);
        comparison.record("a", &answered(&good), &answered(&bad));
        comparison.record("a", &answered(&bad), &answered(&bad));
        let report = comparison.report();
        prop_assert_eq!(report.unreadable + report.answered, 2);
        prop_assert!(serde_json::to_value(report).is_ok());
    }
}
