//! The allocator: from one range table to the next with the fewest callers moved.
//!
//! Sizes are exact (largest remainder). An arm that shrinks gives up buckets, an arm that grows takes them, nobody else
//! moves. Which buckets are given up is what makes a ramp reversible: the stable arm gives up its highest ones, every
//! other arm its lowest ones. Candidates therefore line up from the top downwards, the last enrolled callers sit lowest,
//! and they are the first to leave when the ramp is walked back.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use thiserror::Error;

use super::bucket::BUCKETS;
use super::table::{Range, RangeError, check_ranges};

/// Why no table can be allocated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AllocateError {
    #[error("the weights add up to 0; at least one arm needs a weight")]
    NoWeight,
    #[error("the previous ranges are not a table: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Previous(Vec<RangeError>),
}

/// The table for `weights` that moves the fewest buckets from `previous`; an empty `previous` means all `stable`.
///
/// Arms of `previous` that `weights` does not name count as weight 0. The result has neighbours of one arm merged.
pub fn allocate(
    previous: &[Range],
    weights: &BTreeMap<String, u64>,
    stable: &str,
) -> Result<Vec<Range>, AllocateError> {
    let targets = targets(weights)?;
    let all_stable = [Range::new(0, BUCKETS, stable)];
    let previous = if previous.is_empty() { &all_stable[..] } else { previous };
    let errors = check_ranges(previous, |_| true);
    if !errors.is_empty() {
        return Err(AllocateError::Previous(errors));
    }
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for range in previous {
        *sizes.entry(&range.arm).or_default() += range.size();
    }
    let (mut kept, mut freed) = (Vec::with_capacity(previous.len()), Vec::new());
    for (arm, size) in &sizes {
        let surplus = size.saturating_sub(targets.get(arm).copied().unwrap_or(0));
        let ranges = previous.iter().filter(|range| range.arm == **arm);
        if *arm == stable {
            release(ranges.rev(), surplus, &mut kept, &mut freed, |range, part| {
                range.end -= part;
                (range.end, range.end + part)
            });
        } else {
            release(ranges, surplus, &mut kept, &mut freed, |range, part| {
                range.start += part;
                (range.start - part, range.start)
            });
        }
    }
    freed.sort_unstable();
    let mut freed = freed.into_iter();
    let mut next = freed.next();
    for (arm, target) in &targets {
        let mut wanted = target.saturating_sub(sizes.get(arm).copied().unwrap_or(0));
        while wanted > 0 {
            let (start, end) = next.expect("targets add up to all buckets, so what is wanted was freed");
            let part = wanted.min(end - start);
            kept.push(Range::new(start, start + part, *arm));
            wanted -= part;
            next = if start + part < end { Some((start + part, end)) } else { freed.next() };
        }
    }
    Ok(merge(kept))
}

/// How many buckets each arm is to own: `floor(w·2^32 / W)`, the units left over by largest remainder, ties by name.
fn targets(weights: &BTreeMap<String, u64>) -> Result<BTreeMap<&str, u64>, AllocateError> {
    let total: u128 = weights.values().map(|weight| u128::from(*weight)).sum();
    if total == 0 {
        return Err(AllocateError::NoWeight);
    }
    let mut targets = BTreeMap::new();
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = BUCKETS;
    for (arm, weight) in weights {
        let scaled = u128::from(*weight) * u128::from(BUCKETS);
        let whole = u64::try_from(scaled / total).expect("a share of 2^32 is at most 2^32");
        left -= whole;
        targets.insert(arm.as_str(), whole);
        remainders.push((scaled % total, arm.as_str()));
    }
    // Stable: arms come in name order, so equal remainders stay in name order.
    remainders.sort_by_key(|(remainder, _)| Reverse(*remainder));
    for (_, arm) in remainders.into_iter().take(left as usize) {
        *targets.get_mut(arm).expect("every arm has a target") += 1;
    }
    Ok(targets)
}

/// Gives up `surplus` buckets of one arm, in the order of `ranges`; `cut` takes a part off a range and returns it.
fn release<'r>(
    ranges: impl Iterator<Item = &'r Range>,
    mut surplus: u64,
    kept: &mut Vec<Range>,
    freed: &mut Vec<(u64, u64)>,
    cut: impl Fn(&mut Range, u64) -> (u64, u64),
) {
    for range in ranges {
        let mut range = range.clone();
        let part = surplus.min(range.size());
        if part > 0 {
            freed.push(cut(&mut range, part));
            surplus -= part;
        }
        if range.size() > 0 {
            kept.push(range);
        }
    }
}

/// Sorts ranges and joins neighbours of one arm.
fn merge(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.arm == range.arm => last.end = range.end,
            _ => merged.push(range),
        }
    }
    merged
}
