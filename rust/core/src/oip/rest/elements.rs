//! JSON data of one tensor: into raw elements, and out of them.

use bytes::BufMut;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt::{self, Write as _};

use crate::oip::datatype::{Datatype, widen_brain, widen_half};

/// The elements of `data`, which is flat or nested as `shape` says, in row-major order.
///
/// # Errors
/// What was expected and what came, without the tensor's name.
pub(super) fn read(data: &RawValue, datatype: Datatype, shape: &[i64]) -> Result<Vec<u8>, String> {
    let mut taken = Taken { datatype, shape, raw: Vec::new(), count: 0, error: None };
    let read = Nested { taken: &mut taken, level: 0 }.deserialize(&mut serde_json::Deserializer::from_str(data.get()));
    match (taken.error, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(format!("its data cannot be read: {error}")),
        (None, Ok(())) => {
            let expected = shape.iter().try_fold(1i64, |product, dim| product.checked_mul(*dim));
            match expected {
                Some(expected) if expected == taken.count as i64 => Ok(taken.raw),
                // What is wrong with the shape is said by whoever knows the model's.
                _ if shape.iter().any(|dim| *dim < 0) || expected.is_none() => Ok(taken.raw),
                Some(expected) => Err(format!("expected {expected} elements, got {}", taken.count)),
                None => Ok(taken.raw),
            }
        }
    }
}

struct Taken<'a> {
    datatype: Datatype,
    shape: &'a [i64],
    raw: Vec<u8>,
    count: usize,
    error: Option<String>,
}

impl Taken<'_> {
    /// Notes why the data is refused; serde's own error only ends the walk.
    fn refuse<E: Error>(&mut self, reason: String) -> E {
        self.error.get_or_insert(reason);
        E::custom("refused")
    }

    fn cannot_hold<E: Error>(&mut self, what: &dyn fmt::Display) -> E {
        let reason = format!("element {} is {what}, which {} cannot hold", self.count, self.datatype.name());
        self.refuse(reason)
    }

    fn integer<E: Error>(&mut self, value: i128) -> Result<(), E> {
        let raw = &mut self.raw;
        macro_rules! put {
            ($kind:ty) => {
                <$kind>::try_from(value).map(|value| raw.put_slice(&value.to_le_bytes())).is_ok()
            };
        }
        let fits = match self.datatype {
            Datatype::Bool => matches!(value, 0 | 1) && put!(u8),
            Datatype::Uint8 => put!(u8),
            Datatype::Uint16 => put!(u16),
            Datatype::Uint32 => put!(u32),
            Datatype::Uint64 => put!(u64),
            Datatype::Int8 => put!(i8),
            Datatype::Int16 => put!(i16),
            Datatype::Int32 => put!(i32),
            Datatype::Int64 => put!(i64),
            Datatype::Fp32 | Datatype::Fp64 => return self.float(value as f64),
            Datatype::Fp16 | Datatype::Bf16 | Datatype::Bytes => false,
        };
        if !fits {
            return Err(self.cannot_hold(&value));
        }
        self.count += 1;
        Ok(())
    }

    fn float<E: Error>(&mut self, value: f64) -> Result<(), E> {
        match self.datatype {
            Datatype::Fp64 => self.raw.put_f64_le(value),
            Datatype::Fp32 if (value as f32).is_finite() || !value.is_finite() => self.raw.put_f32_le(value as f32),
            _ => return Err(self.cannot_hold(&value)),
        }
        self.count += 1;
        Ok(())
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if self.datatype != Datatype::Bytes {
            return Err(self.cannot_hold(&"a string"));
        }
        self.raw.put_u32_le(text.len() as u32);
        self.raw.put_slice(text.as_bytes());
        self.count += 1;
        Ok(())
    }
}

/// An element, or a list of them, so many lists deep.
struct Nested<'t, 'a> {
    taken: &'t mut Taken<'a>,
    level: usize,
}

impl Nested<'_, '_> {
    /// Elements stand in one flat list, or as deep as the shape has axes.
    fn check_depth<E: Error>(&mut self) -> Result<(), E> {
        let rank = self.taken.shape.len();
        if self.level == 1 || self.level == rank {
            return Ok(());
        }
        let reason = match self.level {
            0 => "its data is one value; expected a list".to_owned(),
            level => format!("its data is {level} lists deep; expected one flat list, or {rank} as the shape has"),
        };
        Err(self.taken.refuse(reason))
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "elements of {}", self.taken.datatype.name())
    }

    fn visit_bool<E: Error>(mut self, value: bool) -> Result<(), E> {
        self.check_depth()?;
        if self.taken.datatype == Datatype::Bool {
            self.taken.integer(i128::from(value))
        } else {
            Err(self.taken.cannot_hold(&value))
        }
    }

    fn visit_i64<E: Error>(mut self, value: i64) -> Result<(), E> {
        self.check_depth()?;
        self.taken.integer(i128::from(value))
    }

    fn visit_u64<E: Error>(mut self, value: u64) -> Result<(), E> {
        self.check_depth()?;
        self.taken.integer(i128::from(value))
    }

    fn visit_f64<E: Error>(mut self, value: f64) -> Result<(), E> {
        self.check_depth()?;
        self.taken.float(value)
    }

    fn visit_str<E: Error>(mut self, value: &str) -> Result<(), E> {
        self.check_depth()?;
        self.taken.text(value)
    }

    /// JSON has no NaN: a number that is not there.
    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.check_depth()?;
        if matches!(self.taken.datatype, Datatype::Fp32 | Datatype::Fp64) {
            self.taken.float(f64::NAN)
        } else {
            Err(self.taken.cannot_hold(&"null"))
        }
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.taken.cannot_hold(&"a mapping"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { taken, level } = self;
        let mut length = 0;
        while list.next_element_seed(Nested { taken: &mut *taken, level: level + 1 })?.is_some() {
            length += 1;
        }
        // A flat list has as many elements as all axes together, which is looked at in the end.
        let is_flat = level == 0 && taken.count == length as usize;
        match taken.shape.get(level) {
            Some(dim) if !is_flat && *dim >= 0 && *dim != length => {
                Err(taken.refuse(format!("a list at depth {} has {length} entries; the shape says {dim}", level + 1)))
            }
            _ => Ok(()),
        }
    }
}

/// Appends the elements of a raw tensor as a flat JSON list; `None` if a string of it is no text.
pub(super) fn write(out: &mut String, datatype: Datatype, raw: &[u8]) -> Option<()> {
    macro_rules! list {
        ($kind:ty) => {
            numbers(out, raw, |bytes| <$kind>::from_le_bytes(bytes), put)
        };
    }
    out.push('[');
    match datatype {
        Datatype::Bool => numbers(out, raw, |[byte]| byte != 0, put),
        Datatype::Uint8 => list!(u8),
        Datatype::Uint16 => list!(u16),
        Datatype::Uint32 => list!(u32),
        Datatype::Uint64 => list!(u64),
        Datatype::Int8 => list!(i8),
        Datatype::Int16 => list!(i16),
        Datatype::Int32 => list!(i32),
        Datatype::Int64 => list!(i64),
        Datatype::Fp16 => numbers(out, raw, |bytes| widen_half(u16::from_le_bytes(bytes)), float),
        Datatype::Bf16 => numbers(out, raw, |bytes| widen_brain(u16::from_le_bytes(bytes)), float),
        Datatype::Fp32 => numbers(out, raw, f32::from_le_bytes, |out, value| {
            // In the fewest digits that give the same FP32 again.
            if value.is_finite() { put(out, format_args!("{value:?}")) } else { out.push_str("null") }
        }),
        Datatype::Fp64 => numbers(out, raw, f64::from_le_bytes, float),
        Datatype::Bytes => strings(out, raw)?,
    }
    out.push(']');
    Some(())
}

fn numbers<const WIDTH: usize, T>(
    out: &mut String,
    raw: &[u8],
    of: impl Fn([u8; WIDTH]) -> T,
    put: impl Fn(&mut String, T),
) {
    for (index, bytes) in raw.as_chunks::<WIDTH>().0.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        put(out, of(*bytes));
    }
}

fn float(out: &mut String, value: f64) {
    if value.is_finite() { put(out, format_args!("{value:?}")) } else { out.push_str("null") }
}

fn put(out: &mut String, value: impl fmt::Display) {
    let _ = write!(out, "{value}");
}

fn strings(out: &mut String, mut raw: &[u8]) -> Option<()> {
    let mut is_first = true;
    while let Some((length, rest)) = raw.split_first_chunk::<4>() {
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(std::str::from_utf8(bytes).ok()?).ok()?);
        raw = rest;
    }
    Some(())
}
