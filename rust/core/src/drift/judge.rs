//! One feature in one window: has it drifted, and what shows it.

use super::design_effect::DesignEffect;
use super::law::Law;
use super::pool::{Pool, Sample, is_sufficient, occupied};
use super::scale::Scale;
use super::wander::Wander;
use crate::distance::{HALF, Samples, Support, Undefined, psi};
use crate::stats::exact::{self, Hits};
use serde::Serialize;

/// Tests with a smaller alpha rest on the far tail of the law, which samples reach only when they are large.
const FAR_TAIL: f64 = 1e-4;
/// Current rows a bin that a test in the far tail needs.
const FAR_TAIL_ROWS_PER_BIN: f64 = 100.0;
/// The reference must know shares so much better than what is tolerated: n ≥ 20·(B − 1)/τ.
const FAR_TAIL_REFERENCE: f64 = 20.0;

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
    /// The false-alarm rate that [`judge`] takes; a [`Look`] is judged at any.
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
    fn effects(&self) -> (f64, f64) {
        self.design_effect.map_or((1.0, 1.0), |effect| (effect.reference, effect.current))
    }

    fn law(&self, s: f64, bins: usize) -> Law {
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

/// What a feature shows, before a false-alarm rate is chosen: all that costs much.
#[derive(Clone, Debug)]
pub struct Look {
    /// Rows of the reference in bins.
    n: u64,
    /// Rows of the window in bins.
    m: u64,
    /// As of a [`Judgement`], but also where rows in bins do not suffice: a column that has gone missing has none.
    pub new: Option<Share>,
    pub missing: Option<Share>,
    /// `None` where rows do not suffice.
    statistic: Option<Statistic>,
}

/// The deciding statistic, and what it is held against.
#[derive(Clone, Debug)]
struct Statistic {
    psi: f64,
    moved: Vec<Moved>,
    law: Law,
    tolerated: f64,
    p_no_drift: f64,
    p_tolerated: f64,
    /// As many independent rows as say the same, of the reference and of the window.
    independent: (f64, f64),
    omega: f64,
    bins: usize,
}

/// Looks at a feature by PSI, and beside it at the shares of new categories and of missing values by exact tests.
///
/// Refused where the samples have different bins or more rows than 64 bits count; too few rows are no statistic.
pub fn look(question: &Question<'_>) -> Result<Look, Undefined> {
    let Question { reference, current, .. } = question;
    let statistic = match Samples::of(reference.bins, current.bins, Support::Unordered) {
        Ok(_) => statistic(question)?,
        Err(Undefined::Empty { .. }) => None,
        Err(refused) => return Err(refused),
    };
    Ok(Look {
        n: reference.bins.iter().sum(),
        m: current.bins.iter().sum(),
        new: share(question, |counts| counts.new, exact::ln_more),
        missing: share(question, |counts| counts.missing, exact::ln_different),
        statistic,
    })
}

/// Judges a feature at the false-alarm rate of the question; see [`look`].
pub fn judge(question: &Question<'_>) -> Result<Verdict, Undefined> {
    Ok(look(question)?.verdict(question.alpha))
}

impl Look {
    /// How likely a larger PSI is where the true one is the tolerated one; `None` where rows do not suffice.
    pub fn p_tolerated(&self) -> Option<f64> {
        self.statistic.as_ref().map(|statistic| statistic.p_tolerated)
    }

    /// What is made of it at a false-alarm rate.
    pub fn verdict(&self, alpha: f64) -> Verdict {
        self.judgement(alpha).map_or(Verdict::Insufficient { n: self.n, m: self.m }, Verdict::Judged)
    }

    /// The judgement at a false-alarm rate; `None` where rows do not suffice.
    pub fn judgement(&self, alpha: f64) -> Option<Judgement> {
        let statistic = self.statistic.as_ref()?;
        let Statistic { psi, law, tolerated, bins, independent: (n, m), .. } = *statistic;
        let threshold = law.threshold(alpha.ln(), tolerated);
        let is_large =
            m >= FAR_TAIL_ROWS_PER_BIN * bins as f64 && n * tolerated >= FAR_TAIL_REFERENCE * (bins - 1) as f64;
        Some(Judgement {
            psi,
            expected: law.expected(),
            threshold,
            alpha,
            tolerated,
            p_no_drift: statistic.p_no_drift,
            p_tolerated: statistic.p_tolerated,
            n: self.n,
            m: self.m,
            s: 1.0 / n + 1.0 / m,
            omega: statistic.omega,
            bins,
            sigma_shift: (psi - law.expected()).max(0.0).sqrt(),
            moved: statistic.moved.clone(),
            new: self.new,
            missing: self.missing,
            exceeds: psi > threshold,
            may_page: alpha >= FAR_TAIL || is_large,
        })
    }
}

fn statistic(question: &Question<'_>) -> Result<Option<Statistic>, Undefined> {
    let Question { reference, current, tolerated, .. } = *question;
    let effects = question.effects();
    let reference_sample = Sample { bins: reference.bins, design_effect: effects.0 };
    let current_sample = Sample { bins: current.bins, design_effect: effects.1 };
    let pool = Pool::of(&reference_sample, &current_sample);
    let (ours, theirs) = (pool.counts(reference.bins), pool.counts(current.bins));
    let (n, m) = (reference_sample.rows(), current_sample.rows());
    let bins = occupied(&ours, &theirs);
    if !is_sufficient(f64::min(n, m), bins, occupied(reference.bins, current.bins)) {
        return Ok(None);
    }
    let pooled = Samples::of(&ours, &theirs, Support::Unordered)?;
    let mut moved: Vec<Moved> = terms(&pooled, &pool)?;
    let psi = moved.iter().map(|moved| moved.term).sum();
    moved.sort_unstable_by(|left, right| right.term.total_cmp(&left.term));
    let law = question.law(1.0 / n + 1.0 / m, bins);
    let ln_no_drift = law.ln_p(psi, 0.0);
    let ln_tolerated = if tolerated > 0.0 { law.ln_p(psi, tolerated) } else { ln_no_drift };
    Ok(Some(Statistic {
        psi,
        moved,
        law,
        tolerated,
        p_no_drift: ln_no_drift.exp(),
        p_tolerated: ln_tolerated.exp(),
        independent: (n, m),
        omega: question.wander.omega,
        bins,
    }))
}

fn terms(pooled: &Samples<'_>, pool: &Pool) -> Result<Vec<Moved>, Undefined> {
    let smoothed = pooled.smoothed(HALF)?;
    let bins = smoothed.shares().zip(pooled.shares()).enumerate();
    let one = |(at, ((p, q), (reference_share, current_share)))| Moved {
        bin: pool.raw_bin(at),
        reference_share,
        current_share,
        term: psi::term(p, q),
    };
    Ok(bins.map(one).filter(|moved| moved.reference_share + moved.current_share > 0.0).collect())
}

/// Shares of something outside the bins among all rows; `None` where neither sample has any.
fn share(question: &Question<'_>, of: impl Fn(&Counts<'_>) -> u64, ln_p: impl Fn(Hits, Hits) -> f64) -> Option<Share> {
    let rows = |counts: &Counts<'_>| counts.bins.iter().sum::<u64>() + counts.new + counts.missing;
    let part = |counts: &Counts<'_>| of(counts) as f64 / rows(counts).max(1) as f64;
    let hits = |counts: &Counts<'_>, effect: f64| {
        // Alike rows of one caller count once: an exact test knows independent rows only.
        let independent = |rows: u64| (rows as f64 / effect).round() as u64;
        Hits { hits: independent(of(counts)), rows: independent(rows(counts)) }
    };
    let effects = question.effects();
    let Question { reference, current, .. } = question;
    (of(reference) + of(current) > 0).then(|| Share {
        reference: part(reference),
        current: part(current),
        p: ln_p(hits(reference, effects.0), hits(current, effects.1)).exp(),
    })
}
