//! Writes a window, field by field.

use super::super::super::counts::Counts;
use super::super::super::number::Number;
use super::super::super::strings::{Newcomers, StringTable};
use super::super::super::table::Table;
use super::super::super::tables::Tables;
use super::super::{Length, Traffic, Window};

/// Each class of counters by the number that stands before it.
pub(super) const F32: u64 = 0;
pub(super) const F64: u64 = 1;
pub(super) const I64: u64 = 2;
pub(super) const STRINGS: u64 = 3;
pub(super) const BARE: u64 = 4;

#[derive(Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(super) fn length(&mut self, length: usize) {
        self.varint(length as u64);
    }

    pub(super) fn fixed(&mut self, bits: u64) {
        self.bytes.extend_from_slice(&bits.to_le_bytes());
    }

    fn slice(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn window(&mut self, window: &Window) {
        self.slice(window.key.route.as_bytes());
        self.bytes.extend_from_slice(&window.key.version.0);
        self.bytes.extend_from_slice(&window.key.profile.0);
        let place = |found: Option<usize>| found.expect("all are listed") as u64;
        self.varint(place(Traffic::ALL.iter().position(|traffic| *traffic == window.key.traffic)));
        self.varint(place(Length::ALL.iter().position(|length| *length == window.length)));
        self.varint(window.start_s);
        self.counts(&window.counts);
    }

    fn counts(&mut self, counts: &Counts<u64>) {
        self.length(counts.tensors.len());
        for tables in &counts.tensors {
            match tables {
                Tables::F32(table) => self.table(F32, table),
                Tables::F64(table) => self.table(F64, table),
                Tables::I64(table) => self.table(I64, table),
                Tables::Bare(table) => {
                    self.varint(BARE);
                    self.bare(table);
                }
                Tables::Strings(tables) => {
                    self.varint(STRINGS);
                    self.length(tables.len());
                    for table in tables {
                        self.strings(table);
                    }
                }
            }
        }
    }

    fn slots(&mut self, slots: &[u64]) {
        self.length(slots.len());
        for slot in slots {
            self.varint(*slot);
        }
    }

    fn table<T: Number>(&mut self, class: u64, table: &Table<T, u64>) {
        self.varint(class);
        self.slots(&table.slots);
        self.length(table.tallies.len());
        for tally in &table.tallies {
            tally.low.iter().chain(&tally.high).for_each(|value| self.fixed(value.to_bits()));
            tally.sum.iter().chain(&tally.squares).for_each(|sum| self.fixed(sum.to_bits()));
        }
    }

    fn strings(&mut self, table: &StringTable<u64>) {
        self.slots(&table.slots);
        match table.lengths {
            Some((min, max)) => {
                self.varint(1);
                self.varint(min);
                self.varint(max);
            }
            None => self.varint(0),
        }
        match &table.newcomers {
            Some(newcomers) => {
                self.varint(1);
                self.newcomers(newcomers);
            }
            None => self.varint(0),
        }
    }

    pub(super) fn newcomers<const MOST: usize>(&mut self, newcomers: &Newcomers<MOST>) {
        self.length(newcomers.top.len());
        for entry in &newcomers.top {
            self.fixed(entry.hash);
            self.varint(entry.count);
            self.varint(entry.error);
            self.slice(&entry.name);
        }
        self.bytes.extend_from_slice(&newcomers.distinct.registers);
    }
}
