//! The counters of one tensor without a reference.

use super::super::class::Class;
use super::super::counts::CountError;
use super::super::decode::Decode;
use super::super::strings::RawElements;
use super::layout::{BareColumn, BareTensor, Form, Sentinel};
use super::numbers::Numbers;
use super::texts::Texts;
use super::whole::{Elements, Whole};
use crate::oip::datatype::Datatype;

/// Values that are widened at once: 4 KB at most.
const BLOCK: usize = 512;

/// What is counted of a tensor. These counters have 64 bits also while a window is open: they are few, and most of their
/// memory is names and buckets, which come with what they hold.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum BareTable {
    /// One for each column.
    Numbers(Vec<Numbers>),
    Texts(Vec<Texts>),
    Whole(Box<Whole>),
}

impl BareTable {
    pub(in super::super) fn new(tensor: &BareTensor) -> Self {
        let is_text = Class::of(tensor.datatype) == Class::Strings;
        match &tensor.form {
            Form::Whole(_) => Self::Whole(Box::new(Whole::new(is_text))),
            Form::Columns(columns) if is_text => Self::Texts(columns.iter().map(Texts::new).collect()),
            Form::Columns(columns) => Self::Numbers(columns.iter().map(Numbers::new).collect()),
        }
    }

    /// Counts the rows of a row-major tensor from its little-endian bytes.
    pub(in super::super) fn count_rows(
        &mut self,
        tensor: &BareTensor,
        raw: &[u8],
        rows: usize,
    ) -> Result<(), CountError> {
        let Some(size) = tensor.datatype.size() else {
            let width = tensor.width.unwrap_or(0);
            let elements = RawElements::new(raw).ok_or(CountError::Elements { rows, width, got: 0 })?;
            return self.count_strings(tensor, elements, rows);
        };
        let is_right = match tensor.width {
            Some(width) => rows.checked_mul(width * size) == Some(raw.len()),
            None => raw.len().is_multiple_of(size),
        };
        if !is_right {
            return Err(CountError::Length { rows, row: tensor.width.unwrap_or(1) * size, got: raw.len() });
        }
        if let Self::Whole(whole) = self {
            whole.extend(rows as u64, (raw.len() / size) as u64);
        }
        match Class::of(tensor.datatype) {
            Class::F32 => self.count_numbers::<f32>(tensor, size, raw),
            Class::F64 => self.count_numbers::<f64>(tensor, size, raw),
            _ => self.count_numbers::<i64>(tensor, size, raw),
        }
        Ok(())
    }

    fn count_numbers<T: Decode>(&mut self, tensor: &BareTensor, size: usize, raw: &[u8]) {
        match (self, &tensor.form) {
            (Self::Numbers(counts), Form::Columns(columns)) => {
                let mut cursor = Cursor::new(columns, tensor.width.unwrap_or(1));
                each::<T>(tensor.datatype, size, raw, |value| {
                    if let Some((own, column)) = cursor.step() {
                        counts[own].insert(value, &column.sentinel);
                    }
                });
            }
            (Self::Whole(whole), _) => {
                if let Elements::Numbers(counts) = &mut whole.elements {
                    each::<T>(tensor.datatype, size, raw, |value| counts.insert(value, &Sentinel::None));
                }
            }
            _ => unreachable!("counts are made for their plan"),
        }
    }

    /// Counts the rows of a row-major tensor of strings.
    pub(in super::super) fn count_strings<'v>(
        &mut self,
        tensor: &BareTensor,
        elements: impl ExactSizeIterator<Item = &'v [u8]>,
        rows: usize,
    ) -> Result<(), CountError> {
        let got = elements.len();
        if let Some(width) = tensor.width
            && rows.checked_mul(width) != Some(got)
        {
            return Err(CountError::Elements { rows, width, got });
        }
        match (self, &tensor.form) {
            (Self::Texts(counts), Form::Columns(columns)) => {
                let mut cursor = Cursor::new(columns, tensor.width.unwrap_or(1));
                for element in elements {
                    if let Some((own, column)) = cursor.step() {
                        counts[own].insert(element, &column.sentinel);
                    }
                }
            }
            (Self::Whole(whole), _) => {
                whole.extend(rows as u64, got as u64);
                if let Elements::Texts(counts) = &mut whole.elements {
                    elements.for_each(|element| counts.insert(element, &Sentinel::None));
                }
            }
            _ => return Err(CountError::Datatype { expected: tensor.datatype.name() }),
        }
        Ok(())
    }

    pub(in super::super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Numbers(ours), Self::Numbers(theirs)) => {
                ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| ours.merge(theirs));
            }
            (Self::Texts(ours), Self::Texts(theirs)) => {
                ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| ours.merge(theirs));
            }
            (Self::Whole(ours), Self::Whole(theirs)) => ours.merge(theirs),
            _ => unreachable!("counts are of one plan"),
        }
    }

    pub(in super::super) fn clear(&mut self) {
        match self {
            Self::Numbers(counts) => counts.iter_mut().for_each(Numbers::clear),
            Self::Texts(counts) => counts.iter_mut().for_each(Texts::clear),
            Self::Whole(whole) => whole.clear(),
        }
    }

    pub(in super::super) fn lies_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Numbers(ours), Self::Numbers(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| ours.lies_like(theirs))
            }
            (Self::Texts(ours), Self::Texts(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| ours.lies_like(theirs))
            }
            (Self::Whole(ours), Self::Whole(theirs)) => ours.lies_like(theirs),
            _ => false,
        }
    }

    /// Bytes that it takes when all of its buckets and names are in use.
    pub(in super::super) fn most_bytes(&self) -> usize {
        match self {
            Self::Numbers(counts) => counts.iter().map(Numbers::most_bytes).sum(),
            Self::Texts(counts) => counts.iter().map(Texts::most_bytes).sum(),
            Self::Whole(_) => size_of::<Whole>(),
        }
    }

    /// Rows counted.
    pub(in super::super) fn rows(&self) -> u64 {
        match self {
            Self::Numbers(counts) => counts.first().map_or(0, Numbers::rows),
            Self::Texts(counts) => counts.first().map_or(0, Texts::rows),
            Self::Whole(whole) => whole.rows,
        }
    }
}

/// Every element of raw numbers.
fn each<T: Decode>(datatype: Datatype, size: usize, raw: &[u8], mut take: impl FnMut(T)) {
    let mut block = [T::ZERO; BLOCK];
    for raw in raw.chunks(BLOCK * size) {
        let block = &mut block[..raw.len() / size];
        T::decode(datatype, raw, block);
        block.iter().copied().for_each(&mut take);
    }
}

/// Goes through the elements of rows and says which column each is of.
struct Cursor<'c> {
    columns: &'c [BareColumn],
    width: usize,
    at: usize,
    next: usize,
}

impl<'c> Cursor<'c> {
    fn new(columns: &'c [BareColumn], width: usize) -> Self {
        Self { columns, width, at: 0, next: 0 }
    }

    /// The counted column of the next element and its number; `None` if it is not counted.
    fn step(&mut self) -> Option<(usize, &'c BareColumn)> {
        let own = self.columns.get(self.next).filter(|column| column.at == self.at);
        let found = own.map(|column| (self.next, column));
        self.next += usize::from(found.is_some());
        self.at += 1;
        if self.at == self.width {
            (self.at, self.next) = (0, 0);
        }
        found
    }
}
