//! Strings as they come: row by row from the wire, or column by column from Arrow.

use super::super::counts::CountError;
use super::StringLayout;
use super::table::StringTable;

/// Counts elements of a row-major tensor, as many as rows × width.
pub(in super::super) fn count_rows<'v>(
    layout: &StringLayout,
    elements: impl Iterator<Item = &'v [u8]>,
    tables: &mut [StringTable<u32>],
) {
    let (mut column, mut next) = (0, 0);
    for element in elements {
        if let Some((own, dictionary)) = layout.columns.get(next)
            && *own == column
        {
            tables[next].count(dictionary, element);
            next += 1;
        }
        column += 1;
        if column == layout.width {
            (column, next) = (0, 0);
        }
    }
}

/// The elements of raw BYTES: each a length of four little-endian bytes, then so many bytes.
#[derive(Clone, Debug)]
pub(in super::super) struct RawElements<'v> {
    rest: &'v [u8],
    left: usize,
}

impl<'v> RawElements<'v> {
    /// Looks at every length; `None` if the bytes end within an element.
    pub(in super::super) fn new(raw: &'v [u8]) -> Option<Self> {
        let (mut rest, mut left) = (raw, 0);
        while !rest.is_empty() {
            (_, rest) = split(rest)?;
            left += 1;
        }
        Some(Self { rest: raw, left })
    }
}

impl<'v> Iterator for RawElements<'v> {
    type Item = &'v [u8];

    fn next(&mut self) -> Option<&'v [u8]> {
        let (element, rest) = split(self.rest)?;
        self.rest = rest;
        self.left -= 1;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RawElements<'_> {}

/// The first element and what follows it.
fn split(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = raw.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// The strings of an Arrow array: `data` from each offset to the next.
pub(in super::super) fn slices<'v, O: Copy + TryInto<usize>>(
    offsets: &[O],
    data: &'v [u8],
) -> Result<impl Iterator<Item = &'v [u8]>, CountError> {
    let slice = |pair: &[O]| data.get(pair[0].try_into().ok()?..pair[1].try_into().ok()?);
    if !offsets.windows(2).all(|pair| slice(pair).is_some()) {
        return Err(CountError::Offsets);
    }
    Ok(offsets.windows(2).filter_map(slice))
}
