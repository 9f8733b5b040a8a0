//! A number of any class, for people and documents.

use std::fmt;

/// A number as exact as its tensor has it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Exact {
    Float(f64),
    Integer(i64),
}

impl Exact {
    /// Its value; integers beyond 2⁵³ are rounded.
    pub fn wide(self) -> f64 {
        match self {
            Self::Float(value) => value,
            Self::Integer(value) => value as f64,
        }
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) => fmt::Display::fmt(value, formatter),
            Self::Integer(value) => fmt::Display::fmt(value, formatter),
        }
    }
}
