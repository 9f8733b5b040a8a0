//! The reference of a feature that had one: its own bins, with what was counted in them.

use super::super::super::cell::{CategoricalCell, Cell, NumericCell};
use super::super::super::counts::Counts;
use super::super::super::number::Number;
use super::super::super::plan::Plan;
use super::super::super::profile::{Categorical, Feature, Kind, Numeric, Tensor};
use super::Counted;

/// The tensors of the plan's profile, as if this traffic had been their reference.
pub(super) fn tensors(plan: &Plan, counted: Counted<'_>, needed: u64, left_out: &mut Vec<String>) -> Vec<Tensor> {
    let mut at = 0;
    let mut tensors = Vec::new();
    for tensor in &plan.profile().tensors {
        let first = at;
        at += tensor.features.len();
        let rows = counted.total.cell(plan, first).rows();
        if rows < needed {
            left_out.push(format!("{}: {rows} rows are fewer than {needed}", tensor.name));
            continue;
        }
        let own = tensor.features.iter().enumerate();
        let features = own.map(|(number, feature)| recount(plan, counted, first + number, feature)).collect();
        tensors.push(Tensor { name: tensor.name.clone(), in_sample: false, rows, features, ..*tensor });
    }
    tensors
}

fn recount(plan: &Plan, counted: Counted<'_>, at: usize, feature: &Feature) -> Feature {
    let chunk = |counts: &&Counts<u64>| match counts.cell(plan, at) {
        Cell::Numeric(cell) => cell.bins,
        Cell::Categorical(cell) => cell.categories.into_iter().chain([cell.other]).collect(),
    };
    let chunks: Vec<Vec<u64>> = counted.chunks.iter().map(chunk).collect();
    let (kind, missing) = match (&feature.kind, counted.total.cell(plan, at)) {
        (Kind::F32(old), Cell::Numeric(cell)) => (Kind::F32(numeric(old, &cell, chunks)), cell.nan + cell.null),
        (Kind::F64(old), Cell::Numeric(cell)) => (Kind::F64(numeric(old, &cell, chunks)), cell.nan + cell.null),
        (Kind::I64(old), Cell::Numeric(cell)) => (Kind::I64(numeric(old, &cell, chunks)), cell.nan + cell.null),
        (Kind::Categorical(old), Cell::Categorical(cell)) => {
            (Kind::Categorical(categorical(old, &cell, chunks)), cell.null)
        }
        _ => unreachable!("a cell is of the kind of its feature"),
    };
    Feature { kind, nullable: missing > 0, ..feature.clone() }
}

fn numeric<T: Number>(old: &Numeric<T>, cell: &NumericCell, chunks: Vec<Vec<u64>>) -> Numeric<T> {
    Numeric {
        edges: old.edges.clone(),
        counts: cell.bins.clone(),
        nan: cell.nan,
        positive_infinite: cell.positive_infinite,
        negative_infinite: cell.negative_infinite,
        null: cell.null,
        min: cell.range.and_then(|(min, _)| T::nearest(min)),
        max: cell.range.and_then(|(_, max)| T::nearest(max)),
        // Sums that are beyond what numbers hold leave the old centre.
        mean: cell.range.and(cell.mean().or(old.mean)),
        sd: cell.sd(),
        sentinel: old.sentinel,
        chunks,
    }
}

fn categorical(old: &Categorical, cell: &CategoricalCell, chunks: Vec<Vec<u64>>) -> Categorical {
    Categorical {
        categories: old.categories.clone(),
        counts: cell.categories.clone(),
        approximate: false,
        others: old.others.clone(),
        other: cell.other,
        new: cell.new,
        null: cell.null,
        min_length: cell.lengths.map(|(min, _)| min),
        max_length: cell.lengths.map(|(_, max)| max),
        sentinel: old.sentinel.clone(),
        chunks,
    }
}
