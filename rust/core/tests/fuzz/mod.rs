//! What the fuzz tests are made of: requests, mutations, and oracles that know nothing of the code under test.

pub(crate) mod answers;
pub(crate) mod compare;
pub(crate) mod generate;
pub(crate) mod models;
pub(crate) mod mutate;
pub(crate) mod oracle;
pub(crate) mod rng;
pub(crate) mod tree;
