//! A request as the parser reads it beside the same request as prost decodes it.

use prost::Message as _;
use std::collections::BTreeMap;
use tidegate_core::oip::messages::inference::infer_parameter::ParameterChoice;
use tidegate_core::oip::messages::inference::{InferParameter, InferTensorContents, ModelInferRequest};
use tidegate_core::oip::parameters::{Parameter, Value, find};
use tidegate_core::oip::request::Head;

/// Asserts that both accept or both refuse, and that what both accepted is the same; what prost made of it.
pub(crate) fn reads_alike(head: &mut Head, bytes: &[u8]) -> Option<ModelInferRequest> {
    let decoded = ModelInferRequest::decode(bytes);
    let read = head.read(bytes);
    assert_eq!(read.is_ok(), decoded.is_ok(), "parser: {read:?}, prost: {:?}", decoded.err());
    let decoded = decoded.ok()?;
    assert_eq!(head.model_name.text(bytes), decoded.model_name);
    assert_eq!(head.model_version.text(bytes), decoded.model_version);
    assert_eq!(head.id.text(bytes), decoded.id);
    same_parameters(&head.parameters, bytes, &decoded.parameters);
    assert_eq!(head.inputs.len(), decoded.inputs.len());
    for (ours, theirs) in head.inputs.iter().zip(&decoded.inputs) {
        assert_eq!(ours.name.text(bytes), theirs.name);
        assert_eq!(ours.datatype.text(bytes), theirs.datatype);
        assert_eq!(head.dims(ours), theirs.shape);
        same_parameters(head.input_parameters(ours), bytes, &theirs.parameters);
        let spans = head.contents(ours);
        assert_eq!(!spans.is_empty(), theirs.contents.is_some());
        // Messages of one field that come in pieces are merged; so are their bytes, laid end to end.
        let joined: Vec<u8> = spans.iter().flat_map(|span| span.of(bytes)).copied().collect();
        let contents = InferTensorContents::decode(joined.as_slice()).expect("contents were read before");
        // Encoded, because not-a-number is not equal to itself.
        assert_eq!(contents.encode_to_vec(), theirs.contents.clone().unwrap_or_default().encode_to_vec());
    }
    assert_eq!(head.outputs.len(), decoded.outputs.len());
    for (ours, theirs) in head.outputs.iter().zip(&decoded.outputs) {
        assert_eq!(ours.name.text(bytes), theirs.name);
        same_parameters(head.output_parameters(ours), bytes, &theirs.parameters);
    }
    let raw: Vec<_> = head.raw.iter().map(|span| span.of(bytes)).collect();
    assert_eq!(raw, decoded.raw_input_contents);
    Some(decoded)
}

fn same_parameters(ours: &[Parameter], bytes: &[u8], theirs: &BTreeMap<String, InferParameter>) {
    for parameter in ours {
        assert!(theirs.contains_key(parameter.key.text(bytes)), "{:?}", parameter.key.text(bytes));
    }
    for (key, theirs) in theirs {
        let ours = find(ours, bytes, key.as_bytes()).expect("every key is found");
        let is_same = match (ours, &theirs.parameter_choice) {
            (Value::Unset, None) => true,
            (Value::Bool(ours), Some(ParameterChoice::BoolParam(theirs))) => ours == *theirs,
            (Value::Int64(ours), Some(ParameterChoice::Int64Param(theirs))) => ours == *theirs,
            (Value::Uint64(ours), Some(ParameterChoice::Uint64Param(theirs))) => ours == *theirs,
            (Value::Text(ours), Some(ParameterChoice::StringParam(theirs))) => ours.text(bytes) == theirs,
            (Value::Double(ours), Some(ParameterChoice::DoubleParam(theirs))) => ours.to_bits() == theirs.to_bits(),
            _ => false,
        };
        assert!(is_same, "parameter {key:?}: parser {ours:?}, prost {theirs:?}");
    }
}
