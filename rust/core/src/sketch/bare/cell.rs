//! What was counted of one feature without a reference, for people and documents.

use super::super::exact::Exact;
use super::super::strings::Newcomer;
use super::numbers::Numbers;
use super::quantiles::{SHOWN, quantile};
use super::table::BareTable;
use super::texts::Texts;
use super::whole::{Elements, Whole};
use serde_json::{Map, Value, json};

/// The counts of one feature.
#[derive(Clone, Debug, PartialEq)]
pub enum BareCell {
    Numbers(NumbersCell),
    Texts(TextsCell),
    Whole(Box<WholeCell>),
}

/// Numbers: those that are missing and the others add up to the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct NumbersCell {
    pub rows: u64,
    pub nan: u64,
    pub positive_infinite: u64,
    pub negative_infinite: u64,
    /// Rows with the sentinel.
    pub null: u64,
    pub range: Option<(Exact, Exact)>,
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    /// The share of values below, in hundredths, and the value; none of a feature of which only moments are kept.
    pub quantiles: Vec<(&'static str, f64)>,
}

/// Strings.
#[derive(Clone, Debug, PartialEq)]
pub struct TextsCell {
    pub rows: u64,
    pub null: u64,
    /// In bytes.
    pub lengths: Option<(u64, u64)>,
    pub mean_length: Option<f64>,
    /// How many different ones there are, within 3.25 % (one standard error); none where names are not kept.
    pub distinct: Option<f64>,
    /// The most frequent, the most frequent first.
    pub frequent: Vec<Newcomer>,
}

/// Rows of open length, or wider than any that is counted by column.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeCell {
    pub rows: u64,
    /// Elements of the shortest and of the longest row.
    pub lengths: Option<(u64, u64)>,
    pub mean_length: Option<f64>,
    /// All elements together, each as if it were a row.
    pub elements: BareCell,
}

impl BareCell {
    /// Rows counted.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Numbers(cell) => cell.rows,
            Self::Texts(cell) => cell.rows,
            Self::Whole(cell) => cell.rows,
        }
    }

    /// The cell as JSON.
    pub fn render(&self) -> Value {
        match self {
            Self::Numbers(cell) => json!({
                "kind": "numbers",
                "rows": cell.rows,
                "missing": cell.nan + cell.positive_infinite + cell.negative_infinite + cell.null,
                "nan": cell.nan,
                "positive_infinite": cell.positive_infinite,
                "negative_infinite": cell.negative_infinite,
                "null": cell.null,
                "min": cell.range.map(|(min, _)| exact(min)),
                "max": cell.range.map(|(_, max)| exact(max)),
                "mean": cell.mean,
                "sd": cell.sd,
                "quantiles": cell.quantiles.iter().map(|(share, value)| ((*share).to_owned(), json!(value)))
                    .collect::<Map<_, _>>(),
            }),
            Self::Texts(cell) => json!({
                "kind": "texts",
                "rows": cell.rows,
                "missing": cell.null,
                "min_length": cell.lengths.map(|(min, _)| min),
                "max_length": cell.lengths.map(|(_, max)| max),
                "mean_length": cell.mean_length,
                "distinct": cell.distinct,
                "frequent": cell.frequent.iter().map(|entry| json!({
                    "name": entry.name, "at_most": entry.at_most, "at_least": entry.at_least,
                })).collect::<Vec<_>>(),
            }),
            Self::Whole(cell) => json!({
                "kind": "whole",
                "rows": cell.rows,
                "min_length": cell.lengths.map(|(min, _)| min),
                "max_length": cell.lengths.map(|(_, max)| max),
                "mean_length": cell.mean_length,
                "elements": cell.elements.render(),
            }),
        }
    }

    /// Reads a column out of the counters of its tensor.
    pub(in super::super) fn of(table: &BareTable, column: usize) -> Self {
        match table {
            BareTable::Numbers(counts) => Self::Numbers(numbers(&counts[column])),
            BareTable::Texts(counts) => Self::Texts(texts(&counts[column])),
            BareTable::Whole(counts) => Self::Whole(Box::new(whole(counts))),
        }
    }
}

fn numbers(counts: &Numbers) -> NumbersCell {
    let buckets = counts.buckets.as_ref().map(|buckets| buckets.buckets()).unwrap_or_default();
    let range = counts.range.map(|(min, max)| (min.wide(), max.wide()));
    let shown = SHOWN.iter().filter_map(|(name, share)| Some((*name, quantile(&buckets, *share, range?)?)));
    NumbersCell {
        rows: counts.rows(),
        nan: counts.nan,
        positive_infinite: counts.positive_infinite,
        negative_infinite: counts.negative_infinite,
        null: counts.null,
        range: counts.range,
        mean: counts.moments.mean().filter(|mean| mean.is_finite()),
        sd: counts.moments.variance().map(f64::sqrt).filter(|sd| sd.is_finite()),
        quantiles: shown.collect(),
    }
}

fn texts(counts: &Texts) -> TextsCell {
    TextsCell {
        rows: counts.rows(),
        null: counts.null,
        lengths: counts.lengths,
        mean_length: (counts.filled > 0).then(|| counts.bytes as f64 / counts.filled as f64),
        distinct: counts.frequent.as_ref().map(|frequent| frequent.distinct()),
        frequent: counts.frequent.as_ref().map(|frequent| frequent.names()).unwrap_or_default(),
    }
}

fn whole(counts: &Whole) -> WholeCell {
    let elements = match &counts.elements {
        Elements::Numbers(counts) => BareCell::Numbers(numbers(counts)),
        Elements::Texts(counts) => BareCell::Texts(texts(counts)),
    };
    WholeCell {
        rows: counts.rows,
        lengths: counts.lengths,
        mean_length: (counts.rows > 0).then(|| elements.rows() as f64 / counts.rows as f64),
        elements,
    }
}

fn exact(number: Exact) -> Value {
    match number {
        Exact::Float(value) => json!(value),
        Exact::Integer(value) => json!(value),
    }
}
