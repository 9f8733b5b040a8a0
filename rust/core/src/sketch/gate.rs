//! The rules of a profile: a value breaks one when the reference had none like it.
//!
//! `tidegate.drift.check` has the same rules over whole tables, by what was counted.

mod breaches;
mod numbers;
mod sentences;
mod texts;

use super::counts::CountError;
use super::plan::{Columns, Plan};
use super::profile::{Feature, Kind};
use super::strings::{RawElements, StringLayout};
pub use breaches::{Breach, Breaches, Came};
use numbers::Group;
pub use sentences::MOST_FLAG_BYTES;
use texts::TextRules;

/// What a value can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Nothing (NaN, no bytes, the sentinel) where the feature is not nullable.
    Nullability,
    /// A number outside of the reference's minimum and maximum, or infinite where it had no such infinity.
    Range,
    /// A string that the reference does not know, where it names all of its own.
    Category,
    /// A string that is shorter or longer than any of the reference.
    Length,
}

impl Rule {
    pub const ALL: [Self; 4] = [Self::Nullability, Self::Range, Self::Category, Self::Length];

    /// As callers and metrics read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nullability => "nullability",
            Self::Range => "range",
            Self::Category => "category",
            Self::Length => "length",
        }
    }
}

/// The rules of every tensor of a plan, ready for the way of a request.
#[derive(Clone, Debug)]
pub struct Gate {
    tensors: Vec<TensorRules>,
}

#[derive(Clone, Debug)]
enum TensorRules {
    F32(Vec<Group<f32>>),
    F64(Vec<Group<f64>>),
    I64(Vec<Group<i64>>),
    Strings(Vec<TextRules>),
}

impl Gate {
    pub fn new(plan: &Plan) -> Self {
        let mut first = 0;
        let tensors = plan.profile().tensors.iter().zip(&plan.tensors).map(|(tensor, layout)| {
            let features = &tensor.features;
            // Features are numbered over the whole profile.
            let numbered = || (first..).zip(features);
            macro_rules! groups {
                ($kind:ident) => {
                    TensorRules::$kind(numbers::lay_out(
                        tensor.width,
                        numbered().filter_map(|(number, feature)| match &feature.kind {
                            Kind::$kind(numeric) => Some((number, feature, numeric)),
                            _ => None,
                        }),
                    ))
                };
            }
            let rules = match &layout.columns {
                Columns::F32(_) => groups!(F32),
                Columns::F64(_) => groups!(F64),
                Columns::I64(_) => groups!(I64),
                Columns::Strings(layout) => TensorRules::Strings(text_rules(layout, numbered())),
                Columns::Bare(_) => unreachable!("the tensors of a profile come first, and have bins"),
            };
            first += features.len();
            rules
        });
        Self { tensors: tensors.collect() }
    }

    /// Looks at the rows of a row-major tensor of the plan that this was made of; what they break is added to `broken`.
    ///
    /// # Errors
    /// The bytes are not so many rows; then nothing was looked at.
    pub fn check(
        &self,
        plan: &Plan,
        tensor: usize,
        raw: &[u8],
        rows: usize,
        broken: &mut Breaches,
    ) -> Result<(), CountError> {
        let (rules, layout, level) = (&self.tensors[tensor], &plan.tensors[tensor], plan.level);
        let width = layout.width;
        if let (TensorRules::Strings(rules), Columns::Strings(layout)) = (rules, &layout.columns) {
            let elements = RawElements::new(raw).ok_or(CountError::Elements { rows, width, got: 0 })?;
            let got = elements.len();
            if rows.checked_mul(width) != Some(got) {
                return Err(CountError::Elements { rows, width, got });
            }
            texts::check(rules, layout, elements, broken);
            return Ok(());
        }
        let datatype = layout.datatype;
        let row = width * datatype.size().expect("numbers have a size");
        if rows.checked_mul(row) != Some(raw.len()) {
            return Err(CountError::Length { rows, row, got: raw.len() });
        }
        match rules {
            TensorRules::F32(groups) => numbers::check(level, groups, datatype, raw, row, broken),
            TensorRules::F64(groups) => numbers::check(level, groups, datatype, raw, row, broken),
            TensorRules::I64(groups) => numbers::check(level, groups, datatype, raw, row, broken),
            TensorRules::Strings(_) => unreachable!("a gate is made for its plan"),
        }
        Ok(())
    }
}

/// The rules of the columns of a layout, in its order.
fn text_rules<'f>(layout: &StringLayout, features: impl Iterator<Item = (usize, &'f Feature)>) -> Vec<TextRules> {
    let mut features: Vec<_> = features.collect();
    features.sort_by_key(|(_, feature)| feature.column);
    let rules = features.iter().filter_map(|(number, feature)| match &feature.kind {
        Kind::Categorical(categorical) => Some(TextRules::new(*number, feature, categorical)),
        _ => None,
    });
    let rules: Vec<_> = rules.collect();
    assert_eq!(rules.len(), layout.columns.len(), "each feature of strings has a column");
    rules
}
