//! The dictionary of a column of strings: the most frequent by name, the rest as known, beyond that new.

use std::cmp::Reverse;
use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::super::profile::{Categorical, MAX_CATEGORIES, MAX_OTHERS};
use super::super::strings::name;
use super::{NO_CHUNK, Recipe, empty_chunks};

/// The place of what is known but rare in the counts of a chunk, beyond all categories; `None` for what is new.
type Place = Option<usize>;

/// The reference of a column.
pub(super) fn build(values: &[&[u8]], recipe: &Recipe<'_>) -> Categorical {
    let sentinel = recipe.sentinel_text.unwrap_or_default().as_bytes();
    let is_null = |value: &[u8]| value.is_empty() || value == sentinel;
    // By hash, as counting does.
    let mut frequencies: HashMap<u64, (u64, &[u8])> = HashMap::new();
    let (mut null, mut lengths) = (0, None::<(u64, u64)>);
    for value in values {
        if is_null(value) {
            null += 1;
            continue;
        }
        let length = value.len() as u64;
        let (min, max) = lengths.unwrap_or((length, length));
        lengths = Some((min.min(length), max.max(length)));
        frequencies.entry(xxh3_64(value)).or_insert((0, *value)).0 += 1;
    }
    let mut ranked: Vec<(u64, (u64, &[u8]))> = frequencies.into_iter().collect();
    ranked.sort_unstable_by_key(|(hash, (count, value))| (Reverse(*count), *value, *hash));
    let (categories, rest) = ranked.split_at(ranked.len().min(MAX_CATEGORIES));
    let (others, new) = rest.split_at(rest.len().min(MAX_OTHERS));
    let rows = |entries: &[(u64, (u64, &[u8]))]| entries.iter().map(|(_, (count, _))| count).sum();
    let names = |entries: &[(u64, (u64, &[u8]))]| entries.iter().map(|(_, (_, value))| name(value)).collect();
    let places: HashMap<u64, usize> = categories
        .iter()
        .enumerate()
        .map(|(at, (hash, _))| (*hash, at))
        .chain(others.iter().map(|(hash, _)| (*hash, categories.len())))
        .collect();
    let mut chunks = empty_chunks(recipe, categories.len() + 1);
    for (value, chunk) in values.iter().zip(recipe.chunks) {
        let place: Place = if is_null(value) { None } else { places.get(&xxh3_64(value)).copied() };
        if let Some(place) = place.filter(|_| *chunk != NO_CHUNK) {
            chunks[*chunk as usize][place] += 1;
        }
    }
    Categorical {
        categories: names(categories),
        counts: categories.iter().map(|(_, (count, _))| *count).collect(),
        approximate: false,
        others: names(others),
        other: rows(others),
        new: rows(new),
        null,
        min_length: lengths.map(|(min, _)| min),
        max_length: lengths.map(|(_, max)| max),
        sentinel: recipe.sentinel_text.map(str::to_owned),
        chunks,
    }
}
