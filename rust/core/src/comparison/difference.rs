//! How far two outputs of the same datatype and shape lie apart.

use super::answer::{Strings, Tensor};
use super::element::{Element, with_element};
use super::example::Scalar;

/// One output of one request against the other side's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Difference {
    /// Entries along the first axis.
    pub(super) rows: u64,
    /// Rows that are not the same in every element.
    pub(super) unequal_rows: u64,
    /// What only numbers have; `None` for BYTES.
    pub(super) distance: Option<Distance>,
}

/// All finite, and 0 where there are no elements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Distance {
    /// The largest |a − b|.
    pub(super) max_abs: f64,
    /// The mean |a − b| over all elements.
    pub(super) mean_abs: f64,
    /// The largest |a − b| / max(|a|, |b|), where 0 against 0 is 0: between 0 and 2.
    pub(super) max_rel: f64,
    /// The first element where the largest |a − b| is.
    pub(super) at: usize,
}

/// Compares two outputs of one datatype and shape; `None` if a value cannot be compared with its counterpart
/// ([`Element::gap`]).
pub(super) fn between(primary: &Tensor, shadow: &Tensor) -> Option<Difference> {
    let row_len = primary.row_len();
    with_element!(primary.datatype,
        Number => of_numbers::<Number>(&primary.raw, &shadow.raw, row_len),
        bytes => Some(of_strings(&primary.raw, &shadow.raw, row_len)))
}

fn of_numbers<Number: Element>(primary: &[u8], shadow: &[u8], row_len: usize) -> Option<Difference> {
    let mut distance = Distance::default();
    let (mut sum, mut at, mut rows, mut unequal_rows) = (0.0, 0, 0, 0);
    // Without elements there are no rows, so any length but 0 will do.
    let row_bytes = (row_len * Number::SIZE).max(1);
    for (ours, theirs) in primary.chunks_exact(row_bytes).zip(shadow.chunks_exact(row_bytes)) {
        let mut is_equal = true;
        for (ours, theirs) in Number::all(ours).zip(Number::all(theirs)) {
            let gap = ours.gap(theirs)?;
            if gap > 0.0 {
                is_equal = false;
                sum += gap;
                distance.max_rel = distance.max_rel.max(gap / ours.wide().abs().max(theirs.wide().abs()));
                if gap > distance.max_abs {
                    (distance.max_abs, distance.at) = (gap, at);
                }
            }
            at += 1;
        }
        rows += 1;
        unequal_rows += u64::from(!is_equal);
    }
    distance.mean_abs = (sum / at.max(1) as f64).min(f64::MAX);
    Some(Difference { rows, unequal_rows, distance: Some(distance) })
}

fn of_strings(primary: &[u8], shadow: &[u8], row_len: usize) -> Difference {
    let mut unequal = Strings(primary).zip(Strings(shadow)).map(|(ours, theirs)| ours != theirs);
    let (mut rows, mut unequal_rows) = (0, 0);
    while let Some(first) = unequal.next() {
        // Every element is passed over, whatever came before it in the row.
        let is_unequal = unequal.by_ref().take(row_len - 1).fold(first, |any, next| any | next);
        rows += 1;
        unequal_rows += u64::from(is_unequal);
    }
    Difference { rows, unequal_rows, distance: None }
}

/// One element of a tensor as an example shows it.
pub(super) fn scalar_at(tensor: &Tensor, index: usize) -> Scalar {
    with_element!(tensor.datatype,
        Number => Number::read(&tensor.raw[index * Number::SIZE..][..Number::SIZE]).scalar(),
        bytes => Scalar::text(Strings(&tensor.raw).nth(index).unwrap_or_default()))
}
