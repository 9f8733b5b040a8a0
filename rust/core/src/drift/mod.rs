//! Whether a feature has drifted: decisions about counts, with their evidence.
//!
//! One statistic decides, PSI, by its law: with s = 1/n + 1/m and ω the wander of the reference between its own time chunks,
//! PSI/(s + ω) is noncentral chi-squared with B − 1 degrees of freedom, and the noncentrality τ/(s + ω) of a tolerated PSI of τ.
//! [`judge()`] judges one feature in one window, [`look()`] does what does not depend on the false-alarm rate: [`mod@pool`] says which bins decide, [`mod@wander`] and [`design_effect`]
//! what scales chance, [`mod@scale`] what is known of that, [`law`] what is left to chance. [`merge`] makes small windows large
//! enough, [`list`] and [`budget`] share out false alarms among many features, [`states`] follow a feature from window to
//! window, [`cause`] names what has likely happened. `docs/statistics.md` has every formula with its source.

pub mod budget;
pub mod cause;
pub mod design_effect;
pub mod judge;
pub mod law;
pub mod list;
pub mod look;
pub mod merge;
pub mod pool;
pub mod scale;
pub mod states;
pub mod wander;

pub use judge::{Judgement, Verdict, judge};
pub use look::{Look, look};

#[cfg(test)]
mod tests;
