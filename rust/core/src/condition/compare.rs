//! How two values compare: numbers of any type by what they are worth, texts by their bytes, and nothing across kinds.

use std::cmp::Ordering;

use super::Param;

/// 2⁶³ and 2⁶⁴, the first doubles beyond an int and a uint.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
const UINT_END: f64 = 18_446_744_073_709_551_616.0;

/// Whether two values are the same; values of two kinds never are, and NaN equals nothing.
pub(super) fn equal(left: Param<'_>, right: Param<'_>) -> bool {
    match (left, right) {
        (Param::Text(left), Param::Text(right)) => left == right,
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

/// How two values are ordered; nothing for values of two kinds and for NaN.
pub(super) fn order(left: Param<'_>, right: Param<'_>) -> Option<Ordering> {
    match (left, right) {
        (Param::Text(left), Param::Text(right)) => Some(left.cmp(right)),
        (Param::Bool(left), Param::Bool(right)) => Some(left.cmp(&right)),
        (Param::Int(left), Param::Int(right)) => Some(left.cmp(&right)),
        (Param::Uint(left), Param::Uint(right)) => Some(left.cmp(&right)),
        (Param::Double(left), Param::Double(right)) => left.partial_cmp(&right),
        (Param::Int(left), Param::Uint(right)) => Some(int_to_uint(left, right)),
        (Param::Uint(left), Param::Int(right)) => Some(int_to_uint(right, left).reverse()),
        (Param::Int(left), Param::Double(right)) => int_to_double(left, right),
        (Param::Double(left), Param::Int(right)) => int_to_double(right, left).map(Ordering::reverse),
        (Param::Uint(left), Param::Double(right)) => uint_to_double(left, right),
        (Param::Double(left), Param::Uint(right)) => uint_to_double(right, left).map(Ordering::reverse),
        _ => None,
    }
}

fn int_to_uint(left: i64, right: u64) -> Ordering {
    u64::try_from(left).map_or(Ordering::Less, |left| left.cmp(&right))
}

/// Exact: within the range of an int, the whole part of a double converts without loss.
fn int_to_double(left: i64, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        None
    } else if right >= INT_END {
        Some(Ordering::Less)
    } else if right < -INT_END {
        Some(Ordering::Greater)
    } else {
        left.cmp(&(right.trunc() as i64)).then_with(|| zero_to_fraction(right)).into()
    }
}

/// As [`int_to_double`].
fn uint_to_double(left: u64, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        None
    } else if right >= UINT_END {
        Some(Ordering::Less)
    } else if right < 0.0 {
        Some(Ordering::Greater)
    } else {
        left.cmp(&(right.trunc() as u64)).then_with(|| zero_to_fraction(right)).into()
    }
}

/// What decides between a whole number and a double with the same whole part.
fn zero_to_fraction(right: f64) -> Ordering {
    0.0.partial_cmp(&right.fract()).unwrap_or(Ordering::Equal)
}
