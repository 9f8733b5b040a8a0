//! Made-up requests that most models accept.

use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::request::Head;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::oip::validate::{Plan, validate};

/// What a dynamic axis other than the first is tried with.
const DYNAMIC_EXTENT: i64 = 2;
/// A generated request: message and plan.
pub(super) struct Sample {
    pub(super) message: Vec<u8>,
    pub(super) plan: Plan,
}

/// A request with generated contents, of `rows` rows if batched; different for each `seed`.
pub(super) fn sample(signature: &Signature, batched: bool, rows: i64, seed: u64) -> Option<Sample> {
    let mut message = Vec::new();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut body = Vec::new();
    for spec in &signature.inputs {
        let dims = sample_dims(spec, batched, rows);
        let elements = dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim as u64))?;
        if elements > 1 << 24 {
            return None;
        }
        let mut raw = Vec::new();
        for _ in 0..elements {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            element(&mut raw, spec.datatype, (state >> 40) as u32);
        }
        body.push((spec, dims, raw));
    }
    // The request is written and read back, so that warm-up takes the way of every other request.
    for (spec, dims, _) in &body {
        let mut input = Vec::new();
        delimited(&mut input, 1, spec.name.as_bytes());
        delimited(&mut input, 2, spec.datatype.name().as_bytes());
        let mut packed = Vec::new();
        for &dim in dims {
            varint(&mut packed, dim as u64);
        }
        delimited(&mut input, 3, &packed);
        delimited(&mut message, 5, &input);
    }
    for (_, _, raw) in &body {
        delimited(&mut message, 7, raw);
    }
    let mut head = Head::default();
    head.read(&message).ok()?;
    let plan = validate(&head, &message, signature, batched).ok()?;
    Some(Sample { message, plan })
}

fn sample_dims(spec: &TensorSpec, batched: bool, rows: i64) -> Vec<i64> {
    let dynamic =
        |axis: usize| if batched { if axis == 0 { rows } else { DYNAMIC_EXTENT } } else { DYNAMIC_EXTENT * rows };
    spec.dims.iter().enumerate().map(|(axis, &dim)| if dim < 0 { dynamic(axis) } else { dim }).collect()
}

/// Small, varied values that most models accept.
fn element(raw: &mut Vec<u8>, datatype: Datatype, random: u32) {
    let unit = f64::from(random % 10_000) / 10_000.0;
    let small = (random % 2) as u8;
    match datatype {
        Datatype::Fp32 => raw.extend_from_slice(&(unit as f32).to_le_bytes()),
        Datatype::Fp64 => raw.extend_from_slice(&unit.to_le_bytes()),
        // 1.0 + small steps, in the bits of each format.
        Datatype::Fp16 => raw.extend_from_slice(&(0x3c00 + (random % 1024) as u16).to_le_bytes()),
        Datatype::Bf16 => raw.extend_from_slice(&(0x3f80 + (random % 128) as u16).to_le_bytes()),
        Datatype::Bytes => {
            let text = ["", "a", "b", "0", "1"][random as usize % 5];
            raw.extend_from_slice(&(text.len() as u32).to_le_bytes());
            raw.extend_from_slice(text.as_bytes());
        }
        integer => {
            let size = integer.size().unwrap_or(1);
            raw.push(small);
            raw.extend(std::iter::repeat_n(0, size - 1));
        }
    }
}

fn delimited(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
