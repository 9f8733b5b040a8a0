//! A profile beside what was counted in its bins: every feature judged, and the list of those that drifted.
//!
//! Here sketches, which know features, meet decisions, which know counts. Everything is judged at once, because whether a
//! feature is listed depends on all others.

mod causes;
mod distances;
mod listed;
mod pair;
#[cfg(test)]
mod tests;

use crate::distance::Undefined;
use crate::drift::budget::{Budget, Length};
use crate::drift::cause::Cause;
use crate::drift::judge::Share;
use crate::drift::states::State;
use crate::drift::wander::Wander;
use crate::drift::{Judgement, Verdict};
use crate::sketch::{Cell, Direction, Profile};
use listed::Listed;
use pair::Pair;
use serde::Serialize;

pub use distances::{Distances, Outcome};

/// What is asked of all features of a window, or of a table.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The true PSI that is no reason to be listed.
    pub tolerated_psi: f64,
    /// The share of the listed features that may be there by chance.
    pub list_fdr: f64,
    /// What may page, where anything does.
    pub pages: Option<Pages>,
}

/// The pages that windows of one length may cause.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    pub budget: Budget,
    pub length: Length,
    /// Among how many lengths the budget is split.
    pub lengths_in_use: usize,
}

impl Settings {
    /// The false-alarm rate at which each feature pages; 0 for those that never do.
    fn alphas(&self, profile: &Profile) -> Vec<f64> {
        let weights: Vec<f64> =
            profile.features().map(|(tensor, feature)| if tensor.in_sample { 0.0 } else { feature.weight }).collect();
        match self.pages {
            Some(Pages { budget, length, lengths_in_use }) => budget.alphas(length, lengths_in_use, &weights),
            None => vec![0.0; weights.len()],
        }
    }
}

/// What is found of one feature.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub feature: String,
    pub tensor: String,
    pub direction: Direction,
    pub in_sample: bool,
    /// Ok, listed (warn) or insufficient.
    pub state: State,
    /// Rows in bins of the reference.
    pub n: u64,
    /// Rows in bins of the window.
    pub m: u64,
    pub wander: Wander,
    /// Missing where rows do not suffice.
    pub judgement: Option<Judgement>,
    /// The same at the false-alarm rate of a page; missing where nothing may page.
    pub page: Option<Judgement>,
    /// The least false discovery rate at which the feature is listed for its PSI.
    pub q: Option<f64>,
    /// Categories that the reference does not know.
    pub new: Option<Tested>,
    /// Rows without a usable value.
    pub missing: Option<Tested>,
    /// What has likely happened, of a listed feature.
    pub cause: Option<Cause>,
    pub distances: Distances,
}

impl Finding {
    /// What a machine of states is told: whether it pages, where it may.
    pub fn verdict(&self) -> Verdict {
        match (&self.page, &self.judgement) {
            (Some(page), _) => Verdict::Judged(page.clone()),
            (None, Some(judgement)) => Verdict::Judged(Judgement { may_page: false, ..judgement.clone() }),
            (None, None) => Verdict::Insufficient { n: self.n, m: self.m },
        }
    }

    /// Whether it stands in the list of its window.
    pub fn is_listed(&self) -> bool {
        self.state == State::Warn
    }
}

/// A share beside the bins, with its place in the list.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tested {
    #[serde(flatten)]
    pub share: Share,
    pub q: f64,
}

/// Judges every feature of a profile, in its order.
///
/// PSI decides, and beside it the shares of new categories and of missing values: a feature is listed for any of the three.
/// The threshold of a judgement is what its PSI had to exceed to be listed beside those that are.
///
/// # Panics
///
/// If there are not as many cells as features.
pub fn judge(profile: &Profile, cells: &[Cell], settings: Settings) -> Result<Vec<Finding>, Undefined> {
    assert_eq!(cells.len(), profile.features().count(), "there is a cell for each feature");
    let pairs: Vec<Pair<'_>> = profile.features().zip(cells).map(Pair::of).collect();
    // The first look says how likely each is by chance; the second knows the alpha that the list has come to.
    let looks = pairs.iter().map(|pair| pair.look(settings.tolerated_psi, settings.list_fdr));
    let looks = looks.collect::<Result<Vec<_>, _>>()?;
    let alphas = settings.alphas(profile);
    let listed = Listed::of(&looks, settings.list_fdr);
    let find = |(at, pair): (usize, &Pair<'_>)| {
        let look = pair.look(settings.tolerated_psi, listed.alpha(pair.feature.weight))?;
        let page = if alphas[at] > 0.0 { pair.look(settings.tolerated_psi, alphas[at])?.judgement() } else { None };
        Ok(Finding { page, ..pair.finding(look, listed.q[at], settings.list_fdr) })
    };
    let mut findings = pairs.iter().enumerate().map(find).collect::<Result<Vec<_>, _>>()?;
    causes::name(&pairs, &mut findings);
    Ok(findings)
}
