//! A log-linear histogram of nanoseconds: fixed memory, at most 5 % error, one writer, any number of readers.
//!
//! Each power of two from 1 µs to 137 s is cut into sixteen buckets of equal width, so a bucket is at most 1/16 of its
//! lower bound wide and its middle is within 1/32 (3.2 %) of every value in it. What is shorter counts as below 1 µs,
//! what is longer as beyond 137 s. All histograms have the same buckets, so merging is addition.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets per power of two, as a power of two.
const PRECISION: u32 = 4;
/// The first power of two with buckets of its own: 1,024 ns.
const FIRST_OCTAVE: u32 = 10;
/// The first power of two beyond: 2³⁷ ns = 137 s.
const END_OCTAVE: u32 = 37;
/// One bucket below, one beyond, sixteen per power of two between.
const BUCKETS: usize = 2 + (((END_OCTAVE - FIRST_OCTAVE) as usize) << PRECISION);

/// The shortest time that is told apart from nothing, in nanoseconds.
pub const LOWEST: u64 = 1 << FIRST_OCTAVE;
/// The time from which on all times are the same, in nanoseconds.
pub const HIGHEST: u64 = 1 << END_OCTAVE;

/// One thread's shard: that thread alone records, every thread may read.
///
/// A record is a load and a store, not a locked addition: with two writers counts would be lost, nothing worse.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    pub const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum: AtomicU64::new(0) }
    }

    /// Counts one time in nanoseconds. Only the shard's own thread may call it.
    pub fn record(&self, nanos: u64) {
        add(&self.buckets[bucket(nanos)], 1);
        add(&self.sum, nanos);
    }

    /// The counts as they are now. Read beside a writer, the sum may be one record ahead of or behind the counts.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        self.add_to(&mut snapshot);
        snapshot
    }

    /// Adds the counts as they are now to a snapshot: how a reader sums the shards without one in between.
    pub fn add_to(&self, snapshot: &mut Snapshot) {
        for (count, bucket) in snapshot.counts.iter_mut().zip(&self.buckets) {
            *count += bucket.load(Ordering::Relaxed);
        }
        snapshot.sum = snapshot.sum.wrapping_add(self.sum.load(Ordering::Relaxed));
    }
}

fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// Counts that stand still: of one shard, or of several merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    counts: Box<[u64; BUCKETS]>,
    sum: u64,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl Snapshot {
    pub fn new() -> Self {
        Self { counts: Box::new([0; BUCKETS]), sum: 0 }
    }

    /// Adds another's counts: the same as if both had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// How many times were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their exact sum in nanoseconds.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The time in nanoseconds that a share `q` in [0, 1] of the records do not exceed, within 5 %: the middle of the
    /// bucket that holds the record of rank ⌈q · count⌉. Below [`LOWEST`] it is half of that, beyond [`HIGHEST`] it is
    /// that. `None` if nothing was recorded.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let index = self.counts.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        })?;
        Some(if index == BUCKETS - 1 { HIGHEST } else { lower(index).midpoint(lower(index + 1)) })
    }

    /// How many records were shorter than each bound, for readers that want buckets of their own. Exact at bounds of
    /// the form m · 2ᵏ with 16 ≤ m ≤ 32 between [`LOWEST`] and [`HIGHEST`]; others are rounded down to one.
    pub fn cumulative(&self, bounds: &[u64]) -> Vec<u64> {
        let mut running = [0; BUCKETS + 1];
        for (index, count) in self.counts.iter().enumerate() {
            running[index + 1] = running[index] + count;
        }
        bounds.iter().map(|bound| running[bucket(*bound)]).collect()
    }
}

/// Where a time is counted.
fn bucket(nanos: u64) -> usize {
    if nanos < LOWEST {
        return 0;
    }
    let octave = nanos.ilog2();
    if octave >= END_OCTAVE {
        return BUCKETS - 1;
    }
    let within = (nanos >> (octave - PRECISION)) & ((1 << PRECISION) - 1);
    1 + (((octave - FIRST_OCTAVE) as usize) << PRECISION) + within as usize
}

/// The lowest time that is counted in a bucket.
fn lower(index: usize) -> u64 {
    let Some(index) = index.checked_sub(1) else { return 0 };
    let octave = FIRST_OCTAVE + (index >> PRECISION) as u32;
    let within = (index & ((1 << PRECISION) - 1)) as u64;
    ((1 << PRECISION) + within) << (octave - PRECISION)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, HIGHEST, Histogram, LOWEST, Snapshot, bucket, lower};

    /// Numbers that look random and are the same in every run.
    fn times(count: usize) -> Vec<u64> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let octave = 10 + (state >> 59) % 27;
            times.push((1 << octave) | ((state >> 20) & ((1 << octave) - 1)));
        }
        times
    }

    #[test]
    fn every_bucket_begins_where_the_one_before_ends() {
        for index in 0..BUCKETS {
            assert_eq!(bucket(lower(index)), index);
            if index > 0 {
                assert_eq!(bucket(lower(index) - 1), index - 1);
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!((lower(1), lower(BUCKETS - 1)), (LOWEST, HIGHEST));
    }

    #[test]
    fn a_single_time_is_its_own_quantile_within_five_percent() {
        for time in times(10_000) {
            let histogram = Histogram::new();
            histogram.record(time);
            let quantile = histogram.snapshot().quantile(0.5).expect("one was recorded");
            assert!(quantile.abs_diff(time) * 20 <= time, "{time} became {quantile}");
        }
    }

    #[test]
    fn quantiles_of_many_are_within_five_percent_of_the_sorted_times() {
        let mut times = times(9_999);
        let histogram = Histogram::new();
        for time in &times {
            histogram.record(*time);
        }
        let snapshot = histogram.snapshot();
        times.sort_unstable();
        for q in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = ((q * times.len() as f64).ceil() as usize).max(1);
            let (exact, quantile) = (times[rank - 1], snapshot.quantile(q).expect("many were recorded"));
            assert!(quantile.abs_diff(exact) * 20 <= exact, "q={q}: {exact} became {quantile}");
        }
        assert_eq!(snapshot.count(), times.len() as u64);
        assert_eq!(snapshot.sum(), times.iter().sum::<u64>());
    }

    #[test]
    fn shards_merged_are_as_one() {
        let (left, right, whole) = (Histogram::new(), Histogram::new(), Histogram::new());
        for (index, time) in times(1_000).into_iter().enumerate() {
            let shard = if index % 3 == 0 { &left } else { &right };
            shard.record(time);
            whole.record(time);
        }
        let mut merged = left.snapshot();
        merged.merge(&right.snapshot());
        assert_eq!(merged, whole.snapshot());
        let mut added = Snapshot::new();
        left.add_to(&mut added);
        right.add_to(&mut added);
        assert_eq!(added, merged);
    }

    #[test]
    fn times_out_of_range_are_counted_at_the_ends() {
        let histogram = Histogram::new();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        histogram.record(0);
        histogram.record(LOWEST - 1);
        assert_eq!(histogram.snapshot().quantile(1.0), Some(LOWEST / 2));
        histogram.record(HIGHEST);
        histogram.record(u64::MAX);
        assert_eq!(histogram.snapshot().quantile(1.0), Some(HIGHEST));
        assert_eq!(histogram.snapshot().count(), 4);
    }

    #[test]
    fn cumulative_counts_are_exact_at_bounds_of_buckets() {
        let histogram = Histogram::new();
        let times = times(5_000);
        for time in &times {
            histogram.record(*time);
        }
        let bounds: Vec<u64> = (10..=37).map(|octave| 1 << octave).collect();
        let exact: Vec<u64> =
            bounds.iter().map(|bound| times.iter().filter(|time| *time < bound).count() as u64).collect();
        assert_eq!(histogram.snapshot().cumulative(&bounds), exact);
    }

    #[test]
    fn a_shard_is_small() {
        assert!(size_of::<Histogram>() < 4 * 1024);
    }
}
