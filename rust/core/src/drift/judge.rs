//! One feature in one window: has it drifted, and what shows it.

use super::design_effect::DesignEffect;
use super::law::Law;
use super::look::look;
use super::scale::Scale;
use super::wander::Wander;
use crate::distance::Undefined;
use serde::Serialize;

/// What one sample has of a feature.
#[derive(Clone, Copy, Debug)]
pub struct Counts<'a> {
    /// Rows in each bin of the profile, rare known categories among them.
    pub bins: &'a [u64],
    /// Rows with a category that the reference does not know; 0 for numbers.
    pub new: u64,
    /// Rows without a usable value: null, NaN, infinite.
    pub missing: u64,
}

/// What is asked of a feature.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub reference: Counts<'a>,
    pub current: Counts<'a>,
    /// How far the reference wanders by itself.
    pub wander: Wander,
    /// What callers do to a comparison of two arms; `None` for independent rows.
    pub design_effect: Option<DesignEffect>,
    /// τ: the true PSI that is no reason for an alarm.
    pub tolerated: f64,
    /// The false-alarm rate that [`judge`] takes; a look is judged at any.
    pub alpha: f64,
}

/// Whether there was enough to judge by.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// Fewer rows than the bins that would decide need, in one sample or both.
    Insufficient {
        n: u64,
        m: u64,
    },
    Judged(Judgement),
}

/// What was found, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// PSI over the deciding bins, half a row added to each.
    pub psi: f64,
    /// Its mean when nothing has moved: (B − 1)·(s + ω).
    pub expected: f64,
    /// What it exceeds with probability alpha where the true PSI is the tolerated one.
    pub threshold: f64,
    pub alpha: f64,
    pub tolerated: f64,
    /// How likely a larger PSI is when nothing has moved. What is below 10⁻³⁰⁸ reads 0, here and below.
    pub p_no_drift: f64,
    /// How likely a larger PSI is where the true one is the tolerated one. This is what decides.
    pub p_tolerated: f64,
    /// Rows of the reference in bins.
    pub n: u64,
    /// Rows of the window in bins.
    pub m: u64,
    /// s = 1/n + 1/m, each times its design effect.
    pub s: f64,
    pub omega: f64,
    /// B: deciding bins that are not empty in both samples.
    pub bins: usize,
    /// By how many standard deviations a normal feature's mean would have moved for such a PSI, chance taken off:
    /// √(PSI − expected), or 0.
    pub sigma_shift: f64,
    /// Deciding bins by what they add to PSI, the largest first.
    pub moved: Vec<Moved>,
    /// Whether more categories are unknown than chance explains; only where there are any.
    pub new: Option<Share>,
    /// Whether the share of missing values differs; only where there are any.
    pub missing: Option<Share>,
    /// Whether PSI is above its threshold.
    pub exceeds: bool,
    /// Whether the samples are large enough for a page at this alpha; if not, the feature may still be listed.
    pub may_page: bool,
}

/// What one deciding bin has to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Its place among the bins of the profile; `null` is all bins together that are too small to decide alone.
    pub bin: Option<usize>,
    pub reference_share: f64,
    pub current_share: f64,
    /// Its term in the sum, from shares with half a row added.
    pub term: f64,
}

/// Two shares, and an exact test of whether they are one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    pub reference: f64,
    pub current: f64,
    pub p: f64,
}

impl Question<'_> {
    pub(super) fn effects(&self) -> (f64, f64) {
        self.design_effect.map_or((1.0, 1.0), |effect| (effect.reference, effect.current))
    }

    pub(super) fn law(&self, s: f64, bins: usize) -> Law {
        let freedom = (bins - 1) as f64;
        match self.design_effect {
            Some(effect) if effect.freedom > 0.0 => {
                // The same mean of PSI, (B − 1)·V, spread over fewer degrees of freedom.
                let fewer = effect.freedom.min(freedom);
                let measured = if fewer > 0.0 { freedom / fewer * (s + self.wander.omega) } else { s };
                let scale = Scale { sure: 0.0, measured, noise: 0.0, freedom: effect.certainty * fewer };
                Law { freedom: fewer, scale }
            }
            _ => Law { freedom, scale: self.wander.widen(s) },
        }
    }
}

impl Judgement {
    /// Whether this is a page: above the threshold, with samples large enough for its alpha.
    pub fn pages(&self) -> bool {
        self.exceeds && self.may_page
    }

    /// Whether what is above chance is less than half of what is tolerated, as a drift that ends must be.
    pub fn is_quiet(&self) -> bool {
        self.psi - self.expected < self.tolerated / 2.0
    }
}

/// Judges a feature at the false-alarm rate of the question; see [`look()`].
pub fn judge(question: &Question<'_>) -> Result<Verdict, Undefined> {
    Ok(look(question)?.verdict(question.alpha))
}
