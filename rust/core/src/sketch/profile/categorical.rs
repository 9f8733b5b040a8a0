//! Reads the reference of a feature of strings.

use std::collections::HashSet;

use super::{Categorical, MAX_CATEGORIES, MAX_OTHERS, lists};
use crate::document::walk::{Fields, Walk};

pub(super) const FIELDS: [&str; 11] = [
    "categories",
    "counts",
    "approximate",
    "others",
    "other",
    "new",
    "null",
    "min_length",
    "max_length",
    "sentinel",
    "chunks",
];
const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];

/// A categorical feature whose tensor has so many rows; whatever it returns beside a violation is not used.
pub(super) fn categorical(walk: &mut Walk, fields: &Fields<'_>, rows: u64) -> Categorical {
    walk.require(fields, "categories", "the names of its most frequent values");
    let categories = lists::names(walk, fields, "categories", MAX_CATEGORIES);
    let bins = categories.as_ref().map(|categories| (categories.len(), "one for each category"));
    let counts = lists::counts(walk, fields, bins);
    let mut approximate = false;
    walk.choice(fields, "approximate", &ON_OFF, &mut approximate);
    let others = lists::names(walk, fields, "others", MAX_OTHERS).unwrap_or_default();
    let mut tally = |name| lists::tally(walk, fields, name);
    let (other, new, null) = (tally("other"), tally("new"), tally("null"));
    let with_other: Option<Vec<u64>> = counts.as_ref().map(|counts| counts.iter().copied().chain([other]).collect());
    let chunks = lists::chunks(walk, fields, with_other.as_deref());
    let mut length = |name| fields.get(name).map(|_| lists::tally(walk, fields, name));
    let (min_length, max_length) = (length("min_length"), length("max_length"));
    let sentinel = walk.text(fields, "sentinel").map(|(_, text)| text.to_owned());
    if let Some(categories) = &categories {
        let named: HashSet<&str> = categories.iter().map(String::as_str).collect();
        for (at, name) in others.iter().enumerate().filter(|(_, name)| named.contains(name.as_str())) {
            walk.refuse(&format!("{}.others[{at}]", fields.path), format!("{name:?} is a category as well"));
        }
        let missing = ["", sentinel.as_deref().unwrap_or_default()];
        for name in categories.iter().chain(&others).filter(|name| missing.contains(&name.as_str())) {
            walk.refuse(&fields.path, format!("{name:?} stands for a missing value, so it is no category"));
        }
    }
    if let Some(counts) = &with_other {
        let known: u128 = counts.iter().copied().map(u128::from).sum();
        if known + u128::from(new) + u128::from(null) != u128::from(rows) {
            walk.refuse(
                &format!("{}.counts", fields.path),
                format!("{known} known, {new} new and {null} missing values are not the {rows} rows of the tensor"),
            );
        }
    }
    if let (Some(min), Some(max)) = (min_length, max_length)
        && min > max
    {
        walk.refuse(&format!("{}.min_length", fields.path), format!("must not be above max_length: {min} > {max}"));
    }
    Categorical {
        categories: categories.unwrap_or_default(),
        counts: counts.unwrap_or_default(),
        approximate,
        others,
        other,
        new,
        null,
        min_length,
        max_length,
        sentinel,
        chunks,
    }
}
