//! Reads a window, field by field; `None` is said of anything that was never written.

use super::super::super::counts::Counts;
use super::super::super::number::Number;
use super::super::super::strings::{Cardinality, Entry, MAX_NAME_BYTES, Newcomers, StringTable};
use super::super::super::table::{Table, Tally};
use super::super::super::tables::Tables;
use super::super::{Key, Length, Traffic, Window};
use super::write::{BARE, F32, F64, I64, STRINGS};
use crate::document::Sha256;

pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(super) fn new(rest: &'b [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// How many items follow, of which each takes a byte or more: a length can ask for no more memory than there are bytes.
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok().filter(|length| *length <= self.rest.len())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }

    pub(super) fn fixed(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn slice(&mut self) -> Option<&'b [u8]> {
        let length = self.length()?;
        let (slice, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(slice)
    }

    pub(super) fn many<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        (0..length).map(|_| read(self)).collect()
    }

    /// Whether what may be left out follows.
    pub(super) fn follows(&mut self) -> Option<bool> {
        match self.varint()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn window(&mut self) -> Option<Window> {
        let route = String::from_utf8(self.slice()?.to_vec()).ok()?;
        let (version, profile) = (Sha256(self.array()?), Sha256(self.array()?));
        let traffic = *Traffic::ALL.get(usize::try_from(self.varint()?).ok()?)?;
        let length = *Length::ALL.get(usize::try_from(self.varint()?).ok()?)?;
        let start_s = self.varint()?;
        let counts = Counts { tensors: self.many(Self::tables)? };
        Some(Window { key: Key { route, version, profile, traffic }, start_s, length, counts })
    }

    fn tables(&mut self) -> Option<Tables<u64>> {
        match self.varint()? {
            F32 => self.table().map(Tables::F32),
            F64 => self.table().map(Tables::F64),
            I64 => self.table().map(Tables::I64),
            BARE => self.bare().map(Tables::Bare),
            STRINGS => self.many(Self::strings).map(Tables::Strings),
            _ => None,
        }
    }

    fn table<T: Number>(&mut self) -> Option<Table<T, u64>> {
        Some(Table { slots: self.many(Self::varint)?, tallies: self.many(Self::tally)? })
    }

    fn tally<T: Number>(&mut self) -> Option<Tally<T>> {
        let mut tally = Tally::EMPTY;
        for value in tally.low.iter_mut().chain(&mut tally.high) {
            *value = T::from_bits(self.fixed()?);
        }
        for sum in tally.sum.iter_mut().chain(&mut tally.squares) {
            *sum = f64::from_bits(self.fixed()?);
        }
        Some(tally)
    }

    fn strings(&mut self) -> Option<StringTable<u64>> {
        let slots = self.many(Self::varint)?;
        let lengths = if self.follows()? { Some((self.varint()?, self.varint()?)) } else { None };
        let newcomers = if self.follows()? { Some(Box::new(self.newcomers()?)) } else { None };
        Some(StringTable { slots, lengths, newcomers })
    }

    pub(super) fn newcomers<const MOST: usize>(&mut self) -> Option<Newcomers<MOST>> {
        let top = self.many(|reader| {
            let (hash, count, error) = (reader.fixed()?, reader.varint()?, reader.varint()?);
            let name = reader.slice().filter(|name| name.len() <= MAX_NAME_BYTES)?.to_vec();
            Some(Entry { hash, count, error, name })
        })?;
        let distinct = Cardinality { registers: self.array()? };
        (top.len() <= MOST).then_some(Newcomers { top, distinct })
    }
}
