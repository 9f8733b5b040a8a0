//! The profile: what a model's inputs and outputs looked like in the reference data, one document.
//!
//! Edges, counts and time chunks are made once, offline; the gateway counts into the same bins, so that both sides of
//! every comparison are exact. Bins are right-closed: a value's bin is the number of edges below it.

mod categorical;
mod lists;
mod numeric;
mod read;
#[cfg(test)]
mod tests;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::number::Number;
use crate::document::Violation;
use crate::oip::datatype::Datatype;

/// The one version of the format that is known.
pub const FORMAT: &str = "tidegate.profile/1";
/// Most features: the counts of one window of this many take about 13 MB.
pub const MAX_FEATURES: usize = 100_000;
/// Most edges of one feature: each costs every value a comparison, and more bins make no test sharper.
pub const MAX_EDGES: usize = 255;
/// Most named categories of one feature.
pub const MAX_CATEGORIES: usize = 64;
/// Most known but rare categories of one feature: their hashes take one MiB.
pub const MAX_OTHERS: usize = 65_536;
/// Most time chunks of the reference: three years of days.
pub const MAX_CHUNKS: usize = 1_100;

/// What the reference data looked like, tensor by tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    format: &'static str,
    /// Rows of the reference.
    pub rows: u64,
    #[serde(skip_serializing_if = "Source::is_training")]
    pub source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The column of the reference that the model predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub tensors: Vec<Tensor>,
}

/// What the reference is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Rows of a table, such as those that the model was trained on.
    #[default]
    Training,
    /// What a gateway has counted: drift is then against that time, and not against what the model has learnt from.
    Traffic,
}

impl Source {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    fn is_training(&self) -> bool {
        *self == Self::Training
    }
}

/// Whether a tensor goes into the model or comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Input,
    Output,
}

/// One input or output with its monitored columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tensor {
    pub name: String,
    pub direction: Direction,
    #[serde(serialize_with = "name_of")]
    pub datatype: Datatype,
    /// Elements per row.
    pub width: usize,
    /// Made of rows that the model was trained on, so that its drift is shown but never pages.
    pub in_sample: bool,
    /// Rows behind this tensor; outputs are made of held-out rows, of which there are fewer.
    pub rows: u64,
    pub features: Vec<Feature>,
}

/// One monitored column of a tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feature {
    pub name: String,
    pub column: usize,
    /// How much it matters beside the others; 1 is usual.
    pub weight: f64,
    /// Whether missing values are usual here.
    pub nullable: bool,
    #[serde(flatten)]
    pub kind: Kind,
}

/// The reference of a feature, numbers in the class of the tensor's datatype.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind")]
pub enum Kind {
    #[serde(rename = "numeric")]
    F32(Numeric<f32>),
    #[serde(rename = "numeric")]
    F64(Numeric<f64>),
    #[serde(rename = "numeric")]
    I64(Numeric<i64>),
    #[serde(rename = "categorical")]
    Categorical(Categorical),
}

/// The reference of a numeric feature.
///
/// `counts` + `nan` + `positive_infinite` + `negative_infinite` + `null` add up to the rows of the tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numeric<T: Number> {
    /// Ascending and distinct.
    #[serde(serialize_with = "exact_list")]
    pub edges: Vec<T>,
    /// One more than edges.
    pub counts: Vec<u64>,
    pub nan: u64,
    pub positive_infinite: u64,
    pub negative_infinite: u64,
    /// Rows with the sentinel.
    pub null: u64,
    /// Of the values in bins; none without one.
    #[serde(serialize_with = "exact")]
    pub min: Option<T>,
    #[serde(serialize_with = "exact")]
    pub max: Option<T>,
    pub mean: Option<f64>,
    /// With n − 1 below; none with fewer than two values.
    pub sd: Option<f64>,
    /// The number that stands for a missing value.
    #[serde(serialize_with = "exact")]
    pub sentinel: Option<T>,
    /// Counts by bin in each time chunk, in the order of time; empty without a time column.
    pub chunks: Vec<Vec<u64>>,
}

/// The reference of a feature of strings: `counts` + `other` + `new` + `null` add up to the rows of the tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Categorical {
    /// The most frequent values, by name.
    pub categories: Vec<String>,
    /// One for each category.
    pub counts: Vec<u64>,
    /// Whether counts may be a little too small, because only the most frequent values were followed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
    /// Known but rare values, by name.
    pub others: Vec<String>,
    /// Rows with one of the others.
    pub other: u64,
    /// Rows with a value beyond [`MAX_OTHERS`], which counting takes for new as well.
    pub new: u64,
    /// Rows without bytes or with the sentinel.
    pub null: u64,
    /// Length in bytes of what is not null.
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    /// The string that stands for a missing value, as the empty one always does.
    pub sentinel: Option<String>,
    /// Counts by category, then of the others, in each time chunk.
    pub chunks: Vec<Vec<u64>>,
}

impl Profile {
    /// A profile of these tensors; [`Profile::parse`] of its document says whether it is one.
    pub fn new(rows: u64, timezone: Option<String>, label: Option<String>, tensors: Vec<Tensor>) -> Self {
        Self { format: FORMAT, rows, source: Source::Training, timezone, label, tensors }
    }

    /// The same profile, which says that it is made of something else.
    #[must_use]
    pub fn made_of(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// The profile of other tensors from the same reference.
    #[must_use]
    pub(super) fn of_tensors(&self, tensors: Vec<Tensor>) -> Self {
        Self::new(self.rows, self.timezone.clone(), self.label.clone(), tensors).made_of(self.source)
    }

    /// Reads the document, or says everything that is wrong with it, in its order.
    pub fn parse(value: &Value) -> Result<Self, Vec<Violation>> {
        read::profile(value)
    }

    /// Reads the document from its text.
    pub fn parse_text(text: &str) -> Result<Self, Vec<Violation>> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            vec![Violation {
                path: String::new(),
                reason: format!("is not JSON: {error} (NaN and infinity have no form there)"),
            }]
        })?;
        Self::parse(&value)
    }

    /// The document; reading it gives an equal profile.
    pub fn render(&self) -> Value {
        serde_json::to_value(self).expect("a profile is made of strings, finite numbers and lists")
    }

    /// Every feature with its tensor, in the order of the document: the order of all lists of features.
    pub fn features(&self) -> impl Iterator<Item = (&Tensor, &Feature)> {
        self.tensors.iter().flat_map(|tensor| tensor.features.iter().map(move |feature| (tensor, feature)))
    }
}

impl Feature {
    /// Reference counts by bin or by category, then of known others.
    pub fn counts(&self) -> Vec<u64> {
        match &self.kind {
            Kind::F32(numeric) => numeric.counts.clone(),
            Kind::F64(numeric) => numeric.counts.clone(),
            Kind::I64(numeric) => numeric.counts.clone(),
            Kind::Categorical(categorical) => categorical.counts.iter().copied().chain([categorical.other]).collect(),
        }
    }

    /// The same counts in each time chunk.
    pub fn chunks(&self) -> &[Vec<u64>] {
        match &self.kind {
            Kind::F32(numeric) => &numeric.chunks,
            Kind::F64(numeric) => &numeric.chunks,
            Kind::I64(numeric) => &numeric.chunks,
            Kind::Categorical(categorical) => &categorical.chunks,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn name_of<S: Serializer>(datatype: &Datatype, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(datatype.name())
}

#[allow(clippy::ref_option, reason = "serde passes fields by reference")]
fn exact<T: Number, S: Serializer>(number: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    number.map(Number::write).serialize(serializer)
}

fn exact_list<T: Number, S: Serializer>(numbers: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(numbers.len()))?;
    for number in numbers {
        list.serialize_element(&number.write())?;
    }
    list.end()
}
