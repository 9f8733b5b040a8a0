//! Statistics that people decide by: pure functions of counts and moments.
//!
//! Laws say how likely a statistic is by chance, as natural logarithms of survival probabilities: [`chi_squared`],
//! [`noncentral`] and its inverse, [`kolmogorov`], the [`exact`] tests of two shares. [`corrections`] are for many tests at once.

pub mod chi_squared;
pub mod corrections;
pub mod exact;
pub mod gamma;
pub mod interval;
pub mod kolmogorov;
mod memory;
pub mod moments;
pub mod noncentral;
mod normal;
#[cfg(test)]
mod oracle;
mod saddlepoint;

pub use interval::{Interval, of_mean, of_share};
pub use moments::Moments;
