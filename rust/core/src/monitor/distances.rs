//! Every distance of a feature, where it has one.

use super::pair::Sample;
use crate::distance::{Measured, Samples, Support, TABLE, Undefined};
use crate::sketch::{Cell, Feature, Kind};
use serde::ser::{Serialize, Serializer};

/// Distances by their names, over all bins of the profile.
#[derive(Clone, Debug)]
pub struct Distances(Vec<(&'static str, Outcome)>);

/// A distance, or why it has no value.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    pub value: Option<f64>,
    pub p: Option<f64>,
    pub is_conservative: bool,
    pub undefined: Option<String>,
}

impl Distances {
    /// All distances of what was counted of a feature from its reference.
    pub fn of(feature: &Feature, cell: &Cell) -> Self {
        let (reference, current) = (feature.counts(), Sample::of(cell).bins);
        let edges = edges(feature);
        let support = match (&edges, range(feature, cell)) {
            (Some(edges), Some((min, max))) => Support::Edges { edges, min, max },
            (Some(_), None) => Support::Ordered,
            (None, _) => Support::Unordered,
        };
        let samples = Samples::of(&reference, &current, support);
        let measure = |samples: &Result<Samples<'_>, Undefined>| match samples {
            Ok(samples) => TABLE.iter().map(|distance| (distance.name(), distance.between(samples))).collect(),
            Err(refused) => TABLE.iter().map(|distance| (distance.name(), Err(refused.clone()))).collect::<Vec<_>>(),
        };
        Self(measure(&samples).into_iter().map(|(name, measured)| (name, Outcome::of(measured))).collect())
    }
}

impl Outcome {
    fn of(measured: Result<Measured, Undefined>) -> Self {
        match measured {
            Ok(Measured { value, p, is_conservative }) => {
                Self { value: Some(value), p, is_conservative, undefined: None }
            }
            Err(refused) => Self { value: None, p: None, is_conservative: false, undefined: Some(refused.to_string()) },
        }
    }
}

impl Serialize for Distances {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, outcome)| (name, outcome)))
    }
}

/// The edges of a numeric feature; wide integers are rounded.
fn edges(feature: &Feature) -> Option<Vec<f64>> {
    match &feature.kind {
        Kind::F32(numeric) => Some(numeric.edges.iter().map(|edge| f64::from(*edge)).collect()),
        Kind::F64(numeric) => Some(numeric.edges.clone()),
        Kind::I64(numeric) => Some(numeric.edges.iter().map(|edge| *edge as f64).collect()),
        Kind::Categorical(_) => None,
    }
}

/// What the values of both sides lie between.
fn range(feature: &Feature, cell: &Cell) -> Option<(f64, f64)> {
    let (least, most) = match &feature.kind {
        Kind::F32(numeric) => (numeric.min.map(f64::from), numeric.max.map(f64::from)),
        Kind::F64(numeric) => (numeric.min, numeric.max),
        Kind::I64(numeric) => (numeric.min.map(|least| least as f64), numeric.max.map(|most| most as f64)),
        Kind::Categorical(_) => (None, None),
    };
    let Cell::Numeric(cell) = cell else { return None };
    let (low, high) = cell.range?;
    Some((least?.min(low.wide()), most?.max(high.wide())))
}
