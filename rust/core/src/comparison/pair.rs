//! Outputs of the same name, side by side.

use super::answer::Tensor;
use crate::oip::datatype::Datatype;

/// An output of one answer beside that of the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair<'a> {
    /// Both have it with the same datatype and shape: there is an element for every element.
    Alike { primary: &'a Tensor, shadow: &'a Tensor },
    /// There is nothing to put side by side. The datatype is the primary's, if it has the output.
    Unlike { name: &'a str, datatype: Datatype, why: Unlike },
}

/// Why an output of a request enters no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unlike {
    /// Only one side has it.
    Missing,
    Datatype,
    Shape,
    /// An element is a finite number on one side and none on the other, or the infinities have different signs.
    Values,
}

/// Every output of either side: the primary's in their order, then those that only the shadow has.
pub(super) fn by_name<'a>(primary: &'a [Tensor], shadow: &'a [Tensor]) -> Vec<Pair<'a>> {
    let mut pairs = Vec::with_capacity(primary.len().max(shadow.len()));
    pairs.extend(primary.iter().map(|tensor| match named(shadow, &tensor.name) {
        Some(other) if tensor.datatype != other.datatype => unlike(tensor, Unlike::Datatype),
        Some(other) if tensor.dims != other.dims => unlike(tensor, Unlike::Shape),
        Some(other) => Pair::Alike { primary: tensor, shadow: other },
        None => unlike(tensor, Unlike::Missing),
    }));
    let missing = shadow.iter().filter(|tensor| named(primary, &tensor.name).is_none());
    pairs.extend(missing.map(|tensor| unlike(tensor, Unlike::Missing)));
    pairs
}

fn named<'a>(tensors: &'a [Tensor], name: &str) -> Option<&'a Tensor> {
    tensors.iter().find(|tensor| tensor.name == name)
}

fn unlike(tensor: &Tensor, why: Unlike) -> Pair<'_> {
    Pair::Unlike { name: &tensor.name, datatype: tensor.datatype, why }
}
