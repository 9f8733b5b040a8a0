//! What rows break, of each feature and rule the first and how many.

use std::collections::BTreeMap;

use super::Rule;

/// How much of a string is kept, in characters.
const KEPT_CHARS: usize = 32;

/// What the rows of one request break. One without a breach takes no memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breaches(BTreeMap<(usize, Rule), Breach>);

/// The rows that break one rule of one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The first of them, counted from 0.
    pub row: usize,
    pub rows: u64,
    /// What came in the first of them.
    pub came: Came,
}

/// A value that broke a rule, short enough for a sentence whatever it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    Nothing,
    Number(String),
    /// The beginning of a string, and of how many bytes it is that.
    Text {
        beginning: String,
        bytes: usize,
    },
}

impl Breaches {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many rules of features are broken.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each broken rule by its feature's place in the profile, in the order of that.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Rule, &Breach)> {
        self.0.iter().map(|((feature, rule), breach)| (*feature, *rule, breach))
    }

    /// Notes a row; what came is only put into words for the first.
    pub(super) fn add(&mut self, feature: usize, rule: Rule, row: usize, came: impl FnOnce() -> Came) {
        self.0.entry((feature, rule)).or_insert_with(|| Breach { row, rows: 0, came: came() }).rows += 1;
    }
}

impl Came {
    pub(super) fn text(value: &[u8]) -> Self {
        // No character has more than four bytes.
        let beginning = String::from_utf8_lossy(&value[..value.len().min(4 * KEPT_CHARS)]);
        Self::Text { beginning: beginning.chars().take(KEPT_CHARS).collect(), bytes: value.len() }
    }
}
