//! What the lanes of vectors add up: numbers of a width and a kind of which the compiler makes vectors.

/// Small whole numbers as floats.
///
/// The compiler may not change the order of additions of floats, and so leaves the lanes of a row as they are instead of
/// making vectors of what comes one after the other.
pub trait Rank: Copy + Default + std::ops::AddAssign + Send + Sync + 'static {
    fn index(self) -> usize;

    /// All zero for 0 alone.
    fn bits(self) -> u64;
}

/// Counts of comparisons in one vector lane.
pub trait Ones: Copy + Default + From<bool> + Into<u64> + Send + Sync + 'static {
    /// The sum of two; they count less than a block of values, so that the check for an overflow, which no vector has, is
    /// left out.
    #[must_use]
    fn plus(self, other: Self) -> Self;
}

impl Ones for u32 {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

impl Ones for u64 {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

macro_rules! ranks {
    ($($float:ident)*) => {$(
        impl Rank for $float {
            #[inline(always)]
            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            #[inline(always)]
            fn index(self) -> usize {
                // Beside this number the bits of the fraction count ones; a cast would look for NaN and more.
                const UNIT: $float = (1_u64 << ($float::MANTISSA_DIGITS - 1)) as $float;
                ((self + UNIT).to_bits() & !UNIT.to_bits()) as usize
            }
        }
    )*};
}

ranks! { f32 f64 }
