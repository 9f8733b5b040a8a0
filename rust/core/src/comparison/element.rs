//! What a comparison asks of one element of a numeric tensor.

use super::example::Scalar;
use crate::oip::datatype::{widen_brain, widen_half};

/// A number, read from its little-endian bytes.
pub(super) trait Element: Copy + PartialEq + 'static {
    /// Bytes it takes.
    const SIZE: usize;

    /// Reads it from exactly [`Self::SIZE`] bytes.
    fn read(raw: &[u8]) -> Self;

    /// |a − b|, finite: 0 if and only if both are the same, and two NaN are. `None` if one is finite and the other is
    /// not, or if they are infinite with different signs.
    fn gap(self, other: Self) -> Option<f64>;

    /// Its value; integers beyond 2⁵³ are rounded.
    fn wide(self) -> f64;

    fn scalar(self) -> Scalar;

    /// Every element of a raw tensor.
    fn all(raw: &[u8]) -> impl ExactSizeIterator<Item = Self> + '_ {
        raw.chunks_exact(Self::SIZE).map(Self::read)
    }
}

/// BOOL: everything but 0 is true.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Flag(bool);

/// FP16: one sign, five exponent and ten fraction bits (IEEE 754 binary16).
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Half(f64);

/// BF16: the upper half of an FP32.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Brain(f64);

impl Element for Flag {
    const SIZE: usize = 1;

    fn read(raw: &[u8]) -> Self {
        Self(raw[0] != 0)
    }

    fn gap(self, other: Self) -> Option<f64> {
        Some(f64::from(u8::from(self != other)))
    }

    fn wide(self) -> f64 {
        f64::from(u8::from(self.0))
    }

    fn scalar(self) -> Scalar {
        Scalar::Bool(self.0)
    }
}

macro_rules! integers {
    ($($integer:ident $scalar:ident,)*) => {$(
        #[allow(clippy::cast_lossless, reason = "From for the narrow ones and a rounding cast for the wide ones are one thing here")]
        impl Element for $integer {
            const SIZE: usize = size_of::<Self>();

            fn read(raw: &[u8]) -> Self {
                Self::from_le_bytes(raw.try_into().expect("an element has its own size"))
            }

            fn gap(self, other: Self) -> Option<f64> {
                // Exact before it is rounded: two identifiers beyond 2⁵³ still differ by 1.
                Some(self.abs_diff(other) as f64)
            }

            fn wide(self) -> f64 {
                self as f64
            }

            fn scalar(self) -> Scalar {
                Scalar::$scalar(self.into())
            }
        }
    )*};
}

integers! { u8 Unsigned, u16 Unsigned, u32 Unsigned, u64 Unsigned, i8 Signed, i16 Signed, i32 Signed, i64 Signed, }

macro_rules! floats {
    ($($float:ty, $size:literal, $read:expr, $wide:expr;)*) => {$(
        impl Element for $float {
            const SIZE: usize = $size;

            fn read(raw: &[u8]) -> Self {
                $read(raw.try_into().expect("an element has its own size"))
            }

            fn gap(self, other: Self) -> Option<f64> {
                gap(self.wide(), other.wide())
            }

            fn wide(self) -> f64 {
                $wide(self)
            }

            fn scalar(self) -> Scalar {
                Scalar::Float(self.wide())
            }
        }
    )*};
}

floats! {
    f32, 4, f32::from_le_bytes, f64::from;
    f64, 8, f64::from_le_bytes, f64::from;
    Half, 2, |raw| Half(widen_half(u16::from_le_bytes(raw))), |Half(value)| value;
    Brain, 2, |raw| Brain(widen_brain(u16::from_le_bytes(raw))), |Brain(value)| value;
}

#[expect(clippy::float_cmp, reason = "the question is whether both are the same number")]
fn gap(left: f64, right: f64) -> Option<f64> {
    if left == right || (left.is_nan() && right.is_nan()) {
        Some(0.0)
    } else if left.is_finite() && right.is_finite() {
        Some((left - right).abs().min(f64::MAX))
    } else {
        None
    }
}

/// Evaluates an expression with `$element` standing for the type of a numeric datatype's elements, or the other for BYTES.
macro_rules! with_element {
    ($datatype:expr, $element:ident => $numeric:expr, bytes => $bytes:expr) => {
        $crate::comparison::element::with_element!(@ $datatype, $element, $numeric, $bytes,
            Bool $crate::comparison::element::Flag, Uint8 u8, Uint16 u16, Uint32 u32, Uint64 u64,
            Int8 i8, Int16 i16, Int32 i32, Int64 i64,
            Fp16 $crate::comparison::element::Half, Bf16 $crate::comparison::element::Brain, Fp32 f32, Fp64 f64)
    };
    (@ $datatype:expr, $element:ident, $numeric:expr, $bytes:expr, $($variant:ident $kind:ty),*) => {
        match $datatype {
            $($crate::oip::datatype::Datatype::$variant => { type $element = $kind; $numeric })*
            $crate::oip::datatype::Datatype::Bytes => $bytes,
        }
    };
}
pub(super) use with_element;

#[cfg(test)]
mod tests {
    use super::{Brain, Element, Half};

    fn half(bits: u16) -> f64 {
        Half::read(&bits.to_le_bytes()).wide()
    }

    #[test]
    fn halves_are_those_of_ieee_754() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0400, 2_f64.powi(-14)),
            (0x0001, 2_f64.powi(-24)),
            (0x3555, 0.333_251_953_125),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), value.to_bits(), "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
        assert_eq!(half(0x8000).to_bits(), (-0.0_f64).to_bits());
    }

    #[test]
    fn a_brain_float_is_the_upper_half_of_an_fp32() {
        for value in [1.0_f32, -0.5, 3.0e38, 0.0] {
            let bits = value.to_bits();
            let upper = ((bits >> 16) as u16).to_le_bytes();
            let cut = f64::from(f32::from_bits(bits & 0xffff_0000));
            assert_eq!(Brain::read(&upper).wide().to_bits(), cut.to_bits());
        }
    }

    #[test]
    fn gaps_are_exact_finite_or_none() {
        assert_eq!(((1_u64 << 60) + 1).gap(1 << 60), Some(1.0));
        assert_eq!(i64::MIN.gap(i64::MAX), Some(u64::MAX as f64));
        assert_eq!(f64::MAX.gap(f64::MIN), Some(f64::MAX));
        assert_eq!(f64::NAN.gap(f64::NAN), Some(0.0));
        assert_eq!(f64::INFINITY.gap(f64::INFINITY), Some(0.0));
        assert_eq!(f64::INFINITY.gap(f64::NEG_INFINITY), None);
        assert_eq!(f64::NAN.gap(0.0), None);
        assert_eq!(0.0_f32.gap(f32::INFINITY), None);
    }
}
