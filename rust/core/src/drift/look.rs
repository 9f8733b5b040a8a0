//! One feature in one window, as it is before a false-alarm rate is chosen.

use super::judge::{Counts, Judgement, Moved, Question, Share, Verdict};
use super::law::Law;
use super::pool::{Pool, Sample, is_sufficient, occupied};
use crate::distance::{HALF, Samples, Support, Undefined, psi};
use crate::stats::exact::{self, Hits};

/// Tests with a smaller alpha rest on the far tail of the law, which samples reach only when they are large.
const FAR_TAIL: f64 = 1e-4;
/// Current rows a bin that a test in the far tail needs.
const FAR_TAIL_ROWS_PER_BIN: f64 = 100.0;
/// The reference must know shares so much better than what is tolerated: n ≥ 20·(B − 1)/τ.
const FAR_TAIL_REFERENCE: f64 = 20.0;

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

impl Look {
    /// What shows nothing of its bins, for another reason than too few rows.
    pub fn insufficient(n: u64, m: u64) -> Self {
        Self { n, m, new: None, missing: None, statistic: None }
    }

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
