//! Cells as JSON, under the names that a profile has for the same things.

use super::{CategoricalCell, Cell, NumericCell};
use crate::sketch::{Exact, Newcomer};
use serde_json::{Value, json};

impl Cell {
    /// The cell as JSON.
    pub fn render(&self) -> Value {
        write(self)
    }

    /// The cell that was rendered; `None` if this is none. What is not finite is written as null, and read as infinite.
    pub fn read(value: &Value) -> Option<Self> {
        read(value)
    }
}

fn write(cell: &Cell) -> Value {
    match cell {
        Cell::Numeric(cell) => json!({
            "kind": "numeric",
            "counts": cell.bins,
            "nan": cell.nan,
            "positive_infinite": cell.positive_infinite,
            "negative_infinite": cell.negative_infinite,
            "null": cell.null,
            "below": cell.below,
            "above": cell.above,
            "min": cell.range.map(|(least, _)| exact(least)),
            "max": cell.range.map(|(_, most)| exact(most)),
            "mean": cell.mean(),
            "sd": cell.sd(),
            "centre": cell.centre,
            "sum": cell.sum,
            "squares": cell.squares,
        }),
        Cell::Categorical(cell) => json!({
            "kind": "categorical",
            "counts": cell.categories,
            "other": cell.other,
            "new": cell.new,
            "null": cell.null,
            "min_length": cell.lengths.map(|(least, _)| least),
            "max_length": cell.lengths.map(|(_, most)| most),
            "newcomers": cell.newcomers.iter().map(newcomer).collect::<Vec<_>>(),
            "distinct_new": cell.distinct_new,
        }),
    }
}

fn read(value: &Value) -> Option<Cell> {
    let count = |name: &str| value[name].as_u64();
    let counts = value["counts"].as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()?;
    let real = |name: &str| value[name].as_f64().unwrap_or(f64::INFINITY);
    Some(match value["kind"].as_str()? {
        "numeric" => Cell::Numeric(NumericCell {
            bins: counts,
            nan: count("nan")?,
            positive_infinite: count("positive_infinite")?,
            negative_infinite: count("negative_infinite")?,
            null: count("null")?,
            below: count("below")?,
            above: count("above")?,
            range: number(&value["min"]).zip(number(&value["max"])),
            centre: real("centre"),
            sum: real("sum"),
            squares: real("squares"),
        }),
        "categorical" => Cell::Categorical(CategoricalCell {
            categories: counts,
            other: count("other")?,
            new: count("new")?,
            null: count("null")?,
            lengths: count("min_length").zip(count("max_length")),
            newcomers: value["newcomers"].as_array()?.iter().map(read_newcomer).collect::<Option<_>>()?,
            distinct_new: real("distinct_new"),
        }),
        _ => return None,
    })
}

fn exact(number: Exact) -> Value {
    match number {
        Exact::Float(value) => json!(value),
        Exact::Integer(value) => json!(value),
    }
}

fn number(value: &Value) -> Option<Exact> {
    value.as_i64().map(Exact::Integer).or_else(|| value.as_f64().map(Exact::Float))
}

fn newcomer(newcomer: &Newcomer) -> Value {
    json!({"name": newcomer.name, "at_most": newcomer.at_most, "at_least": newcomer.at_least})
}

fn read_newcomer(value: &Value) -> Option<Newcomer> {
    let (at_most, at_least) = (value["at_most"].as_u64()?, value["at_least"].as_u64()?);
    Some(Newcomer { name: value["name"].as_str()?.to_owned(), at_most, at_least })
}
