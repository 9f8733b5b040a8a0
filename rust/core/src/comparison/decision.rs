//! What an answer decides, row by row, and the rows in which two answers decide differently.

use super::answer::{Strings, Tensor};
use super::difference::scalar_at;
use super::element::{Element, with_element};
use super::example::Scalar;
use crate::oip::datatype::Datatype;

/// How a decision is told from a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// Each element is at or above the threshold, or is not; NaN is not.
    Threshold(f64),
    /// The largest element along the last axis; of equal ones the first, and never a NaN beside a number.
    Argmax,
    /// Each element is a label.
    Equality,
}

/// Whether the largest element of a tensor like this one decides: floats with two or more along the last of several axes.
pub(super) fn is_scores(tensor: &Tensor) -> bool {
    is_float(tensor.datatype) && tensor.dims.len() >= 2 && tensor.dims.last().is_some_and(|&extent| extent >= 2)
}

/// Whether the elements of a tensor like this one are labels.
pub(super) fn is_labels(tensor: &Tensor) -> bool {
    !is_float(tensor.datatype)
}

fn is_float(datatype: Datatype) -> bool {
    matches!(datatype, Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64)
}

/// The first decision of a request that flipped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct First<'a> {
    pub(super) output: &'a str,
    pub(super) row: usize,
    pub(super) primary: Scalar,
    pub(super) shadow: Scalar,
}

/// The rows of one request: a row flips if any decision in it does, of any output.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    flipped: Vec<bool>,
    pub(super) first: Option<First<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn count(&self) -> u64 {
        self.flipped.len() as u64
    }

    pub(super) fn flipped(&self) -> u64 {
        self.flipped.iter().filter(|is_flipped| **is_flipped).count() as u64
    }

    /// Takes in the decisions of one output, whose datatype and shape are the same on both sides. BYTES only have
    /// labels.
    pub(super) fn judge(&mut self, way: Way, primary: &'a Tensor, shadow: &'a Tensor) {
        if primary.rows() > self.flipped.len() {
            self.flipped.resize(primary.rows(), false);
        }
        with_element!(primary.datatype,
        Number => self.judge_numbers::<Number>(way, primary, shadow),
        bytes => if way == Way::Equality {
            let labels = Strings(&primary.raw).zip(Strings(&shadow.raw));
            self.mark(primary.row_len(), labels, |at, _, _| pick(primary, shadow, at));
        });
    }

    fn judge_numbers<Number: Element>(&mut self, way: Way, primary: &'a Tensor, shadow: &'a Tensor) {
        let (ours, theirs) = (&primary.raw[..], &shadow.raw[..]);
        let each = primary.row_len();
        match way {
            Way::Threshold(threshold) => {
                let above = |raw: &'a [u8]| Number::all(raw).map(move |element| element.wide() >= threshold);
                self.mark(each, above(ours).zip(above(theirs)), |at, _, _| pick(primary, shadow, at));
            }
            Way::Argmax => {
                let extent = primary.dims.last().map_or(1, |&extent| extent as usize).max(1);
                let winners = |raw: &'a [u8]| raw.chunks_exact(extent * Number::SIZE).map(largest::<Number>);
                self.mark(each / extent, winners(ours).zip(winners(theirs)), |_, ours, theirs| {
                    (primary, Scalar::Unsigned(ours as u64), Scalar::Unsigned(theirs as u64))
                });
            }
            Way::Equality => {
                self.mark(each, Number::all(ours).zip(Number::all(theirs)), |at, _, _| pick(primary, shadow, at));
            }
        }
    }

    /// Marks the rows of decisions that differ; `each` row has so many of them.
    fn mark<Decision: PartialEq>(
        &mut self,
        each: usize,
        decisions: impl Iterator<Item = (Decision, Decision)>,
        show: impl Fn(usize, Decision, Decision) -> (&'a Tensor, Scalar, Scalar),
    ) {
        for (at, (ours, theirs)) in decisions.enumerate() {
            if ours != theirs {
                let row = at / each;
                self.flipped[row] = true;
                if self.first.is_none() {
                    let (tensor, primary, shadow) = show(at, ours, theirs);
                    self.first = Some(First { output: &tensor.name, row, primary, shadow });
                }
            }
        }
    }
}

fn pick<'a>(primary: &'a Tensor, shadow: &Tensor, at: usize) -> (&'a Tensor, Scalar, Scalar) {
    (primary, scalar_at(primary, at), scalar_at(shadow, at))
}

/// The index of the largest element.
fn largest<Number: Element>(raw: &[u8]) -> usize {
    let mut best = (0, f64::NAN);
    for (index, element) in Number::all(raw).enumerate() {
        let value = element.wide();
        if value > best.1 || (best.1.is_nan() && !value.is_nan()) {
            best = (index, value);
        }
    }
    best.0
}
