//! Examples by prediction id: what a person looks up in the log.

use serde::Serialize;

/// How many examples of each kind a report shows.
pub(super) const MOST_EXAMPLES: usize = 16;
/// Bytes of an id or of a text that an example keeps.
const MOST_TEXT: usize = 64;

/// One value of an answer. A number that JSON has not, NaN or an infinity, is `null` there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// The first bytes of a text; what is not UTF-8 is replaced.
    Text(String),
}

impl Scalar {
    pub(super) fn text(bytes: &[u8]) -> Self {
        Self::Text(clipped(&String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_TEXT)])).to_owned())
    }
}

/// A request whose answers lie far apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    pub prediction_id: String,
    pub output: String,
    /// The entry along the first axis.
    pub row: u64,
    pub primary: Scalar,
    pub shadow: Scalar,
    /// |primary − shadow|, finite and more than 0.
    pub difference: f64,
}

/// A request whose decision flipped: the first place where it did.
///
/// `primary` and `shadow` are the values beside the threshold, the indices of the largest elements, or the labels: what
/// the report's rule looks at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flipped {
    pub prediction_id: String,
    pub output: String,
    /// The entry along the first axis.
    pub row: u64,
    pub primary: Scalar,
    pub shadow: Scalar,
}

/// The beginning of a text, cut between two characters.
pub(super) fn clipped(text: &str) -> &str {
    let end = (0..=text.len().min(MOST_TEXT)).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Where the difference belongs in a list that starts with the largest; `None` if the list is full of larger ones.
pub(super) fn place(worst: &[Worst], difference: f64) -> Option<usize> {
    let at = worst.partition_point(|known| known.difference >= difference);
    (at < MOST_EXAMPLES).then_some(at)
}
