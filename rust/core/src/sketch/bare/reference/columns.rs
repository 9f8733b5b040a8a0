//! The reference of a column, of its buckets or of its names.

use super::super::super::build::{Group, edges_of};
use super::super::super::class::Class;
use super::super::super::exact::Exact;
use super::super::super::exponential::Bucket;
use super::super::super::number::Number;
use super::super::super::profile::{Categorical, Kind, MAX_CATEGORIES, Numeric};
use super::super::super::strings::{Entry, Frequent, name_of_beginning};
use super::super::numbers::Numbers;
use super::super::table::BareTable;
use super::super::texts::Texts;
use crate::oip::datatype::Datatype;

use std::cmp::Reverse;

/// A name is followed closely enough to be a category if no more than one in so many of its rows may be another's.
const MOST_DOUBT: u64 = 20;

/// The reference of a column and how many of its rows are missing, or why it has none.
pub(super) fn kind(
    datatype: Datatype,
    (table, at): (&BareTable, usize),
    chunks: &[&BareTable],
    bins: usize,
) -> Result<(Kind, u64), String> {
    match table {
        BareTable::Numbers(counts) => {
            let own = |chunk: &&BareTable| match *chunk {
                BareTable::Numbers(counts) => counts[at].clone(),
                _ => unreachable!("counts are of one plan"),
            };
            let (counts, chunks) = (&counts[at], chunks.iter().map(own).collect::<Vec<_>>());
            let Some(buckets) = &counts.buckets else {
                return Err("only its moments were kept, for want of memory".to_owned());
            };
            let kind = match Class::of(datatype) {
                Class::F32 => Kind::F32(numeric(counts, &buckets.buckets(), &chunks, bins)),
                Class::F64 => Kind::F64(numeric(counts, &buckets.buckets(), &chunks, bins)),
                _ => Kind::I64(numeric(counts, &buckets.buckets(), &chunks, bins)),
            };
            Ok((kind, counts.rows() - counts.moments.count()))
        }
        BareTable::Texts(counts) => {
            let own = |chunk: &&BareTable| match *chunk {
                BareTable::Texts(counts) => counts[at].clone(),
                _ => unreachable!("counts are of one plan"),
            };
            let chunks: Vec<Texts> = chunks.iter().map(own).collect();
            let kind = categorical(&counts[at], &chunks)?;
            Ok((Kind::Categorical(kind), counts[at].null))
        }
        BareTable::Whole(_) => Err("it was counted as a whole".to_owned()),
    }
}

fn numeric<T: Number>(counts: &Numbers, buckets: &[Bucket], chunks: &[Numbers], bins: usize) -> Numeric<T> {
    let min = counts.range.and_then(|(min, _)| T::nearest(min));
    let max = counts.range.and_then(|(_, max)| T::nearest(max));
    let groups = buckets.iter().map(|bucket| group(bucket, min));
    let rows = buckets.iter().map(|bucket| bucket.count).sum::<u64>() as usize;
    let mut edges = edges_of(groups, rows, bins);
    // Nothing lies beyond the last bucket.
    edges.retain(|edge| max.is_some_and(|max| *edge < max));
    let of = |buckets: &[Bucket]| {
        let mut counts = vec![0; edges.len() + 1];
        for bucket in buckets {
            let top = group::<T>(bucket, None).top;
            counts[edges.partition_point(|edge| *edge < top)] += bucket.count;
        }
        counts
    };
    let moments = &counts.moments;
    Numeric {
        counts: of(buckets),
        chunks: chunks.iter().filter_map(|chunk| Some(of(&chunk.buckets.as_ref()?.buckets()))).collect(),
        edges,
        nan: counts.nan,
        positive_infinite: counts.positive_infinite,
        negative_infinite: counts.negative_infinite,
        null: counts.null,
        min,
        max,
        // Of opposite numbers near the largest the differences are not finite, half of each is.
        mean: moments.mean().map(|mean| if mean.is_finite() { mean } else { middle(min, max) }),
        sd: moments.variance().map(f64::sqrt).filter(|sd| sd.is_finite()),
        sentinel: None,
    }
}

fn middle<T: Number>(min: Option<T>, max: Option<T>) -> f64 {
    min.map_or(0.0, Number::wide) / 2.0 + max.map_or(0.0, Number::wide) / 2.0
}

/// A bucket as neighbouring rows between which no edge can lie.
fn group<T: Number>(bucket: &Bucket, min: Option<T>) -> Group<T> {
    let is_negative = bucket.low < 0.0;
    let at_most = at_most::<T>(bucket.high);
    let top = match at_most.predecessor() {
        // The bound that is nearer to zero is not in it.
        Some(below) if is_negative && at_most.wide() >= bucket.high => below,
        _ => at_most,
    };
    let is_outside = |below: T| if is_negative { below.wide() < bucket.low } else { below.wide() <= bucket.low };
    let is_one_value = min == Some(top) || top.predecessor().is_none_or(is_outside);
    Group { top, rows: bucket.count as usize, is_one_value }
}

/// The largest number of the class that is no larger.
fn at_most<T: Number>(bound: f64) -> T {
    let largest = || if T::HIGHEST.is_finite() { Some(T::HIGHEST) } else { T::HIGHEST.predecessor() };
    let nearest = |bound| T::nearest(Exact::Float(bound));
    let found = match nearest(bound).or_else(|| nearest(bound.floor())) {
        Some(number) if number.wide() <= bound => Some(number),
        Some(number) => number.predecessor(),
        None if bound > 0.0 => largest(),
        None => None,
    };
    found.unwrap_or(T::LOWEST)
}

fn categorical(counts: &Texts, chunks: &[Texts]) -> Result<Categorical, String> {
    let Some(frequent) = &counts.frequent else {
        return Err("only its lengths were kept, for want of memory".to_owned());
    };
    let mut entries: Vec<&Entry> = frequent.top.iter().filter(|entry| is_close(entry)).collect();
    entries.sort_unstable_by_key(|entry| (Reverse(at_least(entry)), &entry.name, entry.hash));
    entries.truncate(MAX_CATEGORIES);
    if entries.is_empty() && counts.filled > 0 {
        return Err(format!("it has about {:.0} values, none of them frequent", frequent.distinct()));
    }
    let in_chunk = |chunk: &Texts, entry: &Entry| chunk.frequent.as_deref().map_or(0, |own| rows_of(own, entry.hash));
    let chunks: Vec<Vec<u64>> =
        chunks.iter().map(|chunk| entries.iter().map(|entry| in_chunk(chunk, entry)).chain([0]).collect()).collect();
    // Both are rows that it surely had.
    let rows = |at: usize| at_least(entries[at]).max(chunks.iter().map(|chunk| chunk[at]).sum());
    let own: Vec<u64> = (0..entries.len()).map(rows).collect();
    Ok(Categorical {
        categories: entries.iter().map(|entry| name_of_beginning(&entry.name, entry.hash)).collect(),
        approximate: entries.iter().any(|entry| entry.error > 0),
        others: Vec::new(),
        other: 0,
        new: counts.filled - own.iter().sum::<u64>(),
        counts: own,
        null: counts.null,
        min_length: counts.lengths.map(|(min, _)| min),
        max_length: counts.lengths.map(|(_, max)| max),
        sentinel: None,
        chunks,
    })
}

fn is_close(entry: &Entry) -> bool {
    entry.error.saturating_mul(MOST_DOUBT) <= entry.count
}

fn at_least(entry: &Entry) -> u64 {
    entry.count.saturating_sub(entry.error)
}

fn rows_of(frequent: &Frequent, hash: u64) -> u64 {
    frequent.top.iter().find(|entry| entry.hash == hash).map_or(0, at_least)
}
