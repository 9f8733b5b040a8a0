//! Names of models, routes and versions.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// Longest model or route name in bytes: it is a folder name, a metric label and part of every answer.
pub const MAX_NAME_BYTES: usize = 128;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("{0:?} is no name: 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', not starting with '.'")]
    Name(String),
    #[error("{0:?} is no version: write <model>/<version>, such as \"flight-delay/2\"")]
    Form(String),
    #[error("{0:?} is no version number: a whole number from 1 to 9223372036854775807 without leading zeros")]
    Number(String),
}

/// Whether a text may name a model or a route.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.starts_with('.') || !name.bytes().all(is_valid) {
        return Err(NameError::Name(clip(name)));
    }
    Ok(())
}

/// One immutable release of a model, written `<model>/<version>`; ordered as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(Box<str>);

impl VersionId {
    /// A version of a model, or why these are not one.
    pub fn new(model: &str, version: &str) -> Result<Self, NameError> {
        check_name(model)?;
        let digits = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
        if !digits || !version.parse::<i64>().is_ok_and(|number| number > 0) {
            return Err(NameError::Number(clip(version)));
        }
        Ok(Self(format!("{model}/{version}").into()))
    }

    /// `<model>/<version>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the model.
    pub fn model(&self) -> &str {
        self.parts().0
    }

    /// The version as callers spell it in `model_version`.
    pub fn version(&self) -> &str {
        self.parts().1
    }

    /// The version as a number, for "the highest version".
    pub fn number(&self) -> u64 {
        self.version().parse().expect("the constructor parsed it")
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').expect("the constructor put a slash there")
    }
}

impl FromStr for VersionId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (model, version) = text.split_once('/').ok_or_else(|| NameError::Form(clip(text)))?;
        Self::new(model, version)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for VersionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for VersionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Longest text that a sentence quotes, in characters.
const MAX_QUOTED_CHARS: usize = 140;

/// A text as sentences quote it: whole when short, with an ellipsis when it would drown the sentence.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
