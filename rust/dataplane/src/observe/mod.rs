//! What the data plane counts and says of itself.

pub mod batches;
pub mod connections;
pub mod counters;
pub mod drift;
pub mod histogram;
pub mod log;
pub mod misses;
pub mod prediction_id;
pub mod prometheus;
