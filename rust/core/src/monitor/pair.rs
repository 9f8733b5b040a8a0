//! A feature with both sides of its comparison.

use super::{Distances, Finding, Tested};
use crate::distance::Undefined;
use crate::drift::judge::{Counts, Question, Share};
use crate::drift::states::State;
use crate::drift::wander::{Wander, wander};
use crate::drift::{self, Judgement, Verdict};
use crate::sketch::{Cell, Feature, Kind, Number, Numeric, Tensor};
use crate::stats::exact::{self, Hits};

#[derive(Clone, Debug)]
pub(super) struct Pair<'p> {
    pub(super) feature: &'p Feature,
    tensor: &'p Tensor,
    pub(super) cell: &'p Cell,
    reference: Sample,
    current: Sample,
    wander: Wander,
}

/// Rows in bins, rare known categories among them, and rows beside the bins.
#[derive(Clone, Debug)]
struct Sample {
    bins: Vec<u64>,
    new: u64,
    missing: u64,
}

/// What a feature shows by itself, before others are looked at.
#[derive(Clone, Debug)]
pub(super) struct Look {
    verdict: Verdict,
    new: Option<Share>,
    missing: Option<Share>,
    pub(super) weight: f64,
}

/// The place of each test of a feature in the list; none where there is no test.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    pub(super) psi: Option<f64>,
    pub(super) new: Option<f64>,
    pub(super) missing: Option<f64>,
}

impl<'p> Pair<'p> {
    pub(super) fn of(((tensor, feature), cell): ((&'p Tensor, &'p Feature), &'p Cell)) -> Self {
        let (reference, current) = (Sample::of_reference(feature), Sample::of(cell));
        Self { feature, tensor, cell, reference, current, wander: wander(feature.chunks()) }
    }

    /// Judges the bins at an alpha. What lies beside them is tested even where rows in bins do not suffice: a column that
    /// has gone missing has none.
    pub(super) fn look(&self, tolerated: f64, alpha: f64) -> Result<Look, Undefined> {
        let (reference, current) = (self.reference.counts(), self.current.counts());
        let question = Question { reference, current, wander: self.wander, design_effect: None, tolerated, alpha };
        let verdict = drift::judge(&question)?;
        Ok(Look {
            verdict,
            new: self.share(|sample| sample.new, exact::ln_more),
            missing: self.share(|sample| sample.missing, exact::ln_different),
            weight: self.feature.weight,
        })
    }

    fn share(&self, of: impl Fn(&Sample) -> u64, ln_p: impl Fn(Hits, Hits) -> f64) -> Option<Share> {
        let hits = |sample: &Sample| Hits { hits: of(sample), rows: sample.rows() };
        let (ours, theirs) = (hits(&self.reference), hits(&self.current));
        let part = |hits: Hits| hits.hits as f64 / hits.rows.max(1) as f64;
        (ours.hits + theirs.hits > 0).then(|| Share {
            reference: part(ours),
            current: part(theirs),
            p: ln_p(ours, theirs).exp(),
        })
    }

    pub(super) fn finding(&self, look: Look, places: Places, fdr: f64) -> Finding {
        let is_listed = [places.psi, places.new, places.missing].into_iter().flatten().any(|q| q <= fdr);
        let judgement = match look.verdict {
            Verdict::Judged(judgement) => Some(judgement),
            Verdict::Insufficient { .. } => None,
        };
        let state = match (&judgement, is_listed) {
            (_, true) => State::Warn,
            (Some(_), false) => State::Ok,
            (None, false) => State::Insufficient,
        };
        let tested = |share: Option<Share>, q: Option<f64>| share.zip(q).map(|(share, q)| Tested { share, q });
        Finding {
            feature: self.feature.name.clone(),
            tensor: self.tensor.name.clone(),
            direction: self.tensor.direction,
            in_sample: self.tensor.in_sample,
            state,
            n: self.reference.bins.iter().sum(),
            m: self.current.bins.iter().sum(),
            wander: self.wander,
            judgement,
            page: None,
            q: places.psi,
            new: tested(look.new, places.new),
            missing: tested(look.missing, places.missing),
            cause: None,
            distances: Distances::of(self.feature, self.cell, &self.reference.bins, &self.current.bins),
        }
    }
}

impl Look {
    pub(super) fn judgement(self) -> Option<Judgement> {
        match self.verdict {
            Verdict::Judged(judgement) => Some(judgement),
            Verdict::Insufficient { .. } => None,
        }
    }

    /// How likely each of its tests is by chance, in the order of [`Places`].
    pub(super) fn tests(&self) -> [Option<f64>; 3] {
        let psi = match &self.verdict {
            Verdict::Judged(judgement) => Some(judgement.p_tolerated),
            Verdict::Insufficient { .. } => None,
        };
        [psi, self.new.map(|share| share.p), self.missing.map(|share| share.p)]
    }
}

impl Sample {
    fn of_reference(feature: &Feature) -> Self {
        let (new, missing) = match &feature.kind {
            Kind::F32(numeric) => (0, outside(numeric)),
            Kind::F64(numeric) => (0, outside(numeric)),
            Kind::I64(numeric) => (0, outside(numeric)),
            Kind::Categorical(categorical) => (categorical.new, categorical.null),
        };
        Self { bins: feature.counts(), new, missing }
    }

    fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Numeric(cell) => {
                let missing = cell.nan + cell.positive_infinite + cell.negative_infinite + cell.null;
                Self { bins: cell.bins.clone(), new: 0, missing }
            }
            Cell::Categorical(cell) => {
                let bins = cell.categories.iter().copied().chain([cell.other]).collect();
                Self { bins, new: cell.new, missing: cell.null }
            }
        }
    }

    fn rows(&self) -> u64 {
        self.bins.iter().sum::<u64>() + self.new + self.missing
    }

    fn counts(&self) -> Counts<'_> {
        Counts { bins: &self.bins, new: self.new, missing: self.missing }
    }
}

fn outside<T: Number>(numeric: &Numeric<T>) -> u64 {
    numeric.nan + numeric.positive_infinite + numeric.negative_infinite + numeric.null
}
