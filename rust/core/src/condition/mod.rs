//! Conditions: what a request must look like, in a checked subset of CEL.
//!
//! A text goes through `lex` and `parse` into a tree of what stands there (`syntax`), and through `check` into a program
//! that has no wrong types left in it, which `evaluate` runs on each request. `docs/conditions.md` is the language for its
//! users.
//!
//! The meaning is CEL's, and the `cel` crate is the oracle of the tests. Where conditions leave CEL on purpose:
//! - An error is no error but [`Outcome::Missing`], a non-match that names the key: a request that lacks an entry is
//!   nobody's fault. `&&` and `||` absorb it as they absorb errors in CEL.
//! - An int and a double compare exactly. CEL's words ask for one continuous number line, its implementations round the
//!   int first.
//! - Text values longer than [`MAX_VALUE_BYTES`] cannot be used.

mod check;
mod compare;
mod error;
mod evaluate;
mod lex;
mod literal;
mod operand;
mod parse;
mod program;
mod syntax;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Serialize, Serializer};

pub use error::{ConditionError, Refusal, Type};
pub use syntax::Map;

/// Longest text of a condition in bytes: a person reads it in one go, and every gateway compiles it again.
pub const MAX_TEXT_BYTES: usize = 1024;

/// Deepest nesting of parentheses and `!`: reader, checker and evaluation recurse this deep and no deeper.
pub const MAX_NESTING: usize = 16;

/// Most names, values and operators in one condition: it bounds what a request pays for it.
pub const MAX_NODES: usize = 64;

/// Longest metadata or parameter value that is looked at, in bytes: conditions are about names and labels, and searching
/// a caller's megabyte is a gift to it.
pub const MAX_VALUE_BYTES: usize = 4096;

/// A condition that was understood: its text, the keys it reads, and the program that decides.
///
/// Two conditions are equal when their texts are.
#[derive(Clone, Debug)]
pub struct Condition {
    text: Box<str>,
    keys: Box<[Key]>,
    root: program::Node,
}

impl Condition {
    /// As the document spells it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The metadata entries and parameters that it reads, each once, in order of appearance.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether a request matches. Allocates nothing, and looks up a key once for each place where it stands.
    pub fn evaluate(&self, request: &impl Context) -> Outcome {
        match evaluate::truth(&self.root, &self.keys, request) {
            Ok(true) => Outcome::Match,
            Ok(false) => Outcome::NoMatch,
            Err(key) => Outcome::Missing(key),
        }
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let (root, keys) = check::check(&parse::parse(text)?)?;
        Ok(Self { text: text.into(), keys, root })
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// One value of a request that a condition reads by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// First value of a gRPC metadata entry.
    Metadata(Box<str>),
    /// A request parameter.
    Param(Box<str>),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (map, name) = match self {
            Self::Metadata(name) => ("metadata", name),
            Self::Param(name) => ("params", name),
        };
        write!(f, "{map}[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// What a condition says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Match,
    NoMatch,
    /// No match, because the first key that would have decided is not there, or holds a value that cannot be used; an
    /// index into [`Condition::keys`].
    Missing(u16),
}

/// What a condition may look at, borrowed from the request.
pub trait Context {
    /// First value of a metadata entry, by its lower-case name.
    fn metadata(&self, name: &str) -> Option<&[u8]>;

    /// A request parameter; one that chose no value is not there.
    fn param(&self, name: &str) -> Option<Param<'_>>;

    /// The public name that the caller wrote.
    fn route(&self) -> &str;

    /// The caller's IP address, without the port.
    fn peer(&self) -> &str;
}

/// The value of a request parameter, and of everything else while it is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param<'a> {
    Text(&'a [u8]),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Double(f64),
}

#[cfg(test)]
mod tests;
