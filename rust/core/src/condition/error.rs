//! Why a text is no condition, one sentence each.

use std::fmt;

use thiserror::Error;

use super::syntax::Map;
use super::{MAX_NESTING, MAX_NODES, MAX_TEXT_BYTES};
use crate::routing::StickyError;

/// What is wrong with the text of a condition, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("character {at}: {refusal}")]
pub struct ConditionError {
    /// Counted in characters, from 1.
    pub at: usize,
    pub refusal: Refusal,
}

/// What is wrong with the text of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("a condition has at most {MAX_TEXT_BYTES} bytes, got {0}; say it shorter, such as x in [\"a\", \"b\"]")]
    TooLong(usize),
    #[error("parentheses and '!' nest at most {MAX_NESTING} deep; a || b || c needs none")]
    TooDeep,
    #[error("a condition has at most {MAX_NODES} names, values and operators; make it two")]
    TooManyNodes,
    #[error("expected a condition, got nothing; write true for one that always matches")]
    Empty,

    #[error("{0:?} is not part of conditions; expected a name, a value, an operator or a bracket")]
    Character(char),
    #[error("'{0}' is not part of conditions: values are compared, not computed; let the caller send the result")]
    Arithmetic(char),
    #[error(
        "'-' stands only before a number, such as -5; a name with '-' goes in brackets, such as metadata[\"x-team\"]"
    )]
    Minus,
    #[error("'?' is not part of conditions; instead of a ? b : c write (a && b) || (!a && c)")]
    Ternary,
    #[error("'{0}' is not part of conditions: there are no maps and messages to write, only lists in [ ]")]
    Brace(char),
    #[error("comments are not part of conditions; write them beside the condition, in the document")]
    Comment,
    #[error("'{got}' is no operator; write '{write}'")]
    Half { got: char, write: &'static str },

    #[error("this string does not end on its line; expected a closing {0}, and \\n for a line break inside")]
    Unclosed(char),
    #[error("raw strings and bytes are not part of conditions; write the string without {0}, and \\\\ for a backslash")]
    Prefix(String),
    #[error("strings in triple quotes are not part of conditions; write \"…\" or '…', and \\n for a line break")]
    TripleQuotes,
    #[error(
        "{0} is no escape; expected one of \\\\ \\\" \\' \\` \\? \\a \\b \\f \\n \\r \\t \\v, \\xHH, \\uHHHH, \\UHHHHHHHH, or \\ with \
         three octal digits up to 377"
    )]
    Escape(String),
    #[error("{0} is no character of Unicode; expected a code point up to 10FFFF that is no surrogate")]
    CodePoint(String),
    #[error("{0:?} is no number; expected one such as 5, -5, 0x1f, 5u, 0.5 or 1e3")]
    Number(String),
    #[error("{text} is out of range: {range}")]
    NumberRange { text: String, range: &'static str },

    #[error("expected {expected}, got {got}")]
    Expected { expected: &'static str, got: String },
    #[error("comparisons do not chain; instead of a < b < c write a < b && b < c")]
    Chained,
    #[error("unknown name {0:?}: known are metadata, params, route and peer; a string needs quotes: \"{0}\"")]
    UnknownName(String),
    #[error("unknown function {0}(): known are has(), and startsWith(), endsWith() and contains() behind a string")]
    UnknownFunction(String),
    #[error(
        "the macro {0}() is not part of conditions: a request holds no lists to go through; the only macro is has()"
    )]
    Macro(String),
    #[error("{0}() stands behind its string; write such as peer.{0}(\"…\")")]
    NotBehind(&'static str),
    #[error("has() stands before its entry; write such as has(params.carrier)")]
    HasBehind,
    #[error(
        "null is not part of conditions; for an entry that is not there write !has(params.x) or !(\"x\" in params)"
    )]
    Null,
    #[error("only metadata and params have entries; a name with a dot goes in brackets, such as params[\"a.b\"]")]
    NoEntries,
    #[error("an entry is named by a string in quotes, such as {0}[\"team\"], got {1}")]
    EntryName(Map, String),
    #[error("{0} as a whole has no value; name an entry, such as {0}.team or {0}[\"x-team\"]")]
    WholeMap(Map),
    #[error(transparent)]
    Name(#[from] StickyError),
    #[error("{0:?} holds binary values, which cannot be compared; name an entry that does not end in \"-bin\"")]
    Binary(String),
    #[error("has() takes one entry with a dot, such as has(params.carrier)")]
    HasArgument,
    #[error("has() takes one entry with a dot; with brackets write {name:?} in {map}")]
    HasBrackets { map: Map, name: String },
    #[error("{method}() takes one string, got {got} arguments")]
    Arguments { method: &'static str, got: usize },

    #[error("a condition is true or false, got {0}; compare it, such as route == \"…\"")]
    NotBool(Type),
    #[error("beside '{operator}' stands what is true or false, got {got}; compare it, such as route == \"…\"")]
    NotBoolBeside { operator: &'static str, got: Type },
    #[error("behind '!' stands what is true or false, got {0}; write a != b, or !(a == b) with parentheses")]
    NotBoolBehind(Type),
    #[error(
        "'{operator}' compares values of one type, got {left} and {right}; write \"5\" for a string, 5 for an int, 5u for a \
         uint, 5.0 for a double"
    )]
    Mismatch { operator: &'static str, left: Type, right: Type },
    #[error(
        "on the right of 'in' stands a list, metadata or params, got {0}; for a part of a string write x.contains(\"…\")"
    )]
    InRight(Type),
    #[error("on the left of 'in {0}' stands the name of an entry in quotes, such as \"team\" in {0}")]
    InLeft(Map),
    #[error("{value} never equals {element}, so this entry of the list is dead; write values of one type")]
    InMismatch { value: Type, element: Type },
    #[error("a list stands only on the right of 'in', such as route in [\"a\", \"b\"]")]
    ListPlace,
    #[error("a list holds strings, numbers and bools as they are, got {0}; instead of x in [y] write x == y")]
    ListElement(String),
    #[error("nothing is in an empty list; write at least one value")]
    EmptyList,
    #[error("{method}() stands behind a string, got {got}")]
    Receiver { method: &'static str, got: Type },
    #[error("{method}() takes a string, got {got}")]
    Argument { method: &'static str, got: Type },
}

impl Refusal {
    pub(super) fn at(self, at: usize) -> ConditionError {
        ConditionError { at, refusal: self }
    }
}

/// What is known of a value before any request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    Int,
    Uint,
    Double,
    Bool,
    /// A request parameter, whose type each request chooses.
    Param,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Bool => "a bool",
            Self::Param => "a parameter",
        })
    }
}
