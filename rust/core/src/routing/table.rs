//! Range tables: which arm owns which buckets.
//!
//! A table is stored data: `(start, end, arm)` triples, sorted, disjoint, covering `[0, 2^32)`. [`RangeTable`] is the
//! same thing ready for look-ups, with arms as indices.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bucket::BUCKETS;

/// Buckets `[start, end)` belong to `arm`. In JSON: `[start, end, "arm"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, String)", into = "(u64, u64, String)")]
pub struct Range {
    pub start: u64,
    pub end: u64,
    pub arm: String,
}

impl Range {
    /// Buckets `[start, end)` of an arm.
    pub fn new(start: u64, end: u64, arm: impl Into<String>) -> Self {
        Self { start, end, arm: arm.into() }
    }

    /// How many buckets the range holds.
    pub fn size(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl From<(u64, u64, String)> for Range {
    fn from((start, end, arm): (u64, u64, String)) -> Self {
        Self { start, end, arm }
    }
}

impl From<Range> for (u64, u64, String) {
    fn from(range: Range) -> Self {
        (range.start, range.end, range.arm)
    }
}

/// What is wrong with a list of ranges; `index` counts from 0 and may be one past the last range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    #[error("start {start} is not below end {end}")]
    Empty { index: usize, start: u64, end: u64 },
    #[error("end {end} is beyond 4294967296, the number of buckets")]
    Beyond { index: usize, end: u64 },
    #[error(
        "starts at {start}, but the buckets before it are taken up to {taken}; ranges are sorted and do not overlap"
    )]
    Overlap { index: usize, start: u64, taken: u64 },
    #[error("buckets [{from}, {to}) belong to no arm; the ranges must cover [0, 4294967296)")]
    Gap { index: usize, from: u64, to: u64 },
    #[error("{arm:?} is not an arm of the split")]
    UnknownArm { index: usize, arm: String },
}

impl RangeError {
    /// The range that is at fault; the number of ranges if it is the one missing at the end.
    pub fn index(&self) -> usize {
        match self {
            Self::Empty { index, .. }
            | Self::Beyond { index, .. }
            | Self::Overlap { index, .. }
            | Self::Gap { index, .. }
            | Self::UnknownArm { index, .. } => *index,
        }
    }
}

/// Every way in which ranges fail to be a table over the arms that `is_arm` knows; empty when they are one.
pub fn check_ranges(ranges: &[Range], is_arm: impl Fn(&str) -> bool) -> Vec<RangeError> {
    let mut errors = Vec::new();
    let mut taken = 0;
    for (index, range) in ranges.iter().enumerate() {
        let Range { start, end, ref arm } = *range;
        if start >= end {
            errors.push(RangeError::Empty { index, start, end });
        }
        if end > BUCKETS {
            errors.push(RangeError::Beyond { index, end });
        }
        if start > taken {
            errors.push(RangeError::Gap { index, from: taken, to: start.min(BUCKETS) });
        } else if start < taken {
            errors.push(RangeError::Overlap { index, start, taken });
        }
        if !is_arm(arm) {
            errors.push(RangeError::UnknownArm { index, arm: arm.clone() });
        }
        taken = taken.max(end);
    }
    if taken < BUCKETS {
        errors.push(RangeError::Gap { index: ranges.len(), from: taken, to: BUCKETS });
    }
    errors
}

/// A table ready for look-ups: bucket in, index of the arm out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeTable {
    /// First bucket of each range; the first is 0.
    starts: Box<[u32]>,
    /// The arm of each range.
    arms: Box<[u32]>,
    /// How many buckets each arm owns.
    shares: Box<[u64]>,
}

impl RangeTable {
    /// Compiles ranges over arms in the given order, or returns every fault of them.
    pub fn new(ranges: &[Range], arms: &[&str]) -> Result<Self, Vec<RangeError>> {
        let position = |name: &str| arms.iter().position(|arm| *arm == name);
        let errors = check_ranges(ranges, |name| position(name).is_some());
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut shares = vec![0; arms.len()].into_boxed_slice();
        let mut starts = Vec::with_capacity(ranges.len());
        let mut owners = Vec::with_capacity(ranges.len());
        for range in ranges {
            let owner = position(&range.arm).expect("check_ranges knows every arm");
            starts.push(u32::try_from(range.start).expect("a checked range starts below 2^32"));
            owners.push(u32::try_from(owner).expect("a split has few arms"));
            shares[owner] += range.size();
        }
        Ok(Self { starts: starts.into(), arms: owners.into(), shares })
    }

    /// The arm that owns a bucket.
    #[inline]
    pub fn arm_of(&self, bucket: u32) -> u32 {
        // A binary search by conditional moves; the first start is 0, so at least one start is not above the bucket.
        self.arms[self.starts.partition_point(|start| *start <= bucket) - 1]
    }

    /// How many of the 2^32 buckets an arm owns.
    #[inline]
    pub fn share_of(&self, arm: u32) -> u64 {
        self.shares[arm as usize]
    }

    /// How many ranges there are.
    pub fn range_count(&self) -> usize {
        self.starts.len()
    }
}
