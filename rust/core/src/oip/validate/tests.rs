//! Every refusal, with its field and its sentence.

mod plans;

use super::*;
use crate::fault::Reason;
use crate::oip::datatype::Datatype::{self, Bf16, Bool, Bytes, Fp32, Fp64, Int8, Uint16};
use crate::oip::messages::inference::infer_parameter::ParameterChoice;
use crate::oip::messages::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use crate::oip::messages::inference::{InferParameter, InferTensorContents, ModelInferRequest};
use crate::oip::signature::TensorSpec;
use prost::Message as _;

fn spec(name: &str, datatype: Datatype, dims: &[i64]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), datatype, dims: dims.to_vec(), axes: Vec::new() }
}

/// Two inputs, two outputs; `datatype` is the first input's.
fn signature_of(datatype: Datatype) -> Signature {
    Signature {
        inputs: vec![spec("hour", datatype, &[-1, 2]), spec("carrier", Bytes, &[-1])],
        outputs: vec![spec("probability", Fp32, &[-1]), spec("label", Bytes, &[-1])],
    }
}

fn input(name: &str, datatype: Datatype, shape: &[i64]) -> InferInputTensor {
    let datatype = datatype.name().to_owned();
    InferInputTensor { name: name.to_owned(), datatype, shape: shape.to_vec(), ..InferInputTensor::default() }
}

fn output(name: &str) -> InferRequestedOutputTensor {
    InferRequestedOutputTensor { name: name.to_owned(), ..InferRequestedOutputTensor::default() }
}

/// A request of one row that fits [`signature_of`] FP32.
fn typed() -> ModelInferRequest {
    let mut request = ModelInferRequest {
        inputs: vec![input("hour", Fp32, &[1, 2]), input("carrier", Bytes, &[1])],
        ..ModelInferRequest::default()
    };
    request.inputs[0].contents =
        Some(InferTensorContents { fp32_contents: vec![9.0, 10.0], ..InferTensorContents::default() });
    request.inputs[1].contents =
        Some(InferTensorContents { bytes_contents: vec![b"HA"[..].into()], ..InferTensorContents::default() });
    request
}

/// The same request, raw.
fn raw() -> ModelInferRequest {
    let mut request = typed();
    request.inputs.iter_mut().for_each(|input| input.contents = None);
    request.raw_input_contents = vec![vec![0; 8].into(), b"\x02\0\0\0HA"[..].into()];
    request
}

fn check(request: &ModelInferRequest, signature: &Signature, batched: bool) -> Result<Plan, Fault> {
    let bytes = request.encode_to_vec();
    let mut head = Head::default();
    head.read(&bytes).expect("prost writes well-formed messages");
    validate(&head, &bytes, signature, batched)
}

/// Asserts that a good request is refused after `change`, for one reason alone.
#[track_caller]
fn refused(
    mut request: ModelInferRequest,
    change: impl FnOnce(&mut ModelInferRequest),
    expected: (Reason, &str, &str),
) {
    let signature = signature_of(Fp32);
    check(&request, &signature, true).expect("good before the change");
    change(&mut request);
    refused_by(&request, &signature, expected);
}

#[track_caller]
fn refused_by(request: &ModelInferRequest, signature: &Signature, (reason, field, sentence): (Reason, &str, &str)) {
    let fault = check(request, signature, true).expect_err("a refusal");
    assert_eq!(fault.message, sentence);
    assert_eq!(fault.reason, reason);
    assert_eq!(fault.violations.len(), 1, "{fault:?}");
    assert_eq!((fault.violations[0].field.as_str(), fault.violations[0].description.as_str()), (field, sentence));
}

#[test]
fn a_name_that_does_not_fit_is_refused() {
    use Reason::{DuplicateInput, DuplicateOutput, MissingInput, UnknownInput, UnknownOutput};
    let missing = "input \"carrier\" is missing: expected BYTES [-1]";
    refused(typed(), |r| drop(r.inputs.pop()), (MissingInput, "inputs", missing));
    let twice = "input \"hour\" comes more than once";
    refused(typed(), |r| r.inputs.push(r.inputs[0].clone()), (DuplicateInput, "inputs[2].name", twice));
    let unknown = "input \"hours\" is not one of the model's: \"hour\", \"carrier\"";
    refused(typed(), |r| r.inputs.push(input("hours", Fp32, &[])), (UnknownInput, "inputs[2].name", unknown));
    let unknown = "output \"score\" is not one of the model's: \"probability\", \"label\"";
    refused(typed(), |r| r.outputs.push(output("score")), (UnknownOutput, "outputs[0].name", unknown));
    let twice = "output \"label\" is asked for more than once";
    let ask_twice = |r: &mut ModelInferRequest| r.outputs = vec![output("label"), output("label")];
    refused(typed(), ask_twice, (DuplicateOutput, "outputs[1].name", twice));
}

#[test]
fn a_datatype_or_shape_that_does_not_fit_is_refused() {
    use Reason::{InvalidShape, WrongDatatype, WrongRank, WrongShape};
    let datatype = "input \"hour\": expected datatype FP32, got \"fp32\"";
    refused(typed(), |r| r.inputs[0].datatype = "fp32".to_owned(), (WrongDatatype, "inputs[0].datatype", datatype));
    let rank = "input \"hour\": expected rank 2 ([-1,2]), got rank 1";
    refused(typed(), |r| r.inputs[0].shape = vec![2], (WrongRank, "inputs[0].shape", rank));
    let shape = "input \"hour\": expected shape [-1,2], got [1,3]";
    refused(typed(), |r| r.inputs[0].shape[1] = 3, (WrongShape, "inputs[0].shape[1]", shape));
    let negative = "input \"hour\": axis 0 is -1; expected 0 or more";
    refused(typed(), |r| r.inputs[0].shape[0] = -1, (InvalidShape, "inputs[0].shape[0]", negative));
    let rows = "input \"carrier\" has 0 rows, input \"hour\" has 1: expected the same";
    let drop_row = |r: &mut ModelInferRequest| {
        r.inputs[1].shape[0] = 0;
        r.inputs[1].contents = None;
    };
    refused(typed(), drop_row, (WrongShape, "inputs[1].shape[0]", rows));
    let large = "input \"hour\": shape [4611686018427387904,2] asks for more elements than any request can hold";
    refused(typed(), |r| r.inputs[0].shape[0] = 1 << 62, (InvalidShape, "inputs[0].shape", large));
    let exact = "input \"hour\": shape [2147483648,2] asks for more elements than any request can hold";
    refused(typed(), |r| r.inputs[0].shape[0] = 1 << 31, (InvalidShape, "inputs[0].shape", exact));
}

#[test]
fn an_axis_of_zero_hides_no_overflow() {
    let signature = Signature { inputs: vec![spec("x", Fp32, &[-1, -1])], outputs: vec![] };
    let request = ModelInferRequest { inputs: vec![input("x", Fp32, &[0, 1 << 40])], ..ModelInferRequest::default() };
    let sentence = "input \"x\": shape [0,1099511627776] asks for more elements than any request can hold";
    refused_by(&request, &signature, (Reason::InvalidShape, "inputs[0].shape", sentence));
    // Four billion rows of nothing would still be four billion rows of every output.
    let request =
        ModelInferRequest { inputs: vec![input("x", Fp32, &[4_294_967_295, 0])], ..ModelInferRequest::default() };
    let sentence = "input \"x\": shape [4294967295,0] asks for more elements than any request can hold";
    refused_by(&request, &signature, (Reason::InvalidShape, "inputs[0].shape", sentence));
}

#[test]
fn raw_contents_that_do_not_fit_are_refused() {
    use Reason::{RawAndTyped, RawCountMismatch, RawLengthMismatch, TruncatedBytes};
    let count = "raw_input_contents holds 1 entries for 2 inputs; expected one for each input";
    refused(raw(), |r| drop(r.raw_input_contents.pop()), (RawCountMismatch, "raw_input_contents", count));
    let length = "input \"hour\": expected 8 bytes for 2 elements, got 7";
    let cut = |r: &mut ModelInferRequest| r.raw_input_contents[0] = vec![0; 7].into();
    refused(raw(), cut, (RawLengthMismatch, "raw_input_contents[0]", length));
    let both = "input \"hour\" has typed contents beside raw_input_contents; expected one or the other";
    let one = InferTensorContents { fp32_contents: vec![1.0], ..InferTensorContents::default() };
    let add = |r: &mut ModelInferRequest| r.inputs[0].contents = Some(one.clone());
    refused(raw(), add, (RawAndTyped, "inputs[0].contents", both));
    let of_bytes = |raw: &[u8], reason, sentence: &str| {
        let raw = raw.to_vec();
        refused(self::raw(), |r| r.raw_input_contents[1] = raw.into(), (reason, "raw_input_contents[1]", sentence));
    };
    let truncated = "input \"carrier\": element 0 ends after the contents do";
    of_bytes(b"\x03\0\0\0HA", TruncatedBytes, truncated);
    of_bytes(b"\xff\xff\xff\xff", TruncatedBytes, truncated);
    of_bytes(b"\x03\0\0", TruncatedBytes, truncated);
    of_bytes(b"", RawLengthMismatch, "input \"carrier\": expected 1 elements, got 0 and 0 bytes more");
    let more = "input \"carrier\": expected 1 elements, got 1 and 4 bytes more";
    of_bytes(b"\0\0\0\0\0\0\0\0", RawLengthMismatch, more);
}

#[test]
fn typed_contents_that_do_not_fit_are_refused() {
    use Reason::{ContentsLengthMismatch, ContentsOutOfRange, MissingContents, WrongContents};
    let none = "input \"hour\" has no data: expected raw_input_contents or fp32_contents";
    refused(typed(), |r| r.inputs[0].contents = None, (MissingContents, "inputs[0].contents", none));
    let empty = "input \"hour\": expected 2 elements, got 0";
    let clear = |r: &mut ModelInferRequest| r.inputs[0].contents = Some(InferTensorContents::default());
    refused(typed(), clear, (ContentsLengthMismatch, "inputs[0].contents", empty));
    let three = "input \"hour\": expected 2 elements, got 3";
    let add = |r: &mut ModelInferRequest| r.inputs[0].contents.as_mut().expect("typed").fp32_contents.push(1.0);
    refused(typed(), add, (ContentsLengthMismatch, "inputs[0].contents", three));
    let other = "input \"hour\": expected fp32_contents for FP32, got fp64_contents";
    let add = |r: &mut ModelInferRequest| r.inputs[0].contents.as_mut().expect("typed").fp64_contents.push(1.0);
    refused(typed(), add, (WrongContents, "inputs[0].contents", other));

    let mut request = typed();
    let mut refused_as = |datatype: Datatype, contents: InferTensorContents, expected| {
        request.inputs[0].datatype = datatype.name().to_owned();
        request.inputs[0].contents = Some(contents);
        refused_by(&request, &signature_of(datatype), expected);
    };
    let contents = InferTensorContents { int_contents: vec![-128, -129], ..InferTensorContents::default() };
    let low = "input \"hour\": element 1 is -129, which INT8 cannot hold";
    refused_as(Int8, contents, (ContentsOutOfRange, "inputs[0].contents", low));
    let contents = InferTensorContents { uint_contents: vec![65536, 1], ..InferTensorContents::default() };
    let high = "input \"hour\": element 0 is 65536, which UINT16 cannot hold";
    refused_as(Uint16, contents, (ContentsOutOfRange, "inputs[0].contents", high));
    let half = "input \"hour\": BF16 travels in raw_input_contents only";
    refused_as(Bf16, InferTensorContents::default(), (MissingContents, "inputs[0].contents", half));
}

#[test]
fn a_raw_bool_is_0_or_1() {
    let mut request = raw();
    request.inputs[0].datatype = Bool.name().to_owned();
    request.raw_input_contents[0] = vec![1, 2].into();
    let sentence = "input \"hour\": element 1 is 2; a BOOL is 0 or 1";
    refused_by(&request, &signature_of(Bool), (Reason::ContentsOutOfRange, "raw_input_contents[0]", sentence));
}

#[test]
fn a_parameter_that_would_change_the_answer_is_refused() {
    use Reason::{SharedMemoryDisabled, UnsupportedParameter};
    let region = || (String::from("shared_memory_region"), InferParameter::default());
    let shared = "input 0 asks for shared memory, which is not offered; send its contents in the request";
    let field = "inputs[0].parameters[\"shared_memory_region\"]";
    refused(typed(), |r| r.inputs[0].parameters.extend([region()]), (SharedMemoryDisabled, field, shared));
    for (name, reason) in [("classification", UnsupportedParameter), ("shared_memory_region", SharedMemoryDisabled)] {
        let value = InferParameter { parameter_choice: Some(ParameterChoice::Int64Param(3)) };
        let mut asked = output("label");
        asked.parameters.insert(name.to_owned(), value);
        let sentence = format!("output \"label\": the parameter \"{name}\" is not offered; take the whole output");
        let field = format!("outputs[0].parameters[\"{name}\"]");
        refused(typed(), |r| r.outputs.push(asked), (reason, &field, &sentence));
    }
}

#[test]
fn all_violations_come_at_once_and_the_first_gives_the_reason() {
    let mut request = typed();
    request.inputs[0].datatype = "FP64".to_owned();
    request.inputs[0].shape = vec![1];
    request.inputs[1].name = "carriers".to_owned();
    request.outputs.push(output("score"));
    let fault = check(&request, &signature_of(Fp32), true).expect_err("five violations");
    let fields: Vec<_> = fault.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["inputs[1].name", "inputs[0].datatype", "inputs[0].shape", "inputs", "outputs[0].name"]);
    assert_eq!(fault.reason, Reason::UnknownInput);
    assert!(fault.violations.iter().all(|violation| fault.message.contains(&violation.description)));
}

#[test]
fn what_a_refusal_lists_and_quotes_is_limited() {
    let mut request = typed();
    request.outputs = (0..40).map(|_| output(&"ü".repeat(5000))).collect();
    let mut signature = signature_of(Fp32);
    signature.outputs = (0..10).map(|index| spec(&index.to_string(), Fp32, &[])).collect();
    let fault = check(&request, &signature, true).expect_err("forty violations");
    assert_eq!(fault.violations.len(), 16);
    assert!(fault.message.ends_with("; and 24 more"), "{}", fault.message);
    let (name, shown) = ("ü".repeat(128), "\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\" and 2 more");
    let expected = format!("output \"{name}\" is not one of the model's: {shown}");
    assert_eq!(fault.violations[15].description, expected);

    let signature = Signature { inputs: vec![spec("x", Fp32, &[2; 20])], outputs: vec![] };
    let request = ModelInferRequest { inputs: vec![input("x", Fp32, &[3])], ..ModelInferRequest::default() };
    let sentence = "input \"x\": expected rank 20 ([2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,…]), got rank 1";
    refused_by(&request, &signature, (Reason::WrongRank, "inputs[0].shape", sentence));
}
