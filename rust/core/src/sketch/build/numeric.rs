//! Bins of equal weight, and one for each value that is as heavy as a bin.

use super::super::number::Number;
use super::super::profile::Numeric;
use super::{NO_CHUNK, Recipe, empty_chunks};
use crate::stats::Moments;

/// The reference of a column.
pub(super) fn build<T: Number>(values: &[T], sentinel: Option<T>, recipe: &Recipe<'_>) -> Numeric<T> {
    let mut numeric = Numeric {
        edges: Vec::new(),
        counts: Vec::new(),
        nan: 0,
        positive_infinite: 0,
        negative_infinite: 0,
        null: 0,
        min: None,
        max: None,
        mean: None,
        sd: None,
        sentinel,
        chunks: Vec::new(),
    };
    let mut sorted = Vec::with_capacity(values.len());
    for value in values.iter().map(|value| value.settle()) {
        if value.is_nan() {
            numeric.nan += 1;
        } else if Some(value) == sentinel {
            numeric.null += 1;
        } else if value.is_finite() {
            sorted.push(value);
        } else if value > T::ZERO {
            numeric.positive_infinite += 1;
        } else {
            numeric.negative_infinite += 1;
        }
    }
    sorted.sort_unstable_by(|left, right| left.partial_cmp(right).expect("NaN is left out"));
    (numeric.min, numeric.max) = (sorted.first().copied(), sorted.last().copied());
    (numeric.mean, numeric.sd) = moments(&sorted);
    numeric.edges = edges(&sorted, recipe.bins);
    numeric.counts = counts(&sorted, &numeric.edges);
    numeric.chunks = chunks(values, &numeric, recipe);
    numeric
}

/// Neighbouring rows that no edge can part, or is to part.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Group<T> {
    /// The largest value that may be in it.
    pub(in super::super) top: T,
    pub(in super::super) rows: usize,
    /// Whether `top` is the only value that may be in it.
    pub(in super::super) is_one_value: bool,
}

fn edges<T: Number>(sorted: &[T], bins: usize) -> Vec<T> {
    let equal = sorted.chunk_by(|left, right| left == right);
    edges_of(equal.map(|equal| Group { top: equal[0], rows: equal.len(), is_one_value: true }), sorted.len(), bins)
}

/// Edges around every heavy value, and quantiles of the values between; groups come in the order of their values.
///
/// With B bins a value is heavy if it is a B-th of all or more, so there are at most B of them with two edges each; h heavy
/// values leave room for at most B − h quantiles, so that bins are never more than 2B + 1.
pub(in super::super) fn edges_of<T: Number>(
    groups: impl Iterator<Item = Group<T>> + Clone,
    rows: usize,
    bins: usize,
) -> Vec<T> {
    let is_heavy = |group: &Group<T>| group.is_one_value && group.rows.saturating_mul(bins) >= rows;
    let mut edges = Vec::with_capacity(2 * bins);
    for value in groups.clone().filter(is_heavy).map(|group| group.top) {
        edges.extend(value.predecessor().filter(|lower| lower.is_finite()));
        edges.push(value);
    }
    let light = groups.filter(|group| !is_heavy(group));
    let light_rows: usize = light.clone().map(|group| group.rows).sum();
    let parts = ((light_rows as u128 * bins as u128 / rows.max(1) as u128) as usize).max(1);
    // The quantile of rank ⌈j·n/parts⌉ closes the j-th part.
    let rank = |part: usize| (part as u128 * light_rows as u128).div_ceil(parts as u128) as usize;
    let mut ranks = (1..parts).map(rank).peekable();
    let mut seen = 0;
    for group in light {
        seen += group.rows;
        if ranks.next_if(|rank| *rank <= seen).is_some() {
            edges.push(group.top);
            while ranks.next_if(|rank| *rank <= seen).is_some() {}
        }
    }
    edges.sort_unstable_by(|left, right| left.partial_cmp(right).expect("edges are no NaN"));
    edges.dedup();
    edges
}

fn counts<T: Number>(sorted: &[T], edges: &[T]) -> Vec<u64> {
    let up_to = |edge: &T| sorted.partition_point(|value| value <= edge);
    let ends = edges.iter().map(up_to).chain([sorted.len()]);
    let mut before = 0;
    ends.map(|end| (end - std::mem::replace(&mut before, end)) as u64).collect()
}

fn chunks<T: Number>(values: &[T], numeric: &Numeric<T>, recipe: &Recipe<'_>) -> Vec<Vec<u64>> {
    let mut chunks = empty_chunks(recipe, numeric.counts.len());
    for (value, chunk) in values.iter().map(|value| value.settle()).zip(recipe.chunks) {
        if value.is_finite() && Some(value) != numeric.sentinel && *chunk != NO_CHUNK {
            chunks[*chunk as usize][numeric.edges.partition_point(|edge| value > *edge)] += 1;
        }
    }
    chunks
}

/// Mean and standard deviation of finite values, as far as numbers hold them.
fn moments<T: Number>(sorted: &[T]) -> (Option<f64>, Option<f64>) {
    let mut moments = Moments::default();
    for value in sorted {
        moments.push(value.wide());
    }
    let n = sorted.len() as f64;
    let mean = moments.mean().map(|mean| {
        // Opposite numbers near the largest are farther apart than numbers go; their shares of the mean are not.
        if mean.is_finite() { mean } else { sorted.iter().map(|value| value.wide() / n).sum() }
    });
    (mean, moments.variance().map(f64::sqrt).filter(|sd| sd.is_finite()))
}
