//! Typed contents (`InferTensorContents`): checked while reading, translated once into the raw form.
//!
//! Inside Tidegate there are only raw tensors: little-endian elements, or `<u32 length><bytes>` for BYTES.

use super::datatype::{Datatype, contents_field_name};
use super::wire::{DELIMITED, FIXED32, FIXED64, Malformed, Reader, Span, VARINT};

/// How the elements of a typed field lie on the wire; `None` for fields we do not know.
fn element(field: u32) -> Option<Kind> {
    match field {
        1..=5 => Some(Kind::Varint),
        6 => Some(Kind::Fixed { width: 4, wire: FIXED32 }),
        7 => Some(Kind::Fixed { width: 8, wire: FIXED64 }),
        8 => Some(Kind::Bytes),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Varint,
    Fixed { width: usize, wire: u8 },
    Bytes,
}

/// One element as it came, or a run of them.
enum Element {
    Varint(u64),
    /// So many little-endian numbers in a row, which are the raw form already.
    Fixed(Span, u64),
    Bytes(Span),
}

/// Walks typed contents so that malformed ones are refused with the rest of the message.
pub(super) fn check(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    each(reader, &mut |_, _| {})
}

fn each(reader: &mut Reader<'_>, take: &mut impl FnMut(u32, Element)) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        match (element(field), wire) {
            (Some(Kind::Varint), DELIMITED) => {
                let span = reader.delimited(field, wire)?;
                let mut packed = reader.inside(span)?;
                while !packed.is_done() {
                    take(field, Element::Varint(packed.varint()?));
                }
            }
            (Some(Kind::Varint), VARINT) => take(field, Element::Varint(reader.varint()?)),
            (Some(Kind::Fixed { width, .. }), DELIMITED) => {
                let span = reader.delimited(field, wire)?;
                if span.len() % width != 0 {
                    return Err(Malformed::Truncated);
                }
                take(field, Element::Fixed(span, (span.len() / width) as u64));
            }
            (Some(Kind::Fixed { width, wire: own }), wire) if wire == own => {
                take(field, Element::Fixed(reader.stretch(width as u64)?, 1));
            }
            (Some(Kind::Bytes), DELIMITED) => take(field, Element::Bytes(reader.delimited(field, wire)?)),
            (Some(_), _) => return Err(Malformed::WireType { field, wire }),
            (None, _) => reader.skip(field, wire)?,
        }
    }
    Ok(())
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

/// Whether typed contents hold no element at all, as an empty message does.
pub fn is_empty(message: &[u8], contents: &[Span]) -> bool {
    let mut holds_any = false;
    for &span in contents {
        let walked = each(&mut Reader::over(message, span), &mut |_, element| {
            holds_any |= !matches!(element, Element::Fixed(_, 0));
        });
        debug_assert!(walked.is_ok(), "contents were checked when the request was read");
    }
    !holds_any
}

/// Translates typed contents into the raw form.
///
/// `contents` are the stretches of one input's `contents` fields, already checked; `elements` is what its shape asks for.
/// The result never holds more elements than that.
pub fn to_raw(message: &[u8], contents: &[Span], datatype: Datatype, elements: u64) -> Result<Vec<u8>, Misfit> {
    let expected = datatype.contents_field().map_or(0, |field| field.number);
    let mut raw = Vec::with_capacity(room(contents, datatype, elements));
    let mut count = 0u64;
    let mut misfit = None;
    for &span in contents {
        let walked = each(&mut Reader::over(message, span), &mut |field, element| {
            let came = if let Element::Fixed(_, run) = element { run } else { 1 };
            if came == 0 || misfit.is_some() {
                return;
            }
            if field != expected {
                misfit = Some(Misfit::WrongField { came: contents_field_name(field) });
            } else if came <= elements.saturating_sub(count)
                && let Err(value) = push(&mut raw, datatype, &element, message)
            {
                misfit = Some(Misfit::OutOfRange { index: count, value });
            }
            count += came;
        });
        debug_assert!(walked.is_ok(), "contents were checked when the request was read");
    }
    match misfit {
        Some(misfit) => Err(misfit),
        None if count != elements => Err(Misfit::Count { came: count }),
        None => Ok(raw),
    }
}

/// Bytes to make room for: what the shape asks for, but never more than the bytes that came can turn into.
fn room(contents: &[Span], datatype: Datatype, elements: u64) -> usize {
    const LENGTH: u64 = 4;
    let came: u64 = contents.iter().map(|span| span.len() as u64).sum();
    let room = match datatype.size() {
        Some(size) => elements.min(came) * size as u64,
        // Each string costs its key and length on the wire, four bytes of length in the raw form.
        None => came + elements.min(came / 2) * (LENGTH - 2),
    };
    room as usize
}

/// Appends one element, or one run of them.
///
/// # Errors
/// The value, if the datatype cannot hold it.
fn push(raw: &mut Vec<u8>, datatype: Datatype, element: &Element, message: &[u8]) -> Result<(), i64> {
    match element {
        Element::Fixed(span, _) => raw.extend_from_slice(span.of(message)),
        Element::Bytes(span) => {
            raw.extend_from_slice(&(span.len() as u32).to_le_bytes());
            raw.extend_from_slice(span.of(message));
        }
        Element::Varint(value) => return push_varint(raw, datatype, *value),
    }
    Ok(())
}

/// Varints of the 32-bit fields are cut to 32 bits first, as generated code does.
fn push_varint(raw: &mut Vec<u8>, datatype: Datatype, value: u64) -> Result<(), i64> {
    let (signed, unsigned) = (value as i32, value as u32);
    let (wide_signed, wide_unsigned) = (i64::from(signed), i64::from(unsigned));
    match datatype {
        Datatype::Bool => raw.push(u8::from(value != 0)),
        Datatype::Int8 => raw.extend_from_slice(&i8::try_from(signed).map_err(|_| wide_signed)?.to_le_bytes()),
        Datatype::Int16 => raw.extend_from_slice(&i16::try_from(signed).map_err(|_| wide_signed)?.to_le_bytes()),
        Datatype::Int32 => raw.extend_from_slice(&signed.to_le_bytes()),
        Datatype::Uint8 => raw.push(u8::try_from(unsigned).map_err(|_| wide_unsigned)?),
        Datatype::Uint16 => raw.extend_from_slice(&u16::try_from(unsigned).map_err(|_| wide_unsigned)?.to_le_bytes()),
        Datatype::Uint32 => raw.extend_from_slice(&unsigned.to_le_bytes()),
        _ => raw.extend_from_slice(&value.to_le_bytes()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], datatype: Datatype, elements: u64) -> Result<Vec<u8>, Misfit> {
        let span = Span { start: 0, end: bytes.len() as u32 };
        to_raw(bytes, &[span], datatype, elements)
    }

    #[test]
    fn packed_and_single_elements_mix_in_their_order() {
        let bytes = [0x18, 1, 0x1a, 2, 2, 3, 0x18, 4];
        let expected: Vec<u8> = [1u64, 2, 3, 4].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(of(&bytes, Datatype::Int64, 4), Ok(expected));
        assert_eq!(of(&[0x35, 1, 2, 3, 4, 0x32, 4, 5, 6, 7, 8], Datatype::Fp32, 2), Ok((1..=8).collect()));
    }

    #[test]
    fn an_empty_list_of_another_field_is_no_contents() {
        assert_eq!(of(&[0x3a, 0, 0x0a, 1, 1], Datatype::Bool, 1), Ok(vec![1]));
        for (number, datatype) in Datatype::ALL.iter().filter_map(|&one| Some((one.contents_field()?.number, one))) {
            let other = if number == 5 { Datatype::Bool } else { Datatype::Uint64 };
            let value: &[u8] = match number {
                6 => &[0; 4],
                7 => &[0; 8],
                _ => &[0],
            };
            let bytes = [&[(number << 3 | 2) as u8, value.len() as u8][..], value].concat();
            let came = datatype.contents_field().expect("a field").name;
            assert_eq!(of(&bytes, other, 1), Err(Misfit::WrongField { came }));
        }
    }

    #[test]
    fn no_more_is_kept_than_was_asked_for() {
        let bytes = [&[0x32, 40][..], &[0; 40]].concat();
        assert_eq!(of(&bytes, Datatype::Fp32, 3), Err(Misfit::Count { came: 10 }));
        assert_eq!(of(&[0x10, 0, 0x10, 0x80, 1], Datatype::Int8, 1), Err(Misfit::Count { came: 2 }));
    }

    #[test]
    fn room_is_made_for_what_came_not_for_what_was_claimed() {
        let span = [Span { start: 0, end: 10 }];
        assert_eq!(room(&span, Datatype::Fp64, u64::from(u32::MAX)), 80);
        assert_eq!(room(&span, Datatype::Fp64, 1), 8);
        assert_eq!(room(&span, Datatype::Bytes, u64::from(u32::MAX)), 20);
    }
}
