//! A `ModelInferResponse` as the body of an answer.

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::elements;
use super::request::Form;
use crate::fault::{Fault, Reason, quoted};
use crate::oip::datatype::Datatype;
use crate::oip::messages::inference::infer_parameter::ParameterChoice;
use crate::oip::messages::inference::{InferParameter, ModelInferResponse};

/// The body of an answer.
#[derive(Clone, Debug)]
pub struct Written {
    pub json: String,
    /// What follows the JSON: the outputs that were asked for as binary data, in their order.
    pub binary: Vec<Bytes>,
}

/// Writes an encoded `ModelInferResponse` whose outputs are raw, in the form that was asked for.
///
/// # Errors
/// An output has strings that are no text and was not asked for as binary data.
pub fn write(message: Bytes, form: &Form) -> Result<Written, Fault> {
    let answer = ModelInferResponse::decode(message)
        .map_err(|error| Fault::new(Reason::Internal, format!("the answer cannot be read again: {error}")))?;
    if answer.raw_output_contents.len() != answer.outputs.len() {
        return Err(Fault::new(Reason::Internal, "the answer to a request with binary data is not binary"));
    }
    let text = |text: &str| Value::from(text).to_string();
    let mut json =
        format!("{{\"model_name\":{},\"model_version\":{}", text(&answer.model_name), text(&answer.model_version));
    if !answer.id.is_empty() {
        let _ = write!(json, ",\"id\":{}", text(&answer.id));
    }
    if !answer.parameters.is_empty() {
        let _ = write!(json, ",\"parameters\":{}", parameters(&answer.parameters));
    }
    json.push_str(",\"outputs\":[");
    let mut binary = Vec::new();
    for (index, (output, raw)) in answer.outputs.iter().zip(answer.raw_output_contents).enumerate() {
        if index > 0 {
            json.push(',');
        }
        let (name, datatype) = (text(&output.name), text(&output.datatype));
        let _ = write!(json, "{{\"name\":{name},\"datatype\":{datatype},\"shape\":{:?}", output.shape);
        if form.outputs.get(&output.name).copied().unwrap_or(form.binary) {
            let _ = write!(json, ",\"parameters\":{{\"binary_data_size\":{}}}", raw.len());
            binary.push(raw);
        } else {
            json.push_str(",\"data\":");
            let datatype = Datatype::parse(output.datatype.as_bytes());
            datatype.and_then(|datatype| elements::write(&mut json, datatype, &raw)).ok_or_else(|| {
                let shown = quoted(&output.name);
                let said = format!("output \"{shown}\" has strings that are no text; ask for it with binary_data");
                Fault::of_field(Reason::InvalidParameter, "outputs", said)
            })?;
        }
        json.push('}');
    }
    json.push_str("]}");
    Ok(Written { json, binary })
}

fn parameters(parameters: &BTreeMap<String, InferParameter>) -> Value {
    let pairs = parameters.iter().map(|(name, parameter)| {
        let value = match &parameter.parameter_choice {
            None => Value::Null,
            Some(ParameterChoice::BoolParam(value)) => json!(value),
            Some(ParameterChoice::Int64Param(value)) => json!(value),
            Some(ParameterChoice::StringParam(value)) => json!(value),
            Some(ParameterChoice::DoubleParam(value)) => json!(value),
            Some(ParameterChoice::Uint64Param(value)) => json!(value),
        };
        (name.clone(), value)
    });
    Value::Object(pairs.collect::<Map<String, Value>>())
}
