//! Tests that take a machine through long histories.
