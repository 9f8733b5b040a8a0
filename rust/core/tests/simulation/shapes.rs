//! Shares of bins, before and after a change of a known size.

use tidegate_core::distance::psi;
use tidegate_core::stats::{chi_squared, noncentral};

/// Quantile bins.
pub(crate) fn uniform(bins: usize) -> Vec<f64> {
    vec![1.0 / bins as f64; bins]
}

/// Each bin has the same part of the one before: the last ones have too little to decide alone.
pub(crate) fn skewed(bins: usize, part: f64) -> Vec<f64> {
    let shares: Vec<f64> = (0..bins as i32).map(|at| part.powi(at)).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| share / sum).collect()
}

/// What the shares of a normal feature become when its mean moves so far that PSI is `tolerated`.
pub(crate) fn moved_normal(shares: &[f64], tolerated: f64) -> Vec<f64> {
    let mut below = 0.0;
    let edges: Vec<f64> = shares[..shares.len() - 1]
        .iter()
        .map(|share| {
            below += share;
            quantile(below)
        })
        .collect();
    solve(tolerated, 3.0, shares, |shift| {
        let mut last = 0.0;
        let mut moved: Vec<f64> = edges.iter().map(|edge| cumulative(edge - shift)).collect();
        moved.push(1.0);
        for share in &mut moved {
            (*share, last) = (*share - last, *share);
        }
        moved
    })
}

/// One bin grows, at the cost of all others alike, until PSI is `tolerated`.
pub(crate) fn moved_bin(shares: &[f64], bin: usize, tolerated: f64) -> Vec<f64> {
    solve(tolerated, 0.9 * (1.0 - shares[bin]), shares, |more| {
        let rest = (1.0 - shares[bin] - more) / (1.0 - shares[bin]);
        let grown = |(at, share): (usize, &f64)| if at == bin { share + more } else { share * rest };
        shares.iter().enumerate().map(grown).collect()
    })
}

fn solve(tolerated: f64, most: f64, shares: &[f64], moved: impl Fn(f64) -> Vec<f64>) -> Vec<f64> {
    let size = |moved: &[f64]| shares.iter().zip(moved).map(|(p, q)| psi::term(*p, *q)).sum::<f64>();
    let (mut low, mut high) = (0.0, most);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if size(&moved(middle)) < tolerated { low = middle } else { high = middle }
    }
    moved(low)
}

fn cumulative(z: f64) -> f64 {
    let outside = chi_squared::ln_survival(z * z, 1.0).exp() / 2.0;
    if z > 0.0 { 1.0 - outside } else { outside }
}

fn quantile(below: f64) -> f64 {
    let outside = noncentral::inverse_survival((2.0 * below.min(1.0 - below)).ln(), 1.0, 0.0).sqrt();
    if below > 0.5 { outside } else { -outside }
}
