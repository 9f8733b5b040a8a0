//! A profile of what was counted: for models whose training data is not at hand, or whose traffic is to be the reference.

mod columns;
mod recounted;

use super::super::counts::Counts;
use super::super::plan::Plan;
use super::super::profile::{Direction, Feature, Profile, Source, Tensor};
use super::super::tables::Tables;
use super::layout::BareTensor;
use super::table::BareTable;
use std::collections::HashSet;
use thiserror::Error;

/// So many rows a bin there are at least: with fewer no window would ever be judged.
const ROWS_PER_BIN: u64 = 5;

/// A profile of traffic, and what of the traffic is not in it.
#[derive(Clone, Debug)]
pub struct Reference {
    pub profile: Profile,
    /// A sentence for each feature that is left out.
    pub left_out: Vec<String>,
}

/// Why there is no profile of what was counted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    #[error("{rows} rows were counted; {bins} bins need {needed} at least: wait for more, or take fewer with --bins")]
    Rows { rows: u64, bins: usize, needed: u64 },
    #[error("nothing was counted of which a profile can be made: {0}")]
    Nothing(String),
}

/// Everything that a reference is made of.
#[derive(Clone, Copy)]
struct Counted<'c> {
    total: &'c Counts<u64>,
    /// Parts of the total, such as its days.
    chunks: &'c [&'c Counts<u64>],
    bins: usize,
}

impl Reference {
    /// The profile of what was counted by a plan; `chunks` are the days whose sum `total` is, or none where they are too few.
    pub fn of(plan: &Plan, total: &Counts<u64>, chunks: &[&Counts<u64>], bins: usize) -> Result<Self, ReferenceError> {
        let (rows, needed) = (total.rows(plan), ROWS_PER_BIN * bins as u64);
        if rows < needed {
            return Err(ReferenceError::Rows { rows, bins, needed });
        }
        let counted = Counted { total, chunks, bins };
        let mut left_out = Vec::new();
        let mut tensors = recounted::tensors(plan, counted, needed, &mut left_out);
        for (at, tensor) in plan.bare().iter().enumerate() {
            tensors.extend(Self::tensor(plan, (at, tensor), counted, needed, &mut left_out));
        }
        if tensors.is_empty() {
            return Err(ReferenceError::Nothing(left_out.join("; ")));
        }
        tell_apart(&mut tensors);
        let profile = Profile::new(rows, Some("UTC".to_owned()), plan.profile().label.clone(), tensors);
        Ok(Self { profile: profile.made_of(Source::Traffic), left_out })
    }

    fn tensor(
        plan: &Plan,
        (at, tensor): (usize, &BareTensor),
        counted: Counted<'_>,
        needed: u64,
        left_out: &mut Vec<String>,
    ) -> Option<Tensor> {
        let place = plan.profile().tensors.len() + at;
        let table = self::table(counted.total, place);
        let chunks: Vec<&BareTable> = counted.chunks.iter().map(|chunk| self::table(chunk, place)).collect();
        let (BareTable::Numbers(_) | BareTable::Texts(_), Some(width)) = (table, tensor.width) else {
            left_out.push(format!("{}: its rows are of open length, or wider than 4,096 elements", tensor.name));
            return None;
        };
        if table.rows() < needed {
            left_out.push(format!("{}: {} rows are fewer than {needed}", tensor.name, table.rows()));
            return None;
        }
        let mut features = Vec::new();
        for (at, column) in tensor.columns().iter().enumerate() {
            match columns::kind(tensor.datatype, (table, at), &chunks, counted.bins) {
                Ok((kind, missing)) => features.push(Feature {
                    name: column.name.clone(),
                    column: column.at,
                    weight: 1.0,
                    nullable: missing > 0,
                    kind,
                }),
                Err(reason) => left_out.push(format!("{}: {reason}", column.name)),
            }
        }
        (!features.is_empty()).then(|| Tensor {
            name: tensor.name.clone(),
            direction: tensor.direction,
            datatype: tensor.datatype,
            width,
            in_sample: false,
            rows: table.rows(),
            features,
        })
    }
}

fn table(counts: &Counts<u64>, place: usize) -> &BareTable {
    match &counts.tensors[place] {
        Tables::Bare(table) => table,
        _ => unreachable!("counts are made for their plan"),
    }
}

/// Features of one name, such as an input and the output that passes it on, are named after their side as well.
fn tell_apart(tensors: &mut [Tensor]) {
    let mut taken = HashSet::new();
    for tensor in tensors {
        for feature in &mut tensor.features {
            while !taken.insert(feature.name.clone()) {
                feature.name = match tensor.direction {
                    Direction::Input => format!("input {}", feature.name),
                    Direction::Output => format!("output {}", feature.name),
                };
            }
        }
    }
}
