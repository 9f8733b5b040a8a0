//! Reads the reference of a numeric feature.

use super::super::number::Number;
use super::{Numeric, lists};
use crate::document::walk::{Fields, Walk};

pub(super) const FIELDS: [&str; 12] = [
    "edges",
    "counts",
    "nan",
    "positive_infinite",
    "negative_infinite",
    "null",
    "min",
    "max",
    "mean",
    "sd",
    "sentinel",
    "chunks",
];

/// A numeric feature whose tensor has so many rows; whatever it returns beside a violation is not used.
pub(super) fn numeric<T: Number>(walk: &mut Walk, fields: &Fields<'_>, rows: u64, class: &str) -> Numeric<T> {
    let edges = lists::edges(walk, fields, class);
    let bins = edges.as_ref().map(|edges| (edges.len() + 1, "one more than edges"));
    let counts = lists::counts(walk, fields, bins);
    let chunks = lists::chunks(walk, fields, counts.as_deref());
    let mut tally = |name| lists::tally(walk, fields, name);
    let (nan, null) = (tally("nan"), tally("null"));
    let (positive_infinite, negative_infinite) = (tally("positive_infinite"), tally("negative_infinite"));
    let mut number = |name| lists::number::<T>(walk, fields, name, class);
    let (min, max, sentinel) = (number("min"), number("max"), number("sentinel"));
    let mut moment = |name| lists::number::<f64>(walk, fields, name, "a finite number");
    let (mean, sd) = (moment("mean"), moment("sd"));
    if sd.is_some_and(|sd| sd < 0.0) {
        walk.refuse(&format!("{}.sd", fields.path), "must not be negative");
    }
    if let Some(counts) = &counts {
        let finite: u128 = counts.iter().copied().map(u128::from).sum();
        let outside = [nan, null, positive_infinite, negative_infinite].map(u128::from).into_iter().sum::<u128>();
        if finite + outside != u128::from(rows) {
            walk.refuse(
                &format!("{}.counts", fields.path),
                format!("{finite} rows in bins and {outside} outside of them are not the {rows} rows of the tensor"),
            );
        }
        if finite > 0 && (min.is_none() || max.is_none() || mean.is_none()) {
            walk.refuse(&fields.path, "has rows in bins, so it has min, max and mean");
        }
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        walk.refuse(
            &format!("{}.min", fields.path),
            format!("must not be above max: {} > {}", min.write(), max.write()),
        );
    }
    Numeric {
        edges: edges.unwrap_or_default(),
        counts: counts.unwrap_or_default(),
        nan,
        positive_infinite,
        negative_infinite,
        null,
        min,
        max,
        mean,
        sd,
        sentinel,
        chunks,
    }
}
