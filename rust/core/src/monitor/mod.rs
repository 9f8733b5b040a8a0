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
pub mod versus;

use crate::distance::Undefined;
use crate::drift::budget::{Budget, Length};
use crate::drift::cause::Cause;
use crate::drift::judge::Share;
use crate::drift::states::State;
use crate::drift::wander::{Wander, wander};
use crate::drift::{Judgement, Look, Verdict};
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

/// A profile, and what is the same in every window that is held against it.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'p> {
    pub profile: &'p Profile,
    /// How far each feature wanders between the time chunks of the profile: see [`wanders`].
    pub wanders: &'p [Wander],
    /// How much each feature matters beside the others: those of the profile, or what a monitor says.
    pub weights: &'p [f64],
}

/// How far each feature wanders between the time chunks of a profile; for a thousand features of a hundred chunks that takes
/// longer than to judge them.
pub fn wanders(profile: &Profile) -> Vec<Wander> {
    profile.features().map(|(_, feature)| wander(feature.chunks())).collect()
}

/// The weights that the profile gives its features.
pub fn weights(profile: &Profile) -> Vec<f64> {
    profile.features().map(|(_, feature)| feature.weight).collect()
}

impl Pages {
    /// The false-alarm rate at which each feature pages; 0 for those that never do.
    fn alphas(&self, reference: &Reference<'_>) -> Vec<f64> {
        let features = reference.profile.features().zip(reference.weights);
        let weights: Vec<f64> =
            features.map(|((tensor, _), weight)| if tensor.in_sample { 0.0 } else { *weight }).collect();
        self.budget.alphas(self.length, self.lengths_in_use, &weights)
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
}

/// A finding as it is shown: with every distance, which nothing is decided by.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    pub finding: Finding,
    pub distances: Distances,
}

/// What is found of every feature of a profile, with the distances of its cell, in its order.
pub fn shown<'p>(
    profile: &'p Profile,
    cells: &'p [Cell],
    findings: Vec<Finding>,
) -> impl Iterator<Item = Shown> + use<'p> {
    let features = profile.features().map(|(_, feature)| feature);
    let pairs = features.zip(cells).zip(findings);
    pairs.map(|((feature, cell), finding)| Shown { finding, distances: Distances::of(feature, cell) })
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
/// If there are not as many cells, wanders and weights as features.
pub fn judge(reference: &Reference<'_>, cells: &[Cell], settings: Settings) -> Result<Vec<Finding>, Undefined> {
    let Reference { profile, wanders, weights } = *reference;
    let features = profile.features().count();
    assert!([cells.len(), wanders.len(), weights.len()] == [features; 3], "there is one of each for each feature");
    let pairs = profile.features().zip(cells).zip(wanders);
    let pairs: Vec<Pair<'_>> = pairs.map(|((feature, cell), wander)| Pair::of(feature, cell, *wander)).collect();
    // A look says how likely each is by chance; only then is known which alpha the list comes to.
    let looks = pairs.iter().map(|pair| pair.look(&settings)).collect::<Result<Vec<_>, _>>()?;
    let listed = Listed::of(&looks, weights, settings.list_fdr);
    let page_alphas = settings.pages.map(|pages| pages.alphas(reference));
    let find = |(at, (pair, look)): (usize, (&Pair<'_>, &Look))| {
        let page_alpha = page_alphas.as_ref().map(|alphas| alphas[at]).filter(|alpha| *alpha > 0.0);
        pair.finding(look, listed.q[at], &settings, (listed.alpha(weights[at]), page_alpha))
    };
    let mut findings: Vec<Finding> = pairs.iter().zip(&looks).enumerate().map(find).collect();
    causes::name(&pairs, &mut findings);
    Ok(findings)
}
