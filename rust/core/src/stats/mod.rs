//! Statistics that people decide by: pure functions of counts and moments.

pub mod interval;
pub mod moments;

pub use interval::{Interval, of_mean, of_share};
pub use moments::Moments;
