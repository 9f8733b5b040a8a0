//! Step machines.
