//! Where a route finds the value that keeps a caller on its arm.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::condition::{Context, Param};

/// Longest key value that is hashed, in bytes: identifiers are short, and hashing a caller's megabyte is a gift to it.
pub const MAX_KEY_BYTES: usize = 1024;

/// Longest name of a metadata entry or parameter, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The place of the sticky key in a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StickyKey {
    /// First value of a gRPC metadata entry; a name that ends in `-bin` holds base64 of the bytes that are hashed.
    Metadata(String),
    /// A request parameter: string, integer or bool.
    Parameter(String),
}

/// Why a text names no sticky key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StickyError {
    #[error("{0:?} is none of metadata[\"name\"], params[\"name\"] and params.name")]
    Form(String),
    #[error("metadata names are lower-case in gRPC; write metadata[{0:?}]")]
    UpperCase(String),
    #[error("{0:?} is no gRPC metadata name: 1 to 128 of a-z, 0-9, '_', '-' and '.'")]
    MetadataName(String),
    #[error("{0:?} is reserved: metadata that starts with \"grpc-\" belongs to the protocol")]
    Reserved(String),
    #[error("{0:?} is no parameter name: 1 to 128 bytes without control characters")]
    ParameterName(String),
}

impl FromStr for StickyKey {
    type Err = StickyError;

    fn from_str(text: &str) -> Result<Self, StickyError> {
        let form = || StickyError::Form(text.to_owned());
        if let Some(rest) = text.strip_prefix("metadata") {
            return metadata(indexed(rest).ok_or_else(form)?);
        }
        let rest = text.strip_prefix("params").ok_or_else(form)?;
        match rest.strip_prefix('.') {
            Some(name) if is_identifier(name) => parameter(name),
            Some(_) => Err(form()),
            None => parameter(indexed(rest).ok_or_else(form)?),
        }
    }
}

impl fmt::Display for StickyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata(name) => write!(f, "metadata[\"{name}\"]"),
            Self::Parameter(name) => write!(f, "params[\"{name}\"]"),
        }
    }
}

impl Serialize for StickyKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Room for a key that is decoded on the way; takes memory when there is one.
#[derive(Debug, Default)]
pub struct KeyBuffer(Vec<u8>);

impl StickyKey {
    /// The value of the key in a request, if it is usable.
    #[inline]
    pub fn find<'a>(&self, request: &'a impl Context, buffer: &'a mut KeyBuffer) -> Option<KeyBytes<'a>> {
        match self {
            Self::Metadata(name) => {
                let value = request.metadata(name)?;
                if name.ends_with("-bin") { decode(value, &mut buffer.0) } else { KeyBytes::of_bytes(value) }
            }
            Self::Parameter(name) => KeyBytes::of_param(request.param(name)?),
        }
    }
}

/// Binary metadata comes with or without padding.
fn decode<'a>(value: &[u8], buffer: &'a mut Vec<u8>) -> Option<KeyBytes<'a>> {
    let trimmed = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    buffer.clear();
    STANDARD_NO_PAD.decode_vec(trimmed, buffer).ok()?;
    KeyBytes::of_bytes(buffer)
}

/// The name inside `["name"]` or `['name']`; a name has no quotes and no backslashes, so there is nothing to escape.
fn indexed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let name = ['"', '\''].iter().find_map(|quote| inner.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (!name.contains(['"', '\'', '\\'])).then_some(name)
}

fn metadata(name: &str) -> Result<StickyKey, StickyError> {
    let lower = name.to_ascii_lowercase();
    let is_valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    if lower.is_empty() || lower.len() > MAX_NAME_BYTES || !lower.bytes().all(is_valid) {
        return Err(StickyError::MetadataName(name.to_owned()));
    }
    if lower != name {
        return Err(StickyError::UpperCase(lower));
    }
    if name.starts_with("grpc-") {
        return Err(StickyError::Reserved(lower));
    }
    Ok(StickyKey::Metadata(lower))
}

fn parameter(name: &str) -> Result<StickyKey, StickyError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(StickyError::ParameterName(name.to_owned()));
    }
    Ok(StickyKey::Parameter(name.to_owned()))
}

fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

/// The bytes of a key value, never longer than [`MAX_KEY_BYTES`] and never empty.
#[derive(Clone, Copy, Debug)]
pub struct KeyBytes<'a>(Bytes<'a>);

#[derive(Clone, Copy, Debug)]
enum Bytes<'a> {
    Borrowed(&'a [u8]),
    /// Decimal digits, from `at` to the end: the longest are those of `i64::MIN`.
    Decimal {
        digits: [u8; 20],
        at: u8,
    },
}

impl<'a> KeyBytes<'a> {
    /// The value of a parameter; nothing for a number that is not whole, which no two machines print alike.
    pub fn of_param(value: Param<'a>) -> Option<Self> {
        match value {
            Param::Text(text) => Self::of_bytes(text),
            Param::Int(value) => Some(Self::of_i64(value)),
            Param::Uint(value) => Some(Self::of_u64(value)),
            Param::Bool(value) => Some(Self::of_bool(value)),
            Param::Double(_) => None,
        }
    }

    /// A string or bytes value; nothing when it is empty (all such callers would share one bucket) or too long.
    #[inline]
    pub fn of_bytes(value: &'a [u8]) -> Option<Self> {
        (!value.is_empty() && value.len() <= MAX_KEY_BYTES).then_some(Self(Bytes::Borrowed(value)))
    }

    /// A bool value, as `true` or `false`.
    pub fn of_bool(value: bool) -> Self {
        Self(Bytes::Borrowed(if value { b"true" } else { b"false" }))
    }

    /// An integer value, as decimal text without allocating.
    pub fn of_i64(value: i64) -> Self {
        let key = Self::of_u64(value.unsigned_abs());
        match key.0 {
            Bytes::Decimal { mut digits, at } if value < 0 => {
                digits[usize::from(at) - 1] = b'-';
                Self(Bytes::Decimal { digits, at: at - 1 })
            }
            _ => key,
        }
    }

    /// An unsigned integer value, as decimal text without allocating.
    pub fn of_u64(mut value: u64) -> Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                return Self(Bytes::Decimal { digits, at: at as u8 });
            }
        }
    }

    /// What is hashed.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Decimal { digits, at } => &digits[usize::from(*at)..],
        }
    }
}
