//! Strings at the gate.

use super::super::profile::{Categorical, Feature};
use super::super::strings::{Dictionary, StringLayout};
use super::{Breaches, Came, Rule};

/// What the reference of a feature had, beside its dictionary.
#[derive(Clone, Debug)]
pub(super) struct TextRules {
    feature: usize,
    is_nullable: bool,
    /// Whether the dictionary has every string of the reference: beyond it, nothing tells its own from others.
    is_complete: bool,
    /// Bytes of the shortest and the longest.
    lengths: Option<(u64, u64)>,
}

impl TextRules {
    pub(super) fn new(number: usize, feature: &Feature, reference: &Categorical) -> Self {
        Self {
            feature: number,
            is_nullable: feature.nullable,
            is_complete: reference.new == 0,
            lengths: reference.min_length.zip(reference.max_length),
        }
    }

    fn look_at(&self, dictionary: &Dictionary, value: &[u8], row: usize, broken: &mut Breaches) {
        if dictionary.is_missing(value) {
            if !self.is_nullable {
                broken.add(self.feature, Rule::Nullability, row, || Came::Nothing);
            }
            return;
        }
        if self.is_complete && !dictionary.knows(value) {
            broken.add(self.feature, Rule::Category, row, || Came::text(value));
        }
        if self.lengths.is_some_and(|(least, most)| !(least..=most).contains(&(value.len() as u64))) {
            broken.add(self.feature, Rule::Length, row, || Came::text(value));
        }
    }
}

/// Looks at the elements of whole rows; `rules` are those of the columns of `layout`, in its order.
pub(super) fn check<'v>(
    rules: &[TextRules],
    layout: &StringLayout,
    mut elements: impl ExactSizeIterator<Item = &'v [u8]>,
    broken: &mut Breaches,
) {
    for row in 0..elements.len() / layout.width {
        let mut columns = layout.columns.iter().zip(rules).peekable();
        for (column, element) in elements.by_ref().take(layout.width).enumerate() {
            if let Some(((_, dictionary), rules)) = columns.next_if(|((own, _), _)| *own == column) {
                rules.look_at(dictionary, element, row, broken);
            }
        }
    }
}
