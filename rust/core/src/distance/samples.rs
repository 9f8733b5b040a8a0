//! Two samples in the same bins: what distances are taken of.

use thiserror::Error;

/// Why a distance has no value.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Undefined {
    #[error("the reference has {reference} bins and the current sample has {current}; they must be the same bins")]
    OtherBins { reference: usize, current: usize },
    #[error("the {sample} sample is empty")]
    Empty { sample: &'static str },
    #[error("the {sample} sample has more rows than 64 bits can count")]
    TooMany { sample: &'static str },
    #[error("bin {bin} is empty in the {sample} sample, and without smoothing its logarithm has no value")]
    EmptyBin { bin: usize, sample: &'static str },
    #[error("smoothing by {smoothing} is not a count; it must be 0 or more, and finite")]
    Smoothing { smoothing: f64 },
    #[error("{distance} needs bins in order, and categories have none")]
    Unordered { distance: &'static str },
    #[error("{distance} needs the edges of the bins, and there are none")]
    NoEdges { distance: &'static str },
    #[error("{bins} bins lie between {} edges, not {edges}", bins.saturating_sub(1))]
    Edges { bins: usize, edges: usize },
    #[error("edge {edge} is not a finite number above the edge before it")]
    EdgeOrder { edge: f64 },
    #[error("values are said to lie between {min} and {max}, which is no range of finite numbers")]
    Range { min: f64, max: f64 },
}

/// What is known of the bins beside their counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Support<'a> {
    /// Categories.
    Unordered,
    /// Bins from low to high.
    Ordered,
    /// Bins between edges: the first holds what is at or below `edges[0]`, the last what is above the last edge. All values of
    /// both samples lie between `min` and `max`; edges may lie outside, about bins that are empty.
    Edges { edges: &'a [f64], min: f64, max: f64 },
}

/// Counts of a reference and of a current sample in the same bins, neither of them empty.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    reference: &'a [u64],
    current: &'a [u64],
    n: u64,
    m: u64,
    support: Support<'a>,
}

impl<'a> Samples<'a> {
    pub fn of(reference: &'a [u64], current: &'a [u64], support: Support<'a>) -> Result<Self, Undefined> {
        if reference.len() != current.len() {
            return Err(Undefined::OtherBins { reference: reference.len(), current: current.len() });
        }
        let samples =
            Self { reference, current, n: sum(reference, "reference")?, m: sum(current, "current")?, support };
        samples.check_support()?;
        Ok(samples)
    }

    fn check_support(&self) -> Result<(), Undefined> {
        let Support::Edges { edges, min, max } = self.support else { return Ok(()) };
        if edges.len() + 1 != self.reference.len() {
            return Err(Undefined::Edges { bins: self.reference.len(), edges: edges.len() });
        }
        // Claims are positive, so that NaN fails them.
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return Err(Undefined::Range { min, max });
        }
        let mut before = f64::NEG_INFINITY;
        for &edge in edges {
            if !(edge > before && edge.is_finite()) {
                return Err(Undefined::EdgeOrder { edge });
            }
            before = edge;
        }
        Ok(())
    }

    /// Rows of the reference.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Rows of the current sample.
    pub fn m(&self) -> u64 {
        self.m
    }

    /// s = 1/n + 1/m: the scale of everything that chance makes of two samples.
    pub fn scale(&self) -> f64 {
        1.0 / self.n as f64 + 1.0 / self.m as f64
    }

    pub(super) fn support(&self) -> Support<'a> {
        self.support
    }

    /// Each bin's counts.
    pub(super) fn counts(&self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        self.reference.iter().zip(self.current).map(|(reference, current)| (*reference as f64, *current as f64))
    }

    /// Each bin's shares: p of the reference, q of the current sample.
    pub fn shares(&self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        let (n, m) = (self.n as f64, self.m as f64);
        self.counts().map(move |(reference, current)| (reference / n, current / m))
    }

    /// How many bins are not empty in both samples.
    pub(super) fn occupied(&self) -> usize {
        self.counts().filter(|(reference, current)| reference + current > 0.0).count()
    }

    /// Shares with `smoothing` added to every count: (count + α)/(rows + α·bins). Bins that are empty in both samples stay so and
    /// do not count. Without smoothing no bin may be empty in one sample alone.
    pub fn smoothed(&self, smoothing: f64) -> Result<Smoothed<'a>, Undefined> {
        if !(smoothing >= 0.0 && smoothing.is_finite()) {
            return Err(Undefined::Smoothing { smoothing });
        }
        if smoothing == 0.0 {
            for (bin, counts) in self.counts().enumerate() {
                match counts {
                    (0.0, current) if current > 0.0 => return Err(Undefined::EmptyBin { bin, sample: "reference" }),
                    (reference, 0.0) if reference > 0.0 => return Err(Undefined::EmptyBin { bin, sample: "current" }),
                    _ => {}
                }
            }
        }
        Ok(Smoothed { samples: *self, smoothing })
    }
}

/// Two samples whose shares may be divided and have logarithms.
#[derive(Clone, Copy, Debug)]
pub struct Smoothed<'a> {
    samples: Samples<'a>,
    smoothing: f64,
}

impl<'a> Smoothed<'a> {
    /// Each bin's shares, both zero or neither.
    pub fn shares(&self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        let Self { samples, smoothing } = *self;
        let added = smoothing * samples.occupied() as f64;
        let (n, m) = (samples.n as f64 + added, samples.m as f64 + added);
        samples.counts().map(move |(reference, current)| match (reference, current) {
            (0.0, 0.0) => (0.0, 0.0),
            _ => ((reference + smoothing) / n, (current + smoothing) / m),
        })
    }
}

fn sum(counts: &[u64], sample: &'static str) -> Result<u64, Undefined> {
    match counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count)) {
        Some(0) => Err(Undefined::Empty { sample }),
        Some(rows) => Ok(rows),
        None => Err(Undefined::TooMany { sample }),
    }
}
