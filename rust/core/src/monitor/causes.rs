//! What has likely happened to the features that are listed.

use super::Finding;
use super::pair::Pair;
use crate::drift::cause::{self, Feature, Summary};
use crate::drift::states::State;
use crate::sketch::{Cell, Kind, Number, Numeric, NumericCell};

/// Names the causes that can be told. A swap is looked for among listed features only: both of a pair have moved.
pub(super) fn name(pairs: &[Pair<'_>], findings: &mut [Finding]) {
    let numeric: Vec<Option<Feature<'_>>> = pairs
        .iter()
        .zip(findings.iter())
        .map(|(pair, finding)| if finding.state == State::Warn { summaries(pair) } else { None })
        .collect();
    let moved: Vec<Feature<'_>> = numeric.iter().flatten().copied().collect();
    for (finding, feature) in findings.iter_mut().zip(&numeric).filter(|(finding, _)| finding.state == State::Warn) {
        let beside = finding.judgement.as_ref().and_then(cause::outside_bins);
        let is_psi = finding.judgement.as_ref().is_some_and(|judgement| judgement.exceeds);
        let of_values = || feature.filter(|_| is_psi).and_then(|feature| cause::of_values(&feature, &moved));
        finding.cause = beside.or_else(of_values);
    }
}

/// A numeric feature with values on both sides.
fn summaries<'p>(pair: &Pair<'p>) -> Option<Feature<'p>> {
    let Cell::Numeric(cell) = pair.cell else { return None };
    let reference = match &pair.feature.kind {
        Kind::F32(numeric) => of_reference(numeric, f64::from),
        Kind::F64(numeric) => of_reference(numeric, |value| value),
        Kind::I64(numeric) => of_reference(numeric, |value| value as f64),
        Kind::Categorical(_) => None,
    }?;
    Some(Feature { name: &pair.feature.name, reference, current: of_cell(cell)? })
}

fn of_reference<T: Number>(numeric: &Numeric<T>, wide: impl Fn(T) -> f64) -> Option<Summary> {
    Some(Summary { mean: numeric.mean?, sd: numeric.sd?, min: wide(numeric.min?), max: wide(numeric.max?) })
}

fn of_cell(cell: &NumericCell) -> Option<Summary> {
    let (least, most) = cell.range?;
    Some(Summary { mean: cell.mean()?, sd: cell.sd()?, min: least.wide(), max: most.wide() })
}
