//! The one place that knows vector units: the same safe code, compiled once for each of them.
//!
//! AVX-512 is left out: the same code compiled for it gained nothing over AVX2 that could be told from noise.

/// What a kernel is compiled for. All give equal counts, minima and maxima; sums differ in their last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Unit);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Portable,
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// Work whose inner loops the compiler makes vectors of.
pub(super) trait Kernel {
    /// Must be `#[inline(always)]`: what is called is compiled for the baseline.
    fn run(self);
}

impl Level {
    /// Value by value: what all others are measured and checked against.
    pub const PORTABLE: Self = Self(Unit::Portable);
    /// What every machine of the architecture has: SSE2 or NEON.
    pub const BASELINE: Self = Self(Unit::Baseline);

    /// All that this machine can run, the fastest last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "other architectures have nothing to add")]
        let mut levels = vec![Self::PORTABLE, Self::BASELINE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Self(Unit::Avx2));
            }
        }
        levels
    }

    /// The fastest that this machine can run.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::BASELINE)
    }

    /// Runs a kernel; the portable level has its own code and never comes here.
    #[inline]
    #[allow(unsafe_code, reason = "only here is a function called that the baseline may not have")]
    pub(super) fn run(self, kernel: impl Kernel) {
        match self.0 {
            Unit::Portable | Unit::Baseline => kernel.run(),
            // SAFETY: a level with this unit is only made by `available`, which asked the machine for it.
            #[cfg(target_arch = "x86_64")]
            Unit::Avx2 => unsafe { avx2(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(kernel: impl Kernel) {
    kernel.run();
}
