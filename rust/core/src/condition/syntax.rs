//! What stands in the text of a condition, before anybody asks whether it makes sense.

use std::fmt;

use super::Param;
use super::error::Type;

/// One expression, and where it begins.
#[derive(Debug)]
pub(super) struct Expr {
    /// In characters, from 1.
    pub(super) at: usize,
    pub(super) form: Form,
}

#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) enum Form {
    Literal(Literal),
    List(Vec<Item>),
    Route,
    Peer,
    /// `metadata` or `params` without a name behind it.
    Map(Map),
    Entry {
        map: Map,
        name: String,
        /// `map["name"]`, not `map.name`.
        is_bracketed: bool,
    },
    Has {
        map: Map,
        name: String,
    },
    Call {
        method: Method,
        receiver: Box<Expr>,
        argument: Box<Expr>,
    },
    Not(Box<Expr>),
    /// Two or more operands of one operator in a row.
    Logic(Logic, Vec<Expr>),
    Relation(Relation, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
}

/// One value of a list, and where it stands.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) at: usize,
    pub(super) value: Literal,
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(Box<str>),
    Int(i64),
    Uint(u64),
    Double(f64),
    Bool(bool),
}

impl Literal {
    pub(super) fn value(&self) -> Param<'_> {
        match self {
            Self::Text(text) => Param::Text(text.as_bytes()),
            Self::Int(value) => Param::Int(*value),
            Self::Uint(value) => Param::Uint(*value),
            Self::Double(value) => Param::Double(*value),
            Self::Bool(value) => Param::Bool(*value),
        }
    }

    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Text(_) => Type::Text,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::Bool(_) => Type::Bool,
        }
    }
}

/// What has entries with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    Metadata,
    Params,
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata",
            Self::Params => "params",
        })
    }
}

/// What joins conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logic {
    Every,
    Any,
}

impl Logic {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Every => "&&",
            Self::Any => "||",
        }
    }
}

/// A table of the words that stand for something.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($variant,)* }

        impl $name {
            pub(super) fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }

            pub(super) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// What compares two values.
    Relation { Equal "==", NotEqual "!=", Less "<", LessEqual "<=", Greater ">", GreaterEqual ">=", }
}

words! {
    /// What asks a string about a part of it.
    Method { StartsWith "startsWith", EndsWith "endsWith", Contains "contains", }
}

#[cfg(test)]
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form
    }
}

#[cfg(test)]
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
