//! Lists of numbers in a profile, of which there may be millions: a path is only written for what is refused.

use std::collections::HashSet;

use serde_json::Value;

use super::super::number::Number;
use super::super::strings::MAX_NAME_BYTES;
use crate::document::walk::{Bounds, Fields, Walk, describe};

/// Whole numbers up to here are exact in every reader of JSON.
const LARGEST: u64 = 1 << 53;

/// The entries of a list that `read` takes; the others are refused. `None` if the field is no list, absent or too long.
fn list<'v, T>(
    walk: &mut Walk,
    (path, value): (&str, &'v Value),
    most: usize,
    expected: &str,
    read: impl Fn(&'v Value) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(items) = value.as_array() else {
        walk.refuse(path, format!("must be a list, got {}", describe(value)));
        return None;
    };
    if items.len() > most {
        walk.refuse(path, format!("has {} entries; at most {most} are allowed", items.len()));
        return None;
    }
    let mut taken = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        match read(item) {
            Some(entry) => taken.push(entry),
            None => walk.refuse(&format!("{path}[{at}]"), format!("must be {expected}, got {}", describe(item))),
        }
    }
    (taken.len() == items.len()).then_some(taken)
}

/// A required list: what is wrong with it is said once.
fn required<'v>(walk: &mut Walk, fields: &Fields<'v>, name: &str, meaning: &str) -> Option<(String, &'v Value)> {
    walk.require(fields, name, meaning);
    fields.get(name)
}

/// Edges: numbers of the class, each above the one before it.
pub(super) fn edges<T: Number>(walk: &mut Walk, fields: &Fields<'_>, class: &str) -> Option<Vec<T>> {
    let (path, value) = required(walk, fields, "edges", "the bounds of its bins, [] for a single bin")?;
    let edges = list(walk, (&path, value), super::MAX_EDGES, class, T::read)?;
    let mut rises = true;
    for (at, pair) in edges.windows(2).enumerate() {
        if pair[0] >= pair[1] {
            let (before, edge) = (pair[0].write(), pair[1].write());
            walk.refuse(
                &format!("{path}[{}]", at + 1),
                format!("must be above the edge before it in the tensor's datatype: {edge} after {before}"),
            );
            rises = false;
        }
    }
    rises.then_some(edges)
}

/// Counts: whole numbers, exactly as many as there are bins.
pub(super) fn counts(walk: &mut Walk, fields: &Fields<'_>, bins: Option<(usize, &str)>) -> Option<Vec<u64>> {
    let (path, value) = required(walk, fields, "counts", "the reference rows of each bin")?;
    counts_of(walk, (&path, value), bins)
}

fn counts_of(walk: &mut Walk, at: (&str, &Value), bins: Option<(usize, &str)>) -> Option<Vec<u64>> {
    let most = bins.map_or(super::MAX_EDGES + 1, |(bins, _)| bins.max(super::MAX_EDGES + 1));
    let counts = list(walk, at, most, "a whole number from 0 to 2^53", |item| {
        item.as_u64().filter(|number| *number <= LARGEST)
    })?;
    match bins {
        Some((bins, why)) if counts.len() != bins => {
            walk.refuse(at.0, format!("must have {bins} entries, {why}; got {}", counts.len()));
            None
        }
        _ => Some(counts),
    }
}

/// Time chunks: each as long as the counts, all of them together no more than the counts.
pub(super) fn chunks(walk: &mut Walk, fields: &Fields<'_>, counts: Option<&[u64]>) -> Vec<Vec<u64>> {
    let Some((path, value)) = fields.get("chunks") else { return Vec::new() };
    let Some(chunks) = list(walk, (&path, value), super::MAX_CHUNKS, "a list", Some) else {
        return Vec::new();
    };
    let bins = counts.map(|counts| (counts.len(), "one for each entry of the counts"));
    let read = |(at, chunk): (usize, &&Value)| counts_of(walk, (&format!("{path}[{at}]"), chunk), bins);
    let taken: Vec<Vec<u64>> = chunks.iter().enumerate().filter_map(read).collect();
    let Some(counts) = counts.filter(|_| taken.len() == chunks.len()) else { return taken };
    for (bin, count) in counts.iter().enumerate() {
        let sum = taken.iter().map(|chunk| u128::from(chunk[bin])).sum::<u128>();
        if sum > u128::from(*count) {
            walk.refuse(&path, format!("have {sum} rows in entry {bin}, of which the counts have {count}"));
        }
    }
    taken
}

/// Names that are all different.
pub(super) fn names(walk: &mut Walk, fields: &Fields<'_>, name: &str, most: usize) -> Option<Vec<String>> {
    let (path, value) = fields.get(name)?;
    let names = list(walk, (&path, value), most, "a string", |item| item.as_str().map(str::to_owned))?;
    let mut seen = HashSet::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        if name.len() > MAX_NAME_BYTES {
            let reason = format!(
                "has {} bytes; names of more than {MAX_NAME_BYTES} are written as their beginning, \"…#\" and their hash",
                name.len()
            );
            walk.refuse(&format!("{path}[{at}]"), reason);
        }
        if !seen.insert(name.as_str()) {
            walk.refuse(&format!("{path}[{at}]"), format!("{name:?} is listed twice"));
        }
    }
    Some(names)
}

/// A whole number that is 0 when absent.
pub(super) fn tally(walk: &mut Walk, fields: &Fields<'_>, name: &str) -> u64 {
    const ROWS: Bounds = Bounds { min: 0, max: LARGEST, why: "rows; exact in every reader of JSON" };
    let mut rows = 0;
    walk.integer(fields, name, &ROWS, &mut rows);
    rows
}

/// A number of the class, or none.
pub(super) fn number<T: Number>(walk: &mut Walk, fields: &Fields<'_>, name: &str, class: &str) -> Option<T> {
    let (path, value) = fields.get(name)?;
    let number = T::read(value);
    if number.is_none() {
        walk.refuse(&path, format!("must be {class}, got {}", describe(value)));
    }
    number
}
