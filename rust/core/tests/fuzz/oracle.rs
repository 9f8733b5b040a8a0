//! What a decoded request asks for, worked out slowly and without the code under test.

use tidegate_core::fault::Code;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::messages::inference::infer_parameter::ParameterChoice;
use tidegate_core::oip::messages::inference::{InferParameter, InferTensorContents, ModelInferRequest};
use tidegate_core::oip::parameters::{Asked, asked};
use tidegate_core::oip::request::Head;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::oip::validate::validate;

/// One input: its shape and its raw form.
type Tensor = (Vec<i64>, Vec<u8>);

/// Asserts that validation and the oracle agree; whether both accept.
pub(crate) fn validates_alike(
    head: &Head,
    bytes: &[u8],
    request: &ModelInferRequest,
    signature: &Signature,
    batched: bool,
) -> bool {
    let expected = plan(request, signature, batched);
    let plan = match (validate(head, bytes, signature, batched), &expected) {
        (Ok(plan), Some(_)) => plan,
        (Err(fault), None) => {
            assert!(matches!(fault.code(), Code::InvalidArgument | Code::Unimplemented), "{fault}");
            assert!((1..=16).contains(&fault.violations.len()), "{fault:?}");
            assert!(fault.message.contains(&fault.violations[0].description), "{fault:?}");
            return false;
        }
        (validated, _) => panic!("validated: {validated:?}, expected: {expected:?}"),
    };
    let (tensors, outputs) = expected.expect("both accept");
    let ours: Vec<Tensor> =
        plan.tensors.iter().map(|tensor| (plan.dims(tensor).to_vec(), plan.data(tensor, bytes).to_vec())).collect();
    assert_eq!(ours, tensors);
    assert_eq!(plan.outputs.iter().map(|&index| usize::from(index)).collect::<Vec<_>>(), outputs);
    assert_eq!(i64::from(plan.rows), if batched { tensors[0].0[0] } else { 1 });
    // A string weighs by its bytes beside being one element.
    let weight = |((dims, raw), spec): (&Tensor, &TensorSpec)| {
        let bytes = if spec.datatype == Datatype::Bytes { raw.len() as u64 / 8 } else { 0 };
        dims.iter().product::<i64>() as u64 + bytes
    };
    assert_eq!(plan.elements, tensors.iter().zip(&signature.inputs).map(weight).sum::<u64>());
    let is_half = |&index: &usize| matches!(signature.outputs[index].datatype, Datatype::Fp16 | Datatype::Bf16);
    assert_eq!(plan.raw_answer, !request.raw_input_contents.is_empty() || outputs.iter().any(is_half));
    assert!(plan.same_shape(&plan));
    true
}

/// The tensors in the signature's order and the outputs in the request's; `None` if anything does not fit.
fn plan(request: &ModelInferRequest, signature: &Signature, batched: bool) -> Option<(Vec<Tensor>, Vec<usize>)> {
    let is_raw = !request.raw_input_contents.is_empty();
    if request.inputs.len() != signature.inputs.len()
        || is_raw && request.raw_input_contents.len() != request.inputs.len()
    {
        return None;
    }
    let mut tensors = Vec::new();
    for spec in &signature.inputs {
        let index = request.inputs.iter().position(|input| input.name == spec.name)?;
        let input = &request.inputs[index];
        let elements = elements(&input.shape, spec)?;
        if input.datatype != spec.datatype.name() || input.parameters.contains_key("shared_memory_region") {
            return None;
        }
        let data = match &input.contents {
            Some(contents) if is_raw && *contents != InferTensorContents::default() => return None,
            _ if is_raw => whole(&request.raw_input_contents[index], spec.datatype, elements)?,
            None if elements > 0 => return None,
            contents => translated(contents.as_ref().unwrap_or(&InferTensorContents::default()), spec.datatype)
                .filter(|(count, _)| *count as u64 == elements)
                .map(|(_, raw)| raw)?,
        };
        tensors.push((input.shape.clone(), data));
    }
    if batched && tensors.iter().any(|(dims, _)| dims[0] != tensors[0].0[0]) {
        return None;
    }
    let mut outputs = Vec::new();
    for output in &request.outputs {
        let index = signature.outputs.iter().position(|spec| spec.name == output.name)?;
        let is_refused =
            ["shared_memory_region", "classification"].iter().any(|key| output.parameters.contains_key(*key));
        if is_refused || outputs.contains(&index) {
            return None;
        }
        outputs.push(index);
    }
    if outputs.is_empty() {
        outputs = (0..signature.outputs.len()).collect();
    }
    Some((tensors, outputs))
}

fn elements(shape: &[i64], spec: &TensorSpec) -> Option<u64> {
    let fits = |(&came, &expected): (&i64, &i64)| (0..1 << 32).contains(&came) && (expected == -1 || came == expected);
    if shape.len() != spec.dims.len() || !shape.iter().zip(&spec.dims).all(fits) {
        return None;
    }
    let extents = shape.iter().fold(1u128, |product, &dim| product.saturating_mul((dim as u128).max(1)));
    let is_empty = shape.contains(&0);
    let most = if is_empty { 1 << 16 } else { (1 << 32) - 1 };
    (extents <= most).then_some(if is_empty { 0 } else { extents as u64 })
}

/// Raw contents, if they are exactly so many elements.
fn whole(raw: &[u8], datatype: Datatype, elements: u64) -> Option<Vec<u8>> {
    let fits = if let Some(size) = datatype.size() {
        raw.len() as u64 == elements * size as u64 && (datatype != Datatype::Bool || raw.iter().all(|&byte| byte < 2))
    } else {
        let (mut count, mut rest) = (0, raw);
        while let Some((length, after)) = rest.split_at_checked(4) {
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            rest = after.get(length..)?;
            count += 1;
        }
        rest.is_empty() && count == elements
    };
    fits.then(|| raw.to_vec())
}

/// The number of elements and their raw form, if they lie in the datatype's field alone and fit it.
fn translated(contents: &InferTensorContents, datatype: Datatype) -> Option<(usize, Vec<u8>)> {
    let c = contents;
    let counts = [
        (&[Datatype::Bool][..], c.bool_contents.len()),
        (&[Datatype::Int8, Datatype::Int16, Datatype::Int32], c.int_contents.len()),
        (&[Datatype::Int64], c.int64_contents.len()),
        (&[Datatype::Uint8, Datatype::Uint16, Datatype::Uint32], c.uint_contents.len()),
        (&[Datatype::Uint64], c.uint64_contents.len()),
        (&[Datatype::Fp32], c.fp32_contents.len()),
        (&[Datatype::Fp64], c.fp64_contents.len()),
        (&[Datatype::Bytes], c.bytes_contents.len()),
    ];
    if counts.iter().any(|(datatypes, count)| *count > 0 && !datatypes.contains(&datatype)) {
        return None;
    }
    let (_, count) = counts.iter().find(|(datatypes, _)| datatypes.contains(&datatype))?;
    let raw: Option<Vec<Vec<u8>>> = match datatype {
        Datatype::Bool => Some(c.bool_contents.iter().map(|&v| vec![u8::from(v)]).collect()),
        Datatype::Int8 => c.int_contents.iter().map(|&v| Some(i8::try_from(v).ok()?.to_le_bytes().to_vec())).collect(),
        Datatype::Int16 => {
            c.int_contents.iter().map(|&v| Some(i16::try_from(v).ok()?.to_le_bytes().to_vec())).collect()
        }
        Datatype::Int32 => Some(c.int_contents.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Datatype::Int64 => Some(c.int64_contents.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Datatype::Uint8 => c.uint_contents.iter().map(|&v| Some(vec![u8::try_from(v).ok()?])).collect(),
        Datatype::Uint16 => {
            c.uint_contents.iter().map(|&v| Some(u16::try_from(v).ok()?.to_le_bytes().to_vec())).collect()
        }
        Datatype::Uint32 => Some(c.uint_contents.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Datatype::Uint64 => Some(c.uint64_contents.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Datatype::Fp32 => Some(c.fp32_contents.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Datatype::Fp64 => Some(c.fp64_contents.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Datatype::Bytes => {
            Some(c.bytes_contents.iter().map(|v| [&(v.len() as u32).to_le_bytes()[..], v].concat()).collect())
        }
        Datatype::Fp16 | Datatype::Bf16 => None,
    };
    Some((*count, raw?.concat()))
}

/// Asserts that the reserved parameters are read, or refused, as their map says.
pub(crate) fn asks_alike(head: &Head, bytes: &[u8], request: &ModelInferRequest) {
    let mut expected = Some(Asked::default());
    for (key, InferParameter { parameter_choice: choice }) in &request.parameters {
        let whole = match *choice {
            Some(ParameterChoice::Int64Param(value)) => u64::try_from(value).ok(),
            Some(ParameterChoice::Uint64Param(value)) => Some(value),
            _ => None,
        };
        let truth = if let Some(ParameterChoice::BoolParam(value)) = choice { Some(*value) } else { None };
        let is_text = matches!(choice, Some(ParameterChoice::StringParam(_)));
        let fits = match key.as_str() {
            "timeout" | "priority" => whole.is_some(),
            "sequence_id" => whole.is_some() || is_text,
            "sequence_start" | "sequence_end" | "triton_enable_empty_final_response" => truth.is_some(),
            other => !other.starts_with("triton_"),
        };
        expected = expected.filter(|_| fits);
        match (&mut expected, key.as_str()) {
            (Some(expected), "timeout") => expected.timeout_us = whole.filter(|&us| us != 0),
            (Some(expected), "priority") => expected.priority = whole.unwrap_or(0),
            (Some(expected), "triton_enable_empty_final_response") => expected.final_response = truth == Some(true),
            _ => {}
        }
    }
    assert_eq!(asked(&head.parameters, bytes).ok(), expected);
}
