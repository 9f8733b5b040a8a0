//! The body of an inference request, as a `ModelInferRequest`.

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

use super::elements;
use crate::fault::{Fault, Reason, quoted};
use crate::oip::datatype::Datatype;
use crate::oip::faults::Faults;
use crate::oip::messages::inference::infer_parameter::ParameterChoice;
use crate::oip::messages::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use crate::oip::messages::inference::{InferParameter, ModelInferRequest};
use crate::oip::put::{put_key, put_varint};

/// The field of raw contents in a `ModelInferRequest`.
const RAW_INPUT_CONTENTS: u32 = 7;

/// How a caller wants its outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Outputs that say nothing of their own.
    pub binary: bool,
    pub outputs: HashMap<String, bool>,
}

/// A request as it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The encoded `ModelInferRequest`, to be joined.
    pub pieces: Vec<Bytes>,
    pub form: Form,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Option<BTreeMap<String, Value>>,
    #[serde(default, borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(default)]
    outputs: Option<Vec<Output>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    #[serde(default)]
    parameters: Option<BTreeMap<String, Value>>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Option<BTreeMap<String, Value>>,
}

/// Reads the JSON of a body and the binary data behind it, for a model and version of the path.
///
/// # Errors
/// The body is no inference request; everything that is wrong with its data and its parameters.
pub fn read(json: &[u8], binary: &Bytes, model: &str, version: &str) -> Result<Asked, Fault> {
    let malformed = |why: &dyn std::fmt::Display| {
        Fault::new(Reason::MalformedMessage, format!("the body is not an inference request in JSON: {why}"))
    };
    // A list would be read as the fields in their order.
    if json.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(malformed(&"it is no mapping"));
    }
    let body: Body<'_> = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
    let mut faults = Faults::default();
    let mut parameters = body.parameters.unwrap_or_default();
    let mut form = Form { binary: flag(&mut parameters, "binary_data_output", "", &mut faults), ..Form::default() };
    let mut message = ModelInferRequest {
        model_name: model.to_owned(),
        model_version: version.to_owned(),
        id: body.id.unwrap_or_default(),
        parameters: infer_parameters(parameters, "", &mut faults),
        ..ModelInferRequest::default()
    };
    let mut contents = Contents { binary: binary.clone(), raw: Vec::with_capacity(body.inputs.len()) };
    for (index, input) in body.inputs.into_iter().enumerate() {
        message.inputs.push(contents.take(index, input, &mut faults));
    }
    for (index, output) in body.outputs.into_iter().flatten().enumerate() {
        let place = format!("outputs[{index}].");
        let mut parameters = output.parameters.unwrap_or_default();
        if parameters.contains_key("binary_data") {
            let is_binary = flag(&mut parameters, "binary_data", &place, &mut faults);
            form.outputs.insert(output.name.clone(), is_binary);
        }
        let parameters = infer_parameters(parameters, &place, &mut faults);
        message.outputs.push(InferRequestedOutputTensor { name: output.name, parameters });
    }
    if !contents.binary.is_empty() {
        let (came, left) = (binary.len(), contents.binary.len());
        faults.add(
            Reason::RawLengthMismatch,
            || "inputs".to_owned(),
            || {
                format!(
                    "the body has {came} bytes of binary data, {left} more than binary_data_size of its inputs says"
                )
            },
        );
    }
    faults.finish()?;
    Ok(Asked { pieces: contents.into_pieces(&message), form })
}

/// The contents of inputs, in their order.
struct Contents {
    /// What no input has claimed yet.
    binary: Bytes,
    raw: Vec<Bytes>,
}

impl Contents {
    fn take(&mut self, index: usize, input: Input<'_>, faults: &mut Faults) -> InferInputTensor {
        let Input { name, datatype, shape, parameters, data } = input;
        let place = format!("inputs[{index}].");
        let mut parameters = parameters.unwrap_or_default();
        let size = parameters.remove("binary_data_size");
        let shown = quoted(&name).to_owned();
        let raw = match (size, data) {
            (Some(size), None) => self.claim(&size).map_err(|said| (Reason::RawLengthMismatch, "parameters", said)),
            (None, Some(data)) => match Datatype::parse(datatype.as_bytes()) {
                // The model's own datatype is held against the name later.
                None => Ok(Bytes::new()),
                Some(datatype @ (Datatype::Fp16 | Datatype::Bf16)) => {
                    let said = format!("{} travels as binary data only", datatype.name());
                    Err((Reason::MissingContents, "data", said))
                }
                Some(datatype) => elements::read(data, datatype, &shape)
                    .map(Bytes::from)
                    .map_err(|said| (Reason::WrongContents, "data", said)),
            },
            (Some(_), Some(_)) => {
                let said = "has data beside binary_data_size; expected one or the other".to_owned();
                Err((Reason::RawAndTyped, "data", said))
            }
            (None, None) => {
                let said = "has no data: expected data, or binary_data_size and binary data".to_owned();
                Err((Reason::MissingContents, "data", said))
            }
        };
        match raw {
            Ok(raw) => self.raw.push(raw),
            Err((reason, field, said)) => {
                faults.add(reason, || format!("{place}{field}"), || format!("input \"{shown}\": {said}"));
            }
        }
        InferInputTensor {
            parameters: infer_parameters(parameters, &place, faults),
            name,
            datatype,
            shape,
            contents: None,
        }
    }

    /// The next bytes of the binary data.
    fn claim(&mut self, size: &Value) -> Result<Bytes, String> {
        let left = self.binary.len();
        match size.as_u64().and_then(|size| usize::try_from(size).ok()) {
            Some(size) if size <= left => Ok(self.binary.split_to(size)),
            Some(size) => Err(format!("binary_data_size is {size}; {left} bytes of binary data are left")),
            None => Err(format!("binary_data_size is {size}; expected a number of bytes")),
        }
    }

    fn into_pieces(self, message: &ModelInferRequest) -> Vec<Bytes> {
        let mut pieces = vec![Bytes::from(message.encode_to_vec())];
        for raw in self.raw {
            let mut head = BytesMut::with_capacity(11);
            put_key(&mut head, RAW_INPUT_CONTENTS, 2);
            put_varint(&mut head, raw.len() as u64);
            pieces.push(head.freeze());
            pieces.push(raw);
        }
        pieces
    }
}

/// A parameter of the form of a body, which the message does not have.
fn flag(parameters: &mut BTreeMap<String, Value>, name: &str, place: &str, faults: &mut Faults) -> bool {
    match parameters.remove(name) {
        None => false,
        Some(Value::Bool(value)) => value,
        Some(other) => {
            refuse(name, place, &other, "a boolean", faults);
            false
        }
    }
}

fn infer_parameters(
    parameters: BTreeMap<String, Value>,
    place: &str,
    faults: &mut Faults,
) -> BTreeMap<String, InferParameter> {
    let mut taken = BTreeMap::new();
    for (name, value) in parameters {
        let choice = match &value {
            Value::Bool(value) => Some(ParameterChoice::BoolParam(*value)),
            Value::String(text) => Some(ParameterChoice::StringParam(text.clone())),
            Value::Number(number) => number
                .as_i64()
                .map(ParameterChoice::Int64Param)
                .or_else(|| number.as_u64().map(ParameterChoice::Uint64Param))
                .or_else(|| number.as_f64().map(ParameterChoice::DoubleParam)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        if choice.is_none() {
            refuse(&name, place, &value, "a boolean, a number or a string", faults);
        }
        taken.insert(name, InferParameter { parameter_choice: choice });
    }
    taken
}

fn refuse(name: &str, place: &str, value: &Value, expected: &str, faults: &mut Faults) {
    let came = match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        other => quoted(&other.to_string()).to_owned(),
    };
    let shown = quoted(name);
    faults.add(
        Reason::InvalidParameter,
        || format!("{place}parameters[\"{shown}\"]"),
        || format!("parameter \"{shown}\": expected {expected}, got {came}"),
    );
}
