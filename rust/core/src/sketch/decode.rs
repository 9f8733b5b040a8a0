//! From little-endian bytes, at any address, to numbers of a class.

use super::number::Number;
use crate::oip::datatype::Datatype;

/// A class that some datatypes widen to.
pub(super) trait Decode: Number {
    /// Widens as many elements as `into` has; `raw` has exactly their bytes.
    ///
    /// The datatype is one of the class: a plan gives each tensor the class of its datatype.
    fn decode(datatype: Datatype, raw: &[u8], into: &mut [Self]);
}

/// Widens elements of `N` bytes one by one, in a loop that the compiler turns into vectors.
#[inline(always)]
fn widen<const N: usize, T>(raw: &[u8], into: &mut [T], widen: impl Fn([u8; N]) -> T) {
    let (elements, rest) = raw.as_chunks::<N>();
    assert!(elements.len() == into.len() && rest.is_empty(), "the bytes are those of the elements");
    for (to, from) in into.iter_mut().zip(elements) {
        *to = widen(*from);
    }
}

impl Decode for f32 {
    #[inline(always)]
    fn decode(datatype: Datatype, raw: &[u8], into: &mut [Self]) {
        match datatype {
            Datatype::Fp16 => widen(raw, into, |bytes| half(u16::from_le_bytes(bytes))),
            Datatype::Bf16 => widen(raw, into, |bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)),
            _ => widen(raw, into, f32::from_le_bytes),
        }
    }
}

impl Decode for f64 {
    #[inline(always)]
    fn decode(_: Datatype, raw: &[u8], into: &mut [Self]) {
        widen(raw, into, f64::from_le_bytes);
    }
}

impl Decode for i64 {
    #[inline(always)]
    fn decode(datatype: Datatype, raw: &[u8], into: &mut [Self]) {
        match datatype {
            // Everything but 0 is true.
            Datatype::Bool => widen(raw, into, |[byte]| i64::from(byte != 0)),
            Datatype::Uint8 => widen(raw, into, |bytes| u8::from_le_bytes(bytes).into()),
            Datatype::Uint16 => widen(raw, into, |bytes| u16::from_le_bytes(bytes).into()),
            Datatype::Uint32 => widen(raw, into, |bytes| u32::from_le_bytes(bytes).into()),
            Datatype::Uint64 => widen(raw, into, |bytes| u64::from_le_bytes(bytes).min(i64::MAX as u64) as i64),
            Datatype::Int8 => widen(raw, into, |bytes| i8::from_le_bytes(bytes).into()),
            Datatype::Int16 => widen(raw, into, |bytes| i16::from_le_bytes(bytes).into()),
            Datatype::Int32 => widen(raw, into, |bytes| i32::from_le_bytes(bytes).into()),
            _ => widen(raw, into, i64::from_le_bytes),
        }
    }
}

/// The value of an FP16, exactly, without a branch.
///
/// Its fraction and exponent are moved to their places in an FP32, whose exponent then lies 112 too low; multiplying by
/// 2¹¹² sets this right and makes numbers of what was subnormal. What has all exponent bits set stays above all others.
#[inline(always)]
fn half(bits: u16) -> f32 {
    let to_exponent_of_f32 = f32::from_bits((127 + 112) << 23);
    let size = f32::from_bits(u32::from(bits & 0x7fff) << 13) * to_exponent_of_f32;
    let special = if bits & 0x7c00 == 0x7c00 { 0x7f80_0000 } else { 0 };
    f32::from_bits(size.to_bits() | special | u32::from(bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oip::datatype::widen_half;

    #[test]
    fn every_half_has_its_value() {
        for bits in 0..=u16::MAX {
            let (ours, theirs) = (f64::from(half(bits)), widen_half(bits));
            assert!(ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()), "{bits:#06x}: {ours}");
        }
    }

    #[test]
    fn integers_keep_their_value_and_the_largest_saturate() {
        fn decode(datatype: Datatype, raw: &[u8]) -> i64 {
            let mut into = [0];
            i64::decode(datatype, raw, &mut into);
            into[0]
        }
        assert_eq!(decode(Datatype::Bool, &[7]), 1);
        assert_eq!(decode(Datatype::Int8, &[0xff]), -1);
        assert_eq!(decode(Datatype::Uint8, &[0xff]), 255);
        assert_eq!(decode(Datatype::Int16, &i16::MIN.to_le_bytes()), i64::from(i16::MIN));
        assert_eq!(decode(Datatype::Uint16, &u16::MAX.to_le_bytes()), 65_535);
        assert_eq!(decode(Datatype::Int32, &i32::MIN.to_le_bytes()), i64::from(i32::MIN));
        assert_eq!(decode(Datatype::Uint32, &u32::MAX.to_le_bytes()), i64::from(u32::MAX));
        assert_eq!(decode(Datatype::Int64, &i64::MIN.to_le_bytes()), i64::MIN);
        assert_eq!(decode(Datatype::Uint64, &u64::MAX.to_le_bytes()), i64::MAX);
    }
}
