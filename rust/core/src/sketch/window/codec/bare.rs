//! Counts without a reference as bytes.

use super::super::super::bare::{BareTable, Elements, Numbers, Texts, Whole};
use super::super::super::exact::Exact;
use super::super::super::exponential::{Buckets, Exponential, MAX_BUCKETS, SCALE};
use super::read::Reader;
use super::write::Writer;
use crate::stats::Moments;

/// Each form of counters by the number that stands before it.
const NUMBERS: u64 = 0;
const TEXTS: u64 = 1;
const WHOLE: u64 = 2;

impl Writer {
    pub(super) fn bare(&mut self, table: &BareTable) {
        match table {
            BareTable::Numbers(columns) => {
                self.varint(NUMBERS);
                self.length(columns.len());
                for column in columns {
                    self.numbers(column);
                }
            }
            BareTable::Texts(columns) => {
                self.varint(TEXTS);
                self.length(columns.len());
                for column in columns {
                    self.texts(column);
                }
            }
            BareTable::Whole(whole) => {
                self.varint(WHOLE);
                self.varint(whole.rows);
                self.lengths(whole.lengths);
                match &whole.elements {
                    Elements::Numbers(counts) => {
                        self.varint(NUMBERS);
                        self.numbers(counts);
                    }
                    Elements::Texts(counts) => {
                        self.varint(TEXTS);
                        self.texts(counts);
                    }
                }
            }
        }
    }

    fn numbers(&mut self, counts: &Numbers) {
        for count in [counts.nan, counts.positive_infinite, counts.negative_infinite, counts.null] {
            self.varint(count);
        }
        self.varint(counts.range.is_some().into());
        if let Some((min, max)) = counts.range {
            for exact in [min, max] {
                let (is_integer, bits) = match exact {
                    Exact::Float(value) => (false, value.to_bits()),
                    Exact::Integer(value) => (true, value as u64),
                };
                self.varint(is_integer.into());
                self.fixed(bits);
            }
        }
        let (count, mean, squares) = counts.moments.parts();
        self.varint(count);
        self.fixed(mean.to_bits());
        self.fixed(squares.to_bits());
        self.varint(counts.buckets.is_some().into());
        if let Some(buckets) = &counts.buckets {
            self.varint((SCALE - buckets.scale) as u64);
            self.varint(buckets.zero);
            for side in [&buckets.positive, &buckets.negative] {
                self.varint(side.first as u64);
                self.length(side.counts.len());
                side.counts.iter().for_each(|count| self.varint(*count));
            }
        }
    }

    fn texts(&mut self, counts: &Texts) {
        for count in [counts.filled, counts.null, counts.bytes] {
            self.varint(count);
        }
        self.lengths(counts.lengths);
        self.varint(counts.frequent.is_some().into());
        if let Some(frequent) = &counts.frequent {
            self.newcomers(frequent);
        }
    }

    fn lengths(&mut self, lengths: Option<(u64, u64)>) {
        self.varint(lengths.is_some().into());
        if let Some((min, max)) = lengths {
            self.varint(min);
            self.varint(max);
        }
    }
}

impl Reader<'_> {
    pub(super) fn bare(&mut self) -> Option<BareTable> {
        Some(match self.varint()? {
            NUMBERS => BareTable::Numbers(self.many(Self::numbers)?),
            TEXTS => BareTable::Texts(self.many(Self::texts)?),
            WHOLE => BareTable::Whole(Box::new(self.whole()?)),
            _ => return None,
        })
    }

    fn whole(&mut self) -> Option<Whole> {
        let rows = self.varint()?;
        let lengths = if self.follows()? { Some((self.varint()?, self.varint()?)) } else { None };
        let elements = match self.varint()? {
            NUMBERS => Elements::Numbers(self.numbers()?),
            TEXTS => Elements::Texts(self.texts()?),
            _ => return None,
        };
        Some(Whole { rows, lengths, elements })
    }

    fn numbers(&mut self) -> Option<Numbers> {
        let (nan, positive_infinite, negative_infinite) = (self.varint()?, self.varint()?, self.varint()?);
        let null = self.varint()?;
        let range = if self.follows()? { Some((self.exact()?, self.exact()?)) } else { None };
        let (count, mean, squares) = (self.varint()?, self.fixed()?, self.fixed()?);
        let moments = Moments::from_parts((count, f64::from_bits(mean), f64::from_bits(squares)));
        let buckets = if self.follows()? { Some(Box::new(self.exponential()?)) } else { None };
        Some(Numbers { nan, positive_infinite, negative_infinite, null, range, moments, buckets })
    }

    fn exact(&mut self) -> Option<Exact> {
        let is_integer = self.follows()?;
        let bits = self.fixed()?;
        Some(if is_integer { Exact::Integer(bits as i64) } else { Exact::Float(f64::from_bits(bits)) })
    }

    fn exponential(&mut self) -> Option<Exponential<u64>> {
        let fallen = i32::try_from(self.varint()?).ok().filter(|fallen| *fallen < 32)?;
        let zero = self.varint()?;
        Some(Exponential { scale: SCALE - fallen, zero, positive: self.buckets()?, negative: self.buckets()? })
    }

    fn buckets(&mut self) -> Option<Buckets<u64>> {
        let first = i32::try_from(self.varint()?).ok()?;
        let counts = self.many(Self::varint)?;
        (counts.len() <= MAX_BUCKETS && first.checked_add(MAX_BUCKETS as i32).is_some())
            .then_some(Buckets { first, counts })
    }

    fn texts(&mut self) -> Option<Texts> {
        let (filled, null, bytes) = (self.varint()?, self.varint()?, self.varint()?);
        let lengths = if self.follows()? { Some((self.varint()?, self.varint()?)) } else { None };
        let frequent = if self.follows()? { Some(Box::new(self.newcomers()?)) } else { None };
        Some(Texts { filled, null, lengths, bytes, frequent })
    }
}
