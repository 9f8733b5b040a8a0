//! Element types by both names, and what the library says by the part that helps.

use ort_sys as sys;
use std::ffi::c_int;
use tidegate_core::oip::datatype::Datatype;

/// Why an input or output cannot be served.
pub(super) fn not_a_tensor(kind: &str, name: &str) -> String {
    format!(
        "{kind} \"{name}\" is a sequence or a map, which the protocol cannot carry; export the model without it \
         (skl2onnx: options={{id(model): {{\"zipmap\": False}}}})"
    )
}

/// The datatype of an ONNX element type.
pub(super) fn datatype_of(element: c_int) -> Option<Datatype> {
    Some(match element {
        1 => Datatype::Fp32,
        2 => Datatype::Uint8,
        3 => Datatype::Int8,
        4 => Datatype::Uint16,
        5 => Datatype::Int16,
        6 => Datatype::Int32,
        7 => Datatype::Int64,
        8 => Datatype::Bytes,
        9 => Datatype::Bool,
        10 => Datatype::Fp16,
        11 => Datatype::Fp64,
        12 => Datatype::Uint32,
        13 => Datatype::Uint64,
        16 => Datatype::Bf16,
        _ => return None,
    })
}

/// The ONNX element type of a datatype.
pub(super) fn element_type(datatype: Datatype) -> sys::ONNXTensorElementDataType {
    use sys::ONNXTensorElementDataType as E;
    match datatype {
        Datatype::Fp32 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        Datatype::Uint8 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        Datatype::Int8 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
        Datatype::Uint16 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
        Datatype::Int16 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,
        Datatype::Int32 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        Datatype::Int64 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        Datatype::Bytes => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
        Datatype::Bool => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
        Datatype::Fp16 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        Datatype::Fp64 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
        Datatype::Uint32 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
        Datatype::Uint64 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
        Datatype::Bf16 => E::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
    }
}

/// What the library says, in one line and without the place in its own sources
/// (`/path/file.cc:46 void signature(…) message`).
pub(super) fn readable(said: &str) -> String {
    let text = if said.starts_with('/') { after_signature(said).unwrap_or(said) } else { said };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn after_signature(said: &str) -> Option<&str> {
    let mut depth = 0u32;
    for (at, char) in said.char_indices() {
        match char {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(said[at + 1..].trim_start().trim_start_matches("const ")),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}
