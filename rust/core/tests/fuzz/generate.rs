//! Requests that fit a signature, or nearly.

use super::rng::Rng;
use std::collections::BTreeMap;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::messages::inference::infer_parameter::ParameterChoice;
use tidegate_core::oip::messages::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use tidegate_core::oip::messages::inference::{InferParameter, InferTensorContents, ModelInferRequest};
use tidegate_core::oip::signature::{Signature, TensorSpec};

/// A signature and a request made for it.
pub(crate) struct Case {
    pub(crate) signature: Signature,
    pub(crate) batched: bool,
    pub(crate) request: ModelInferRequest,
}

impl Case {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let batched = rng.once_in(2);
        // Now and then more inputs than have a place on the stack.
        let count = if rng.once_in(50) { 14 + rng.below(6) } else { 1 + rng.below(3) };
        let inputs: Vec<_> = (0..count).map(|index| spec(rng, "in", index, batched)).collect();
        let outputs: Vec<_> = (0..=rng.below(3)).map(|index| spec(rng, "out", index, batched)).collect();
        let signature = Signature { inputs, outputs };
        let mut request = request(rng, &signature);
        if rng.once_in(4) {
            slip(rng, &mut request);
        }
        Self { signature, batched, request }
    }
}

fn spec(rng: &mut Rng, name: &str, index: usize, batched: bool) -> TensorSpec {
    let rank = rng.below(4).max(usize::from(batched));
    let mut dims: Vec<i64> = (0..rank).map(|_| if rng.once_in(2) { -1 } else { rng.below(4) as i64 }).collect();
    if batched {
        dims[0] = -1;
    }
    TensorSpec { name: format!("{name}-{index}"), datatype: rng.pick(&Datatype::ALL), dims, axes: Vec::new() }
}

fn request(rng: &mut Rng, signature: &Signature) -> ModelInferRequest {
    let rows = rng.below(4) as i64;
    let is_raw = rng.once_in(2) || signature.inputs.iter().any(|spec| spec.datatype.contents_field().is_none());
    let mut request = ModelInferRequest {
        model_name: text(rng),
        model_version: text(rng),
        id: text(rng),
        parameters: parameters(rng, &["timeout", "priority", "sequence_id", "sequence_start", "unit", "", "triton_x"]),
        ..ModelInferRequest::default()
    };
    for spec in &signature.inputs {
        // The first free axis is the same everywhere, so that batched requests have equal rows.
        let shape: Vec<i64> = (0..spec.dims.len())
            .map(|axis| match (axis, spec.dims[axis]) {
                (0, -1) => rows,
                (_, -1) => rng.below(4) as i64,
                (_, dim) => dim,
            })
            .collect();
        let elements = shape.iter().product::<i64>() as usize;
        let mut contents = None;
        if is_raw {
            request.raw_input_contents.push(raw(rng, spec.datatype, elements).into());
        } else {
            contents = (elements > 0 || rng.once_in(2)).then(|| typed(rng, spec.datatype, elements));
        }
        request.inputs.push(InferInputTensor {
            name: spec.name.clone(),
            datatype: spec.datatype.name().to_owned(),
            shape,
            parameters: parameters(rng, &["binary_data_size", "é", ""]),
            contents,
        });
    }
    if rng.once_in(2) {
        let first = rng.below(signature.outputs.len());
        for spec in signature.outputs.iter().cycle().skip(first).take(1 + rng.below(signature.outputs.len())) {
            let parameters = parameters(rng, &["binary_data", "x", "y"]);
            request.outputs.push(InferRequestedOutputTensor { name: spec.name.clone(), parameters });
        }
    }
    request
}

/// Breaks a rule that the wire format knows nothing of.
fn slip(rng: &mut Rng, request: &mut ModelInferRequest) {
    let at = rng.below(request.inputs.len());
    let (from, to) = (rng.below(request.inputs.len()), rng.below(request.inputs.len()));
    let input = &mut request.inputs[at];
    match rng.below(12) {
        0 => input.name = text(rng),
        1 => rng.pick(&Datatype::ALL).name().clone_into(&mut input.datatype),
        2 => input.shape.push(1),
        3 => drop(input.shape.pop()),
        4 => input.shape.iter_mut().for_each(|dim| *dim = rng.number() as i64),
        5 => input.contents = Some(typed(rng, Datatype::Int32, 1)),
        6 => drop(request.raw_input_contents.pop()),
        7 => drop(request.inputs.remove(at)),
        8 => request.inputs.swap(from, to),
        9 => {
            if let Some(contents) = &mut input.contents {
                contents.int_contents.iter_mut().for_each(|value| *value = rng.number() as i32);
                contents.uint_contents.iter_mut().for_each(|value| *value = rng.number() as u32);
            }
        }
        10 => {
            let name = rng.pick(&["shared_memory_region", "classification"]);
            let output = InferRequestedOutputTensor { name: "out-0".to_owned(), parameters: parameters(rng, &[name]) };
            request.outputs.push(output);
        }
        _ => input.parameters = parameters(rng, &["shared_memory_region"]),
    }
}

fn text(rng: &mut Rng) -> String {
    rng.pick(&["", "flight-delay", "1", "ü ∞ \u{0}", "in-0", "a name of some length that takes a while to be compared"])
        .to_owned()
}

fn parameters(rng: &mut Rng, names: &[&str]) -> BTreeMap<String, InferParameter> {
    let count = if rng.once_in(3) { 1 + rng.below(2) } else { 0 };
    (0..count)
        .map(|_| {
            let choice = match rng.below(8) {
                0 => None,
                1 => Some(ParameterChoice::BoolParam(rng.once_in(2))),
                2 => Some(ParameterChoice::StringParam(text(rng))),
                3 => Some(ParameterChoice::DoubleParam(f64::from_bits(rng.next()))),
                4 | 5 => Some(ParameterChoice::Uint64Param(rng.number())),
                _ => Some(ParameterChoice::Int64Param(rng.number() as i64)),
            };
            (rng.pick(names).to_owned(), InferParameter { parameter_choice: choice })
        })
        .collect()
}

/// The raw form of so many random elements.
pub(crate) fn raw(rng: &mut Rng, datatype: Datatype, elements: usize) -> Vec<u8> {
    match datatype.size() {
        None => (0..elements)
            .flat_map(|_| {
                let length = rng.below(9);
                [(length as u32).to_le_bytes().to_vec(), rng.bytes(length)].concat()
            })
            .collect(),
        Some(_) if datatype == Datatype::Bool => (0..elements).map(|_| rng.below(2) as u8).collect(),
        Some(size) => rng.bytes(elements * size),
    }
}

fn typed(rng: &mut Rng, datatype: Datatype, elements: usize) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    for _ in 0..elements {
        let bits = rng.number();
        match datatype {
            Datatype::Bool => contents.bool_contents.push(bits & 1 == 1),
            Datatype::Int8 => contents.int_contents.push(i32::from(bits as i8)),
            Datatype::Int16 => contents.int_contents.push(i32::from(bits as i16)),
            Datatype::Int32 => contents.int_contents.push(bits as i32),
            Datatype::Int64 => contents.int64_contents.push(bits as i64),
            Datatype::Uint8 => contents.uint_contents.push(u32::from(bits as u8)),
            Datatype::Uint16 => contents.uint_contents.push(u32::from(bits as u16)),
            Datatype::Uint32 => contents.uint_contents.push(bits as u32),
            Datatype::Uint64 => contents.uint64_contents.push(bits),
            Datatype::Fp32 => contents.fp32_contents.push(f32::from_bits(bits as u32)),
            Datatype::Fp64 => contents.fp64_contents.push(f64::from_bits(bits)),
            Datatype::Bytes | Datatype::Fp16 | Datatype::Bf16 => {
                let length = rng.below(9);
                contents.bytes_contents.push(rng.bytes(length).into());
            }
        }
    }
    contents
}
