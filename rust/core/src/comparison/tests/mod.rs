//! Claims about comparisons: examples for readers, bytes that are no answers, laws, and a naive oracle.

mod decisions;
mod examples;
mod malformed;
mod oracle;
mod properties;

use super::{Comparison, DecisionRule, Ending, OutputReport, Report};
use crate::oip::datatype::Datatype;
use crate::oip::messages::inference::{
    InferTensorContents, ModelInferResponse, model_infer_response::InferOutputTensor,
};
use prost::Message as _;

/// An output as a test writes it: name, datatype, shape, raw contents.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) name: String,
    pub(super) datatype: Datatype,
    pub(super) dims: Vec<i64>,
    pub(super) raw: Vec<u8>,
}

pub(super) fn output(name: &str, datatype: Datatype, dims: &[i64], raw: Vec<u8>) -> Output {
    Output { name: name.to_owned(), datatype, dims: dims.to_vec(), raw }
}

pub(super) fn floats(name: &str, dims: &[i64], values: &[f32]) -> Output {
    output(name, Datatype::Fp32, dims, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub(super) fn integers(name: &str, dims: &[i64], values: &[i64]) -> Output {
    output(name, Datatype::Int64, dims, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub(super) fn strings(name: &str, dims: &[i64], values: &[&str]) -> Output {
    let with_length = |text: &&str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    output(name, Datatype::Bytes, dims, values.iter().flat_map(with_length).collect())
}

/// An encoded answer in the raw form.
pub(super) fn raw(outputs: &[Output]) -> Vec<u8> {
    let response = ModelInferResponse {
        model_name: "m".to_owned(),
        outputs: outputs.iter().map(|output| head(output, None)).collect(),
        raw_output_contents: outputs.iter().map(|output| output.raw.clone().into()).collect(),
        ..Default::default()
    };
    response.encode_to_vec()
}

/// An encoded answer with one output in the typed form.
pub(super) fn typed(output: &Output, contents: InferTensorContents) -> Vec<u8> {
    ModelInferResponse { outputs: vec![head(output, Some(contents))], ..Default::default() }.encode_to_vec()
}

fn head(output: &Output, contents: Option<InferTensorContents>) -> InferOutputTensor {
    InferOutputTensor {
        name: output.name.clone(),
        datatype: output.datatype.name().to_owned(),
        shape: output.dims.clone(),
        contents,
        ..Default::default()
    }
}

pub(super) fn answered(message: &[u8]) -> Ending<'_> {
    Ending::Answered { message, took: 1_000 }
}

pub(super) fn rule(output: &str, threshold: f64) -> DecisionRule {
    DecisionRule { output: output.to_owned(), threshold }
}

/// The report of one request that both sides answered.
pub(super) fn compared(rule: Option<DecisionRule>, primary: &[Output], shadow: &[Output]) -> Report {
    let mut comparison = Comparison::new(rule);
    comparison.record("a", &answered(&raw(primary)), &answered(&raw(shadow)));
    let report = comparison.report();
    assert_eq!((report.pairs, report.answered), (1, 1));
    report
}

/// The report of one output in one request.
pub(super) fn one(primary: &Output, shadow: &Output) -> OutputReport {
    let mut report = compared(None, std::slice::from_ref(primary), std::slice::from_ref(shadow));
    assert_eq!(report.outputs.len(), 1);
    report.outputs.remove(0)
}
