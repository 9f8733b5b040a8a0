//! Wasserstein's first distance: the area between the two distribution functions, in the feature's own unit.

use super::{Distance, Measured, Samples, Support, Undefined};

/// How far, in the mean, values must move to turn one sample into the other. Within a bin both distribution functions are taken
/// as straight; the first bin begins at the least value of both samples and the last ends at the greatest. The error is at
/// most Σ width·min(p, q). No law without a unit is known: it has no p.
#[derive(Clone, Copy, Debug)]
pub struct Wasserstein;

pub fn between(samples: &Samples<'_>) -> Result<f64, Undefined> {
    let Support::Edges { edges, min, max } = samples.support() else {
        return Err(Undefined::NoEdges { distance: Wasserstein.name() });
    };
    let first = edges.first().map_or(min, |edge| edge.min(min));
    let last = edges.last().map_or(max, |edge| edge.max(max));
    let ends = std::iter::once(&first).chain(edges).zip(edges.iter().chain(std::iter::once(&last)));
    let (mut before, mut area) = (0.0, 0.0);
    for ((low, high), (p, q)) in ends.zip(samples.shares()) {
        let after = before + (p - q);
        // Halves first: the distance of two finite numbers may be infinite, and twice their share of it still may.
        area += (high / 2.0 - low / 2.0) * mean_size(before, after) * 2.0;
        before = after;
    }
    Ok(area.min(f64::MAX))
}

/// The mean of |x| along a straight line between two numbers.
fn mean_size(from: f64, to: f64) -> f64 {
    if from * to >= 0.0 {
        return f64::midpoint(from.abs(), to.abs());
    }
    (from * from + to * to) / (2.0 * (from.abs() + to.abs()))
}

impl Distance for Wasserstein {
    fn name(&self) -> &'static str {
        "wasserstein"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        between(samples).map(Measured::without_law)
    }
}
