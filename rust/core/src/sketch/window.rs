//! Windows: what was counted between two times, and who may be added to whom.

mod codec;
mod rings;

use std::fmt;

use thiserror::Error;

use super::counts::Counts;
use crate::document::Sha256;

pub use codec::CodecError;
pub use rings::{Capacity, Rings};

/// Whose rows were counted, by which profile. Only counts with equal keys are ever added.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub route: String,
    /// Of the version's model file.
    pub version: Sha256,
    /// Of the profile whose bins were counted into.
    pub profile: Sha256,
    pub traffic: Traffic,
}

/// Why a request went where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traffic {
    /// By the shares of the split: the only rows that compare versions fairly.
    Split,
    Segment,
    Pinned,
    Shadow,
}

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Length {
    Minute,
    Hour,
    Day,
}

/// The counts of one key in one span of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub key: Key,
    /// Seconds since 1970, a multiple of the length.
    pub start_s: u64,
    pub length: Length,
    pub counts: Counts<u64>,
}

/// Why two windows are not added.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    #[error("windows by profile {theirs} are not added to windows by profile {ours}: their bins differ")]
    Profile { ours: Sha256, theirs: Sha256 },
    #[error("the {field} of the window is {theirs}, not {ours}")]
    Key { field: &'static str, ours: String, theirs: String },
    #[error("the window was not counted with the bins that its profile has")]
    Shape,
}

impl Traffic {
    pub const ALL: [Self; 4] = [Self::Split, Self::Segment, Self::Pinned, Self::Shadow];

    pub fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Segment => "segment",
            Self::Pinned => "pinned",
            Self::Shadow => "shadow",
        }
    }
}

impl Length {
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    pub fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// Where the window begins that a time lies in; days are those of UTC.
    pub fn start_s(self, at_s: u64) -> u64 {
        at_s - at_s % self.seconds()
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} s", self.seconds())
    }
}

impl Key {
    /// Why counts of the other key are not added to counts of this one.
    fn check(&self, other: &Self) -> Result<(), MergeError> {
        if self.profile != other.profile {
            return Err(MergeError::Profile { ours: self.profile, theirs: other.profile });
        }
        same("route", &self.route, &other.route)?;
        same("version", &self.version, &other.version)?;
        same("traffic class", &self.traffic, &other.traffic)
    }
}

fn same<T: PartialEq + fmt::Display>(field: &'static str, ours: &T, theirs: &T) -> Result<(), MergeError> {
    if ours == theirs {
        return Ok(());
    }
    Err(MergeError::Key { field, ours: ours.to_string(), theirs: theirs.to_string() })
}
