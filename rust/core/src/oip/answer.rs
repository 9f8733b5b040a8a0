//! `ModelInferResponse`, written straight into the buffer that goes out.

use super::datatype::Datatype;
use super::put::{put_key, put_parameter_head, put_text, put_text_parameter, put_varint, varint_len};
use super::signature::TensorSpec;
use bytes::{BufMut, BytesMut};

/// gRPC's length-prefixed framing: one compression flag and a 32-bit length before each message.
pub const FRAME_HEAD: usize = 5;

/// What the parameter of broken rules takes beside their names.
const ROOM_FOR_RULES: usize = 64;

/// The largest answer gRPC can carry.
pub const LARGEST: usize = i32::MAX as usize;

/// The parts of an answer that are the same for every request a version answers under one name, encoded once.
#[derive(Clone, Debug)]
pub struct Stamp {
    names: Vec<u8>,
    parameters: Vec<u8>,
    outputs: Vec<(Vec<u8>, Datatype)>,
}

impl Stamp {
    /// `model_name` is the name the caller used, `version` the version's number, `tidegate_version` its full name.
    pub fn new(model_name: &str, version: &str, tidegate_version: &str, outputs: &[TensorSpec]) -> Self {
        let mut names = Vec::new();
        put_text(&mut names, 1, model_name.as_bytes());
        put_text(&mut names, 2, version.as_bytes());
        let mut parameters = Vec::new();
        put_text_parameter(&mut parameters, "tidegate_version", tidegate_version);
        let outputs = outputs
            .iter()
            .map(|spec| {
                let mut head = Vec::new();
                put_text(&mut head, 1, spec.name.as_bytes());
                put_text(&mut head, 2, spec.datatype.name().as_bytes());
                (head, spec.datatype)
            })
            .collect();
        Self { names, parameters, outputs }
    }
}

/// Who answered, as the caller is told.
#[derive(Clone, Copy, Debug)]
pub struct Credit<'a> {
    /// The snapshot that decided.
    pub epoch: u64,
    pub reason: &'a str,
    pub prediction_id: &'a str,
}

/// What the parameters of an answer say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// `None` leaves out who answered.
    pub credit: Option<Credit<'a>>,
    /// The rules that the request broke, where a gate flags.
    pub rules_broken: Option<&'a str>,
}

/// The elements of an output in memory.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'a> {
    /// Little-endian numbers.
    Fixed(&'a [u8]),
    /// Strings back to back; `ends[i]` is where the i-th one ends, and it starts where its predecessor ends (at `start`
    /// for the first).
    Strings { text: &'a [u8], start: usize, ends: &'a [usize] },
}

/// One output of one answer.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// Its place in the signature.
    pub index: u16,
    pub dims: &'a [i64],
    pub elements: Elements<'a>,
}

/// Why no answer can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer has {size} bytes; gRPC carries at most {LARGEST}")]
pub struct TooLarge {
    pub size: usize,
}

/// Appends one framed `ModelInferResponse`.
pub fn write(
    out: &mut BytesMut,
    stamp: &Stamp,
    id: &[u8],
    said: Said<'_>,
    raw: bool,
    outputs: &[Output<'_>],
) -> Result<(), TooLarge> {
    let size = upper_bound(stamp, id, raw, outputs) + said.rules_broken.map_or(0, |rules| rules.len() + ROOM_FOR_RULES);
    if size > LARGEST {
        return Err(TooLarge { size });
    }
    out.reserve(size);
    let start = out.len();
    out.put_slice(&[0; FRAME_HEAD]);
    out.put_slice(&stamp.names);
    if !id.is_empty() {
        put_text(out, 3, id);
    }
    if let Some(credit) = said.credit {
        out.put_slice(&stamp.parameters);
        put_parameter_head(out, "tidegate_epoch", 1 + varint_len(credit.epoch));
        put_key(out, 2, 0);
        put_varint(out, credit.epoch);
        put_text_parameter(out, "tidegate_reason", credit.reason);
        put_text_parameter(out, "tidegate_prediction_id", credit.prediction_id);
    }
    if let Some(rules) = said.rules_broken {
        put_text_parameter(out, "tidegate_rules_broken", rules);
    }
    for output in outputs {
        put_output(out, stamp, output, raw);
    }
    if raw {
        for output in outputs {
            put_raw(out, &output.elements);
        }
    }
    let length = (out.len() - start - FRAME_HEAD) as u32;
    out[start + 1..start + FRAME_HEAD].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Room that suffices for any answer of these outputs: varints at their longest.
fn upper_bound(stamp: &Stamp, id: &[u8], raw: bool, outputs: &[Output<'_>]) -> usize {
    const CREDIT: usize = 320;
    let fixed = FRAME_HEAD + stamp.names.len() + stamp.parameters.len() + id.len() + CREDIT;
    outputs.iter().fold(fixed, |sum, output| {
        let (head, datatype) = &stamp.outputs[output.index as usize];
        let contents = match output.elements {
            Elements::Fixed(bytes) if !raw => bytes.len() / datatype.size().unwrap_or(1) * widest(*datatype),
            Elements::Fixed(bytes) => bytes.len(),
            Elements::Strings { start, ends, .. } => ends.last().map_or(0, |end| end - start) + ends.len() * 6,
        };
        sum + head.len() + output.dims.len() * 10 + contents + 64
    })
}

/// Bytes of an element of typed contents at most; negative integers of any width take ten.
fn widest(datatype: Datatype) -> usize {
    match datatype {
        Datatype::Bool | Datatype::Uint8 => 2,
        Datatype::Uint16 => 3,
        Datatype::Uint32 => 5,
        Datatype::Fp32 => 4,
        Datatype::Fp64 => 8,
        _ => 10,
    }
}

fn put_output(out: &mut BytesMut, stamp: &Stamp, output: &Output<'_>, raw: bool) {
    let (head, datatype) = &stamp.outputs[output.index as usize];
    let shape: usize = output.dims.iter().map(|&dim| varint_len(dim as u64)).sum();
    let contents = if raw { None } else { Some(contents_len(*datatype, &output.elements)) };
    let mut length = head.len();
    if !output.dims.is_empty() {
        length += 1 + varint_len(shape as u64) + shape;
    }
    if let Some(contents) = contents {
        length += 1 + varint_len(contents as u64) + contents;
    }
    put_key(out, 5, 2);
    put_varint(out, length as u64);
    out.put_slice(head);
    if !output.dims.is_empty() {
        put_key(out, 3, 2);
        put_varint(out, shape as u64);
        for &dim in output.dims {
            put_varint(out, dim as u64);
        }
    }
    if let Some(contents) = contents {
        put_key(out, 5, 2);
        put_varint(out, contents as u64);
        put_contents(out, *datatype, &output.elements);
    }
}

fn put_raw(out: &mut BytesMut, elements: &Elements<'_>) {
    put_key(out, 6, 2);
    match *elements {
        Elements::Fixed(bytes) => {
            put_varint(out, bytes.len() as u64);
            out.put_slice(bytes);
        }
        Elements::Strings { text, start, ends } => {
            let length = ends.last().map_or(0, |end| end - start) + 4 * ends.len();
            put_varint(out, length as u64);
            for string in strings(text, start, ends) {
                out.put_u32_le(string.len() as u32);
                out.put_slice(string);
            }
        }
    }
}

/// Each string of a tensor.
fn strings<'a>(text: &'a [u8], start: usize, ends: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    ends.iter().scan(start, move |from, &end| {
        let string = &text[*from..end];
        *from = end;
        Some(string)
    })
}

/// The length of the `InferTensorContents` message.
fn contents_len(datatype: Datatype, elements: &Elements<'_>) -> usize {
    match *elements {
        Elements::Strings { text, start, ends } => {
            strings(text, start, ends).map(|string| 1 + varint_len(string.len() as u64) + string.len()).sum()
        }
        Elements::Fixed([]) => 0,
        Elements::Fixed(bytes) => {
            let packed = packed_len(datatype, bytes);
            1 + varint_len(packed as u64) + packed
        }
    }
}

fn packed_len(datatype: Datatype, bytes: &[u8]) -> usize {
    match datatype {
        Datatype::Fp32 | Datatype::Fp64 => bytes.len(),
        _ => varints(datatype, bytes).map(varint_len).sum(),
    }
}

fn put_contents(out: &mut BytesMut, datatype: Datatype, elements: &Elements<'_>) {
    let Some(field) = datatype.contents_field() else { return };
    match *elements {
        Elements::Strings { text, start, ends } => {
            strings(text, start, ends).for_each(|string| put_text(out, 8, string));
        }
        Elements::Fixed([]) => {}
        Elements::Fixed(bytes) => {
            put_key(out, field.number, 2);
            put_varint(out, packed_len(datatype, bytes) as u64);
            match datatype {
                Datatype::Fp32 | Datatype::Fp64 => out.put_slice(bytes),
                _ => varints(datatype, bytes).for_each(|value| put_varint(out, value)),
            }
        }
    }
}

/// The elements of an integer tensor as varints: signed ones are extended to 64 bits.
fn varints(datatype: Datatype, bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let size = datatype.size().unwrap_or(1);
    let signed = matches!(datatype, Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64);
    bytes.chunks_exact(size).map(move |chunk| {
        let mut wide = [if signed && chunk[size - 1] >= 0x80 { 0xff } else { 0 }; 8];
        wide[..size].copy_from_slice(chunk);
        u64::from_le_bytes(wide)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_grpc_cannot_carry_is_refused_before_a_byte_is_written() {
        let spec = TensorSpec { name: "y".to_owned(), datatype: Datatype::Bytes, dims: vec![-1], axes: Vec::new() };
        let stamp = Stamp::new("m", "1", "m/1", &[spec]);
        let elements = Elements::Strings { text: &[], start: 0, ends: &[LARGEST] };
        let mut out = BytesMut::new();
        let refused = write(&mut out, &stamp, b"", Said::default(), true, &[Output { index: 0, dims: &[1], elements }]);
        let size = refused.expect_err("too large").size;
        assert!(size > LARGEST);
        assert!(out.is_empty() && out.capacity() == 0);
    }
}
