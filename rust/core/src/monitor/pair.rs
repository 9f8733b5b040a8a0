//! A feature with both sides of its comparison.

use super::{Finding, Settings, Tested};
use crate::distance::Undefined;
use crate::drift::judge::{Counts, Question, Share};
use crate::drift::states::State;
use crate::drift::wander::Wander;
use crate::drift::{self, Look};
use crate::sketch::{Cell, Feature, Kind, Number, Numeric, Tensor};

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
pub(super) struct Sample {
    pub(super) bins: Vec<u64>,
    pub(super) new: u64,
    pub(super) missing: u64,
}

/// The place of each test of a feature in the list; none where there is no test.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    pub(super) psi: Option<f64>,
    pub(super) new: Option<f64>,
    pub(super) missing: Option<f64>,
}

impl<'p> Pair<'p> {
    pub(super) fn of((tensor, feature): (&'p Tensor, &'p Feature), cell: &'p Cell, wander: Wander) -> Self {
        Self { feature, tensor, cell, reference: Sample::of_reference(feature), current: Sample::of(cell), wander }
    }

    /// What the feature shows by itself, before others are looked at.
    pub(super) fn look(&self, settings: &Settings) -> Result<Look, Undefined> {
        drift::look(&Question {
            reference: self.reference.counts(),
            current: self.current.counts(),
            wander: self.wander,
            design_effect: None,
            tolerated: settings.tolerated_psi,
            alpha: settings.list_fdr,
        })
    }

    /// What is found of it: `alpha` is what the list has come to for it, `page_alpha` what pages, if anything does.
    pub(super) fn finding(
        &self,
        look: &Look,
        places: Places,
        settings: &Settings,
        (alpha, page_alpha): (f64, Option<f64>),
    ) -> Finding {
        let fdr = settings.list_fdr;
        let is_listed = [places.psi, places.new, places.missing].into_iter().flatten().any(|q| q <= fdr);
        let judgement = look.judgement(alpha);
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
            page: page_alpha.and_then(|alpha| look.judgement(alpha)),
            q: places.psi,
            new: tested(look.new, places.new),
            missing: tested(look.missing, places.missing),
            cause: None,
        }
    }
}

/// How likely each of a feature's tests is by chance, in the order of [`Places`].
pub(super) fn tests(look: &Look) -> [Option<f64>; 3] {
    [look.p_tolerated(), look.new.map(|share| share.p), look.missing.map(|share| share.p)]
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

    pub(super) fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Numeric(cell) => Self { bins: cell.bins.clone(), new: 0, missing: cell.rows() - cell.finite() },
            Cell::Categorical(cell) => {
                let bins = cell.categories.iter().copied().chain([cell.other]).collect();
                Self { bins, new: cell.new, missing: cell.null }
            }
        }
    }

    /// All rows.
    pub(super) fn rows(&self) -> u64 {
        self.bins.iter().sum::<u64>() + self.new + self.missing
    }

    fn counts(&self) -> Counts<'_> {
        Counts { bins: &self.bins, new: self.new, missing: self.missing }
    }
}

fn outside<T: Number>(numeric: &Numeric<T>) -> u64 {
    numeric.nan + numeric.positive_infinite + numeric.negative_infinite + numeric.null
}
