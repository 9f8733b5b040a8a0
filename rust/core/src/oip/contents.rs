//! Typed contents (`InferTensorContents`): checked while reading, translated once into the raw form.
//!
//! Inside Tidegate there are only raw tensors: little-endian elements, or `<u32 length><bytes>` for BYTES.

use super::datatype::{Datatype, contents_field_name};
use super::wire::{DELIMITED, FIXED32, FIXED64, Malformed, Reader, Span, VARINT};

/// The wire type of one element of a typed field; `None` for fields we do not know.
fn element_wire(field: u32) -> Option<u8> {
    match field {
        1..=5 => Some(VARINT),
        6 => Some(FIXED32),
        7 => Some(FIXED64),
        _ => None,
    }
}

/// Walks typed contents so that malformed ones are refused with the rest of the message.
pub(super) fn check(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    each(reader, &mut |_, _| Ok(()))
}

/// One element as it came.
enum Element {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    Bytes(Span),
}

fn each(reader: &mut Reader<'_>, take: &mut dyn FnMut(u32, Element) -> Result<(), Malformed>) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        match element_wire(field) {
            Some(element) if wire == DELIMITED => {
                let span = reader.delimited(field, wire)?;
                let mut packed = reader.inside(span)?;
                while !packed.is_done() {
                    take(field, one(&mut packed, element)?)?;
                }
            }
            Some(element) if wire == element => take(field, one(reader, element)?)?,
            Some(_) => return Err(Malformed::WireType { field, wire }),
            None if field == 8 => take(field, Element::Bytes(reader.delimited(field, wire)?))?,
            None => reader.skip(field, wire)?,
        }
    }
    Ok(())
}

fn one(reader: &mut Reader<'_>, wire: u8) -> Result<Element, Malformed> {
    Ok(match wire {
        FIXED32 => Element::Fixed32(reader.fixed32()?),
        FIXED64 => Element::Fixed64(reader.fixed64()?),
        _ => Element::Varint(reader.varint()?),
    })
}

/// Why typed contents do not fit a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A typed field of another datatype holds values.
    WrongField { came: &'static str },
    /// The number of elements differs from the shape's.
    Count { came: u64 },
    /// An element does not fit the datatype.
    OutOfRange { index: u64, value: i64 },
}

/// Translates typed contents into the raw form.
///
/// `contents` are the stretches of one input's `contents` fields, already checked; `elements` is what its shape asks for.
/// The result never holds more elements than that.
pub fn to_raw(message: &[u8], contents: &[Span], datatype: Datatype, elements: u64) -> Result<Vec<u8>, Misfit> {
    let expected = datatype.contents_field().map_or(0, |field| field.number);
    let mut raw = Vec::new();
    let mut count = 0u64;
    let mut misfit = None;
    for &span in contents {
        let mut reader = Reader::over(message, span);
        let walked = each(&mut reader, &mut |field, element| {
            if misfit.is_some() {
                return Ok(());
            }
            if field != expected {
                misfit = Some(Misfit::WrongField { came: contents_field_name(field) });
                return Ok(());
            }
            if count < elements && !push(&mut raw, datatype, &element, message) {
                let Element::Varint(value) = element else { return Ok(()) };
                misfit = Some(Misfit::OutOfRange { index: count, value: value as i64 });
            }
            count += 1;
            Ok(())
        });
        debug_assert!(walked.is_ok(), "contents were checked when the request was read");
    }
    match misfit {
        Some(misfit) => Err(misfit),
        None if count != elements => Err(Misfit::Count { came: count }),
        None => Ok(raw),
    }
}

/// Appends one element; `false` if its value does not fit the datatype.
fn push(raw: &mut Vec<u8>, datatype: Datatype, element: &Element, message: &[u8]) -> bool {
    match element {
        Element::Fixed32(bytes) => raw.extend_from_slice(bytes),
        Element::Fixed64(bytes) => raw.extend_from_slice(bytes),
        Element::Bytes(span) => {
            raw.extend_from_slice(&(span.len() as u32).to_le_bytes());
            raw.extend_from_slice(span.of(message));
        }
        Element::Varint(value) => return push_varint(raw, datatype, *value),
    }
    true
}

/// Varints of the 32-bit fields are cut to 32 bits first, as generated code does.
fn push_varint(raw: &mut Vec<u8>, datatype: Datatype, value: u64) -> bool {
    let (signed, unsigned) = (value as i32, value as u32);
    match datatype {
        Datatype::Bool => raw.push(u8::from(value != 0)),
        Datatype::Int8 => return i8::try_from(signed).map(|v| raw.extend_from_slice(&v.to_le_bytes())).is_ok(),
        Datatype::Int16 => return i16::try_from(signed).map(|v| raw.extend_from_slice(&v.to_le_bytes())).is_ok(),
        Datatype::Int32 => raw.extend_from_slice(&signed.to_le_bytes()),
        Datatype::Uint8 => return u8::try_from(unsigned).map(|v| raw.push(v)).is_ok(),
        Datatype::Uint16 => return u16::try_from(unsigned).map(|v| raw.extend_from_slice(&v.to_le_bytes())).is_ok(),
        Datatype::Uint32 => raw.extend_from_slice(&unsigned.to_le_bytes()),
        _ => raw.extend_from_slice(&value.to_le_bytes()),
    }
    true
}
