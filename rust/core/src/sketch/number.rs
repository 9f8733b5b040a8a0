//! The three classes of numbers that are counted: every numeric datatype widens to one of them without loss of order.

use std::fmt::Debug;

use serde_json::Value;

use super::exact::Exact;
use super::lanes::{Ones, Rank};

/// A number of one class: `f32` (FP16, BF16, FP32), `f64` (FP64) or `i64` (BOOL and the integers).
///
/// −0 is 0: [`Number::settle`] makes one of the two before anything is compared, so that neither the order of rows nor
/// the kernel decides which of them is the smaller.
pub trait Number: Copy + Debug + PartialEq + PartialOrd + Send + Sync + 'static {
    /// Above every number, or the highest one: padding that no value exceeds.
    const HIGHEST: Self;
    /// Below every number, or the lowest one: what exceeds no edge.
    const LOWEST: Self;
    /// Fills what is not used.
    const ZERO: Self;
    /// What [`Number::is_sentinel`] takes for `sentinel` and for `is_absent` where there is no sentinel.
    const NO_SENTINEL: (Self, Self);

    /// An unsigned integer as wide as the class, so that a comparison is added without changing its width.
    type Ones: Ones;

    /// A float as wide as the class, in which the lanes of a row count.
    type Rank: Rank;

    /// 1 if it is above the edge, else 0; 0 for NaN.
    fn above(self, edge: Self) -> Self::Ones;

    /// 1 if it is above the edge, else 0; 0 for NaN.
    fn step(self, edge: Self) -> Self::Rank;

    /// Whether it is the sentinel. No float equals NaN; integers have nothing like it, so for them `is_absent` is all ones
    /// where there is no sentinel, else 0.
    fn is_sentinel(self, sentinel: Self, is_absent: Self) -> bool;

    /// 1 if a settled value is the sentinel, infinite or NaN, else 0.
    fn without_bin(self, sentinel: Self, is_absent: Self) -> Self::Ones;

    /// The same as a float: 0 if it has a bin.
    fn lacks_bin(self, sentinel: Self, is_absent: Self) -> Self::Rank;

    /// The same number with one form of zero.
    #[must_use]
    fn settle(self) -> Self;

    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;

    fn is_nan(self) -> bool;

    /// The next number below; `None` if there is none.
    fn predecessor(self) -> Option<Self>;

    /// Its value; integers beyond 2⁵³ are rounded.
    fn wide(self) -> f64;

    /// Its value, exactly.
    fn exact(self) -> Exact;

    /// The number of the class nearest to a finite one; `None` if it lies outside or, for integers, between.
    fn nearest(exact: Exact) -> Option<Self>;

    /// From a JSON number, rounded to the class; `None` if it is none or lies outside.
    fn read(value: &Value) -> Option<Self>;

    /// As the JSON number that has exactly this value.
    fn write(self) -> Value;

    /// The bits by which it travels.
    fn to_bits(self) -> u64;

    fn from_bits(bits: u64) -> Self;
}

macro_rules! floats {
    ($($float:ident $ones:ident,)*) => {$(
        #[allow(clippy::float_cmp, reason = "the question is whether both are the same number")]
        impl Number for $float {
            const HIGHEST: Self = $float::INFINITY;
            const LOWEST: Self = $float::NEG_INFINITY;
            const ZERO: Self = 0.0;
            const NO_SENTINEL: (Self, Self) = ($float::NAN, 0.0);
            type Ones = $ones;
            type Rank = $float;

            #[inline(always)]
            fn above(self, edge: Self) -> $ones {
                $ones::from(self > edge)
            }

            #[inline(always)]
            fn step(self, edge: Self) -> $float {
                if self > edge { 1.0 } else { 0.0 }
            }

            #[inline(always)]
            fn is_sentinel(self, sentinel: Self, _: Self) -> bool {
                self == sentinel
            }

            #[inline(always)]
            fn without_bin(self, sentinel: Self, _: Self) -> $ones {
                // In integers, whose bits the compiler keeps in lanes where it would take truths apart. Adding one to an
                // exponent of all ones carries into the sign; a number or its negative has a sign unless it is zero.
                const EXPONENT_UNIT: $ones = 1 << ($float::MANTISSA_DIGITS - 1);
                let is_infinite = (self.abs().to_bits()).wrapping_add(EXPONENT_UNIT);
                let difference = self.to_bits() ^ sentinel.to_bits();
                let is_sentinel = !(difference | difference.wrapping_neg());
                (is_infinite | is_sentinel) >> ($ones::BITS - 1)
            }

            #[inline(always)]
            fn lacks_bin(self, sentinel: Self, _: Self) -> $float {
                let is_infinite = if self.abs() < $float::INFINITY { 0.0 } else { 1.0 };
                is_infinite + if self == sentinel { 1.0 } else { 0.0 }
            }

            #[inline(always)]
            fn settle(self) -> Self {
                // −0 + 0 = 0 in the rounding mode of Rust; every other number stays itself.
                self + 0.0
            }

            #[inline(always)]
            fn is_finite(self) -> bool {
                self.abs() < $float::INFINITY
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }

            fn predecessor(self) -> Option<Self> {
                Some(self.next_down())
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            fn exact(self) -> Exact {
                Exact::Float(self.into())
            }

            fn nearest(exact: Exact) -> Option<Self> {
                let number = exact.wide() as $float;
                number.is_finite().then(|| number.settle())
            }

            fn read(value: &Value) -> Option<Self> {
                Self::nearest(Exact::Float(value.as_f64()?))
            }

            fn write(self) -> Value {
                f64::from(self).into()
            }

            fn to_bits(self) -> u64 {
                $float::to_bits(self).into()
            }

            fn from_bits(bits: u64) -> Self {
                $float::from_bits(bits as $ones)
            }
        }
    )*};
}

floats! { f32 u32, f64 u64, }

impl Number for i64 {
    const HIGHEST: Self = i64::MAX;
    const LOWEST: Self = i64::MIN;
    const ZERO: Self = 0;
    const NO_SENTINEL: (Self, Self) = (0, -1);
    type Ones = u64;
    type Rank = f64;

    #[inline(always)]
    fn above(self, edge: Self) -> u64 {
        u64::from(self > edge)
    }

    #[inline(always)]
    fn step(self, edge: Self) -> f64 {
        if self > edge { 1.0 } else { 0.0 }
    }

    #[inline(always)]
    fn is_sentinel(self, sentinel: Self, is_absent: Self) -> bool {
        (self ^ sentinel) | is_absent == 0
    }

    #[inline(always)]
    fn without_bin(self, sentinel: Self, is_absent: Self) -> u64 {
        let difference = self ^ sentinel;
        (!(difference | difference.wrapping_neg() | is_absent)) as u64 >> (u64::BITS - 1)
    }

    #[inline(always)]
    fn lacks_bin(self, sentinel: Self, is_absent: Self) -> f64 {
        if self.is_sentinel(sentinel, is_absent) { 1.0 } else { 0.0 }
    }

    #[inline(always)]
    fn settle(self) -> Self {
        self
    }

    #[inline(always)]
    fn is_finite(self) -> bool {
        true
    }

    #[inline(always)]
    fn is_nan(self) -> bool {
        false
    }

    fn predecessor(self) -> Option<Self> {
        self.checked_sub(1)
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self as f64
    }

    fn exact(self) -> Exact {
        Exact::Integer(self)
    }

    fn nearest(exact: Exact) -> Option<Self> {
        match exact {
            Exact::Integer(value) => Some(value),
            // −2⁶³ is a float, 2⁶³ − 1 is not.
            Exact::Float(value) => {
                let is_inside = value.fract() == 0.0 && (i64::MIN as f64..-(i64::MIN as f64)).contains(&value);
                is_inside.then_some(value as i64)
            }
        }
    }

    fn read(value: &Value) -> Option<Self> {
        // UINT64 saturates, in profiles as in counting.
        value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX))
    }

    fn write(self) -> Value {
        self.into()
    }

    fn to_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u64) -> Self {
        bits as i64
    }
}
