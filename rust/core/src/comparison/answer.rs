//! An answer as a comparison reads it: tensors in the raw form, whose contents fit their shape.

use crate::oip::datatype::Datatype;
use crate::oip::messages::inference::InferTensorContents;
use crate::oip::messages::inference::model_infer_response::InferOutputTensor;
use bytes::Bytes;
use prost::Message as _;

/// More outputs than any model has; finding them by name takes the square of their number.
const MOST_OUTPUTS: usize = 1_024;

/// The part of a `ModelInferResponse` that is compared. prost passes over the rest, whose map of parameters would cost
/// more than everything else.
#[derive(prost::Message)]
struct Answer {
    #[prost(message, repeated, tag = "5")]
    outputs: Vec<InferOutputTensor>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    raw_output_contents: Vec<Bytes>,
}

/// One output of an answer.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) datatype: Datatype,
    /// Extents, none of them negative.
    pub(super) dims: Vec<i64>,
    /// How many elements that makes; 1 without extents.
    pub(super) elements: usize,
    /// Little-endian elements, or `<u32 length><bytes>` for each element of BYTES: exactly `elements` of them.
    pub(super) raw: Bytes,
}

impl Tensor {
    /// Entries along the first axis: 1 without axes, 0 where there are no elements.
    pub(super) fn rows(&self) -> usize {
        if self.elements == 0 { 0 } else { self.dims.first().map_or(1, |&dim| dim as usize) }
    }

    /// Elements of one row.
    pub(super) fn row_len(&self) -> usize {
        self.elements.checked_div(self.rows()).unwrap_or(0)
    }
}

/// The outputs of an encoded `ModelInferResponse` in its order.
///
/// `None` if it cannot be read as an answer: not protobuf, an unknown datatype, contents that do not fit datatype and
/// shape, the same name twice, or more outputs than any model has.
pub(super) fn read(message: &[u8]) -> Option<Vec<Tensor>> {
    let response = Answer::decode(message).ok()?;
    if response.outputs.len() > MOST_OUTPUTS {
        return None;
    }
    let mut tensors: Vec<Tensor> = Vec::with_capacity(response.outputs.len());
    let is_raw = !response.raw_output_contents.is_empty();
    let mut raws = response.raw_output_contents.into_iter();
    for output in response.outputs {
        let datatype = Datatype::parse(output.datatype.as_bytes())?;
        let elements = count(&output.shape)?;
        let raw = if is_raw { raws.next()? } else { to_raw(&output.contents.unwrap_or_default(), datatype)? };
        if !fits(&raw, datatype, elements) || tensors.iter().any(|known| known.name == output.name) {
            return None;
        }
        tensors.push(Tensor { name: output.name, datatype, dims: output.shape, elements, raw });
    }
    Some(tensors)
}

fn count(dims: &[i64]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok()?))
}

fn fits(raw: &[u8], datatype: Datatype, elements: usize) -> bool {
    match datatype.size() {
        Some(size) => elements.checked_mul(size) == Some(raw.len()),
        None => {
            let mut strings = Strings(raw);
            let count = strings.by_ref().count();
            count == elements && strings.0.is_empty()
        }
    }
}

/// The elements of BYTES in the raw form; ends early where the bytes do.
pub(super) struct Strings<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (string, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some(string)
    }
}

/// Typed contents in the raw form; `None` if an element does not fit the datatype, or the datatype has no typed form.
fn to_raw(contents: &InferTensorContents, datatype: Datatype) -> Option<Bytes> {
    let raw = match datatype {
        Datatype::Bool => contents.bool_contents.iter().map(|&value| u8::from(value)).collect(),
        Datatype::Int8 => narrow(&contents.int_contents, i8::to_le_bytes)?,
        Datatype::Int16 => narrow(&contents.int_contents, i16::to_le_bytes)?,
        Datatype::Int32 => narrow(&contents.int_contents, i32::to_le_bytes)?,
        Datatype::Int64 => narrow(&contents.int64_contents, i64::to_le_bytes)?,
        Datatype::Uint8 => narrow(&contents.uint_contents, u8::to_le_bytes)?,
        Datatype::Uint16 => narrow(&contents.uint_contents, u16::to_le_bytes)?,
        Datatype::Uint32 => narrow(&contents.uint_contents, u32::to_le_bytes)?,
        Datatype::Uint64 => narrow(&contents.uint64_contents, u64::to_le_bytes)?,
        Datatype::Fp32 => narrow(&contents.fp32_contents, f32::to_le_bytes)?,
        Datatype::Fp64 => narrow(&contents.fp64_contents, f64::to_le_bytes)?,
        Datatype::Bytes => contents.bytes_contents.iter().flat_map(with_length).collect(),
        Datatype::Fp16 | Datatype::Bf16 => Vec::new(),
    };
    Some(raw.into())
}

fn narrow<Wide: Copy, Narrow: TryFrom<Wide>, const SIZE: usize>(
    values: &[Wide],
    bytes: fn(Narrow) -> [u8; SIZE],
) -> Option<Vec<u8>> {
    let mut raw = Vec::with_capacity(values.len() * SIZE);
    for &value in values {
        raw.extend_from_slice(&bytes(Narrow::try_from(value).ok()?));
    }
    Some(raw)
}

fn with_length(string: &Bytes) -> impl Iterator<Item = u8> + '_ {
    (string.len() as u32).to_le_bytes().into_iter().chain(string.iter().copied())
}
