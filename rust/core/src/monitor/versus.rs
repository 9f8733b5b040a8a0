//! Version against version: what two arms of a split were asked and what they answered, in the same bins.
//!
//! A hash has dealt the callers, so nothing but the version, and chance, can make predictions differ; inputs must be alike, or
//! the split is not what it should be. These are two questions, and each has a list of its own: predictions that differ do not
//! make it easier for an input to be listed. Chance is what varies between sub-cells of callers ([`design_effect()`]).

use super::listed::Listed;
use super::pair::{Places, Sample};
use super::{Settings, Tested};
use crate::distance::Undefined;
use crate::drift::design_effect::{DesignEffect, SUB_CELLS, TooFewCallers, design_effect};
use crate::drift::judge::{Counts, Question, Share};
use crate::drift::pool::{self, Pool, is_sufficient, occupied};
use crate::drift::states::State;
use crate::drift::wander::Wander;
use crate::drift::{self, Judgement, Look, Verdict};
use crate::sketch::{Cell, Direction, Profile};
use crate::stats::exact::{self, Hits};
use serde::Serialize;

#[cfg(test)]
mod tests;

/// One feature by the sub-cells of its callers: of the stable version, which is compared with, and of another.
#[derive(Clone, Debug)]
pub struct Arms {
    pub reference: Vec<Cell>,
    pub current: Vec<Cell>,
}

/// How a feature differs between two versions.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub feature: String,
    pub tensor: String,
    pub direction: Direction,
    /// Ok, listed (warn), insufficient, or unknown where versions have no such feature in common.
    pub state: State,
    /// Why there is no judgement.
    pub reason: Option<String>,
    /// Rows in bins of the stable version.
    pub n: u64,
    /// Rows in bins of the other.
    pub m: u64,
    /// Missing where callers are too few to tell.
    pub design_effect: Option<DesignEffect>,
    /// Missing where callers, or rows, do not suffice.
    pub judgement: Option<Judgement>,
    /// The least false discovery rate at which the feature is listed for its PSI.
    pub q: Option<f64>,
    /// Categories that the profile does not know: whether one version has more of them than the other.
    pub new: Option<Tested>,
    /// Rows without a usable value, likewise.
    pub missing: Option<Tested>,
    /// Rows by bin in each sub-cell.
    pub sub_cells: SubCells,
}

/// Rows of both versions by sub-cell and bin.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SubCells {
    pub reference: Vec<Vec<u64>>,
    pub current: Vec<Vec<u64>>,
}

impl Difference {
    /// What a machine of states is told: nothing of a comparison pages.
    pub fn verdict(&self) -> Verdict {
        match &self.judgement {
            Some(judgement) => Verdict::Judged(Judgement { may_page: false, ..judgement.clone() }),
            None => Verdict::Insufficient { n: self.n, m: self.m },
        }
    }

    /// Whether it stands in its list.
    pub fn is_listed(&self) -> bool {
        self.state == State::Warn
    }
}

impl Arms {
    /// Whether there would be rows enough of both, were they independent.
    pub fn has_enough_rows(&self) -> bool {
        let [reference, current] = [&self.reference, &self.current].map(|cells| sum(&samples(cells)));
        let pool = pool_of(&reference.bins, &current.bins);
        let rows = [&reference, &current].map(|sample| sample.bins.iter().sum::<u64>());
        let deciding = occupied(&pool.counts(&reference.bins), &pool.counts(&current.bins));
        is_sufficient(rows[0].min(rows[1]) as f64, deciding, occupied(&reference.bins, &current.bins))
    }
}

/// Compares every feature of a profile, in its order; a sentence stands for one that the versions do not have in common.
///
/// # Panics
///
/// If there are not as many features and weights as the profile has.
pub fn compare(
    profile: &Profile,
    weights: &[f64],
    features: Vec<Result<Arms, String>>,
    settings: &Settings,
) -> Result<Vec<Difference>, Undefined> {
    let known: Vec<_> = profile.features().collect();
    assert_eq!([features.len(), weights.len()], [known.len(); 2], "there is one of each for each feature");
    let found = features.into_iter().map(|arms| arms.map(|arms| Compared::of(&arms, settings)));
    let found: Vec<Result<Compared, String>> = found
        .map(|found| found.map_or_else(|reason| Ok(Err(reason)), |found| found.map(Ok)))
        .collect::<Result<_, _>>()?;
    let lists = [Direction::Input, Direction::Output].map(|direction| {
        let own = known.iter().zip(&found).zip(weights).filter(|(((tensor, _), _), _)| tensor.direction == direction);
        let own = own.filter_map(|((_, found), weight)| Some((found.as_ref().ok()?.look.clone(), *weight)));
        let (looks, weights): (Vec<Look>, Vec<f64>) = own.unzip();
        Listed::of(&looks, &weights, settings.list_fdr)
    });
    let mut places = lists.each_ref().map(|list| list.q.iter());
    let differences = known.into_iter().zip(found).zip(weights).map(|(((tensor, feature), found), weight)| {
        let list = usize::from(tensor.direction == Direction::Output);
        let (feature, tensor, direction) = (feature.name.clone(), tensor.name.clone(), tensor.direction);
        let unknown = |reason| Difference {
            feature,
            tensor,
            direction,
            state: State::Unknown,
            reason,
            n: 0,
            m: 0,
            design_effect: None,
            judgement: None,
            q: None,
            new: None,
            missing: None,
            sub_cells: SubCells::default(),
        };
        match found {
            Err(reason) => unknown(Some(reason)),
            Ok(found) => {
                let places = places[list].next().expect("what was looked at has its places");
                found.difference(unknown(None), *places, settings, lists[list].alpha(*weight))
            }
        }
    });
    Ok(differences.collect())
}

/// What one feature shows, before others are looked at.
#[derive(Clone, Debug)]
struct Compared {
    arms: [Vec<Sample>; 2],
    rows: [u64; 2],
    effect: Result<DesignEffect, TooFewCallers>,
    look: Look,
}

impl Compared {
    fn of(arms: &Arms, settings: &Settings) -> Result<Self, Undefined> {
        let arms = [samples(&arms.reference), samples(&arms.current)];
        let sums = arms.each_ref().map(|arm| sum(arm));
        let rows = sums.each_ref().map(|sample| sample.bins.iter().sum());
        let effect = effect_of(&arms.each_ref().map(|arm| arm.iter().map(|cell| cell.bins.clone()).collect()));
        let mut look = match effect {
            Ok(effect) => drift::look(&question([&sums[0].bins, &sums[1].bins], effect, settings.tolerated_psi))?,
            Err(_) => Look::insufficient(rows[0], rows[1]),
        };
        look.new = share(&arms, |cell| cell.new)?;
        look.missing = share(&arms, |cell| cell.missing)?;
        Ok(Self { arms, rows, effect, look })
    }

    fn difference(self, unknown: Difference, places: Places, settings: &Settings, alpha: f64) -> Difference {
        let Self { arms, rows: [n, m], effect, look } = self;
        let is_listed = [places.psi, places.new, places.missing].into_iter().flatten().any(|q| q <= settings.list_fdr);
        let judgement = look.judgement(alpha);
        let state = match (&judgement, is_listed) {
            (_, true) => State::Warn,
            (Some(_), false) => State::Ok,
            (None, false) => State::Insufficient,
        };
        let reason = match (&judgement, effect) {
            (Some(_), _) => None,
            (None, Err(few)) => Some(few.to_string()),
            (None, Ok(effect)) => Some(too_few_rows([n, m], effect)),
        };
        let tested = |share: Option<Share>, q: Option<f64>| share.zip(q).map(|(share, q)| Tested { share, q });
        let [reference, current] = arms.map(|arm| arm.into_iter().map(|cell| cell.bins).collect());
        Difference {
            state,
            reason,
            n,
            m,
            design_effect: effect.ok(),
            judgement,
            q: places.psi,
            new: tested(look.new, places.new),
            missing: tested(look.missing, places.missing),
            sub_cells: SubCells { reference, current },
            ..unknown
        }
    }
}

fn too_few_rows([n, m]: [u64; 2], effect: DesignEffect) -> String {
    format!(
        "{n} rows in bins of the stable version and {m} of the other say as much as {:.0} and {:.0} independent ones; five for \
         each deciding bin are needed",
        n as f64 / effect.reference,
        m as f64 / effect.current,
    )
}

/// So many callers of equal size must carry what an arm has beside its bins, or nothing can be said of other callers.
const FEWEST_CARRIERS: f64 = 16.0;

/// Whether two arms have unlike shares of something beside the bins; `None` where neither has any, or callers do not suffice.
///
/// Callers that always miss a value are clusters of their own, so the share has its own design effect, as one of two bins. Their
/// law is one of many rows, the exact test one of independent rows: the larger of both p stands.
fn share(arms: &[Vec<Sample>; 2], of: impl Fn(&Sample) -> u64) -> Result<Option<Share>, Undefined> {
    let cells = arms.each_ref().map(|arm| arm.iter().map(|cell| vec![cell.rows() - of(cell), of(cell)]).collect());
    let sums = cells.each_ref().map(|cells: &Vec<Vec<u64>>| [0, 1].map(|bin| cells.iter().map(|cell| cell[bin]).sum()));
    let [[_, before], [_, now]]: [[u64; 2]; 2] = sums;
    let few = |cells: &Vec<Vec<u64>>| carriers(cells.iter().map(|cell| cell[1] as f64)) < FEWEST_CARRIERS;
    let Some(effect) = effect_of(&cells).ok().filter(|_| !cells.iter().any(few)) else { return Ok(None) };
    let look = drift::look(&question([&sums[0], &sums[1]], effect, 0.0))?;
    let Some(p) = look.p_tolerated().filter(|_| before + now > 0) else { return Ok(None) };
    let hits = |[others, own]: [u64; 2], effect: f64| {
        let independent = |rows: u64| (rows as f64 / effect).round() as u64;
        Hits { hits: independent(own), rows: independent(others + own) }
    };
    let exact = exact::ln_different(hits(sums[0], effect.reference), hits(sums[1], effect.current)).exp();
    let [reference, current] = sums.map(|[others, own]| own as f64 / (others + own).max(1) as f64);
    Ok(Some(Share { reference, current, p: p.max(exact) }))
}

/// Of how many callers of equal size rows are that lie so in sub-cells; without rows of no end of them, for nothing speaks against.
fn carriers(rows: impl Iterator<Item = f64> + Clone) -> f64 {
    let groups = SUB_CELLS as f64;
    let mean = rows.clone().sum::<f64>() / groups;
    let variance = rows.map(|rows| (rows - mean).powi(2)).sum::<f64>() / (groups - 1.0);
    if variance > 0.0 { groups * mean * mean / variance } else { f64::INFINITY }
}

fn effect_of(cells: &[Vec<Vec<u64>>; 2]) -> Result<DesignEffect, TooFewCallers> {
    let [reference, current] = cells.each_ref().map(|cells| {
        let bins = cells.first().map_or(0, Vec::len);
        (0..bins).map(|bin| cells.iter().map(|cell| cell[bin]).sum()).collect::<Vec<u64>>()
    });
    design_effect(&cells[0], &cells[1], &pool_of(&reference, &current))
}

fn pool_of(reference: &[u64], current: &[u64]) -> Pool {
    let independent = |bins| pool::Sample { bins, design_effect: 1.0 };
    Pool::of(&independent(reference), &independent(current))
}

fn question([reference, current]: [&[u64]; 2], effect: DesignEffect, tolerated: f64) -> Question<'_> {
    let counts = |bins| Counts { bins, new: 0, missing: 0 };
    Question {
        reference: counts(reference),
        current: counts(current),
        // Both arms were asked at the same time: what wanders, wanders for both.
        wander: Wander::UNKNOWN,
        design_effect: Some(effect),
        tolerated,
        alpha: 0.5,
    }
}

fn samples(cells: &[Cell]) -> Vec<Sample> {
    cells.iter().map(Sample::of).collect()
}

fn sum(cells: &[Sample]) -> Sample {
    let bins = cells.first().map_or(0, |cell| cell.bins.len());
    Sample {
        bins: (0..bins).map(|bin| cells.iter().map(|cell| cell.bins[bin]).sum()).collect(),
        new: cells.iter().map(|cell| cell.new).sum(),
        missing: cells.iter().map(|cell| cell.missing).sum(),
    }
}
