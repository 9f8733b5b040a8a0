//! Numbers at the gate: eight columns side by side are asked whether all of them are usual; only where one is not, each is
//! looked at by itself.

use super::super::decode::Decode;
use super::super::dispatch::{Kernel, Level};
use super::super::lanes::Ones;
use super::super::layout::LANES;
use super::super::number::Number;
use super::super::profile::{Feature, Numeric};
use super::{Breaches, Came, Rule};
use crate::oip::datatype::Datatype;

/// Eight neighbouring columns, one vector lane each; at the end of a row, fewer.
#[derive(Clone, Debug)]
pub(super) struct Group<T> {
    column: usize,
    lanes: usize,
    /// What lies between is usual, if it is not the sentinel. Everything but NaN does where nobody asks.
    low: [T; LANES],
    high: [T; LANES],
    sentinel: [T; LANES],
    is_absent: [T; LANES],
    rules: [Option<NumberRules<T>>; LANES],
}

/// What the reference of a feature had.
#[derive(Clone, Copy, Debug)]
struct NumberRules<T> {
    feature: usize,
    is_nullable: bool,
    min: Option<T>,
    max: Option<T>,
    has_positive_infinite: bool,
    has_negative_infinite: bool,
}

/// Lays out features that are given with their numbers.
pub(super) fn lay_out<'f, T: Number>(
    width: usize,
    features: impl Iterator<Item = (usize, &'f Feature, &'f Numeric<T>)>,
) -> Vec<Group<T>> {
    let mut features: Vec<_> = features.collect();
    features.sort_by_key(|(_, feature, _)| feature.column);
    let groups = features.chunk_by(|(_, left, _), (_, right, _)| left.column / LANES == right.column / LANES);
    let groups = groups.map(|members| {
        let column = members[0].1.column / LANES * LANES;
        let mut group = Group {
            column,
            lanes: LANES.min(width - column),
            low: [T::LOWEST; LANES],
            high: [T::HIGHEST; LANES],
            sentinel: [T::NO_SENTINEL.0; LANES],
            is_absent: [T::NO_SENTINEL.1; LANES],
            rules: [None; LANES],
        };
        for (number, feature, numeric) in members {
            let lane = feature.column - column;
            // Where the reference had no number at all, each is looked at by itself.
            (group.low[lane], group.high[lane]) = numeric.min.zip(numeric.max).unwrap_or((T::HIGHEST, T::LOWEST));
            let sentinel = numeric.sentinel.map_or(T::NO_SENTINEL, |sentinel| (sentinel, T::ZERO));
            (group.sentinel[lane], group.is_absent[lane]) = sentinel;
            group.rules[lane] = Some(NumberRules {
                feature: *number,
                is_nullable: feature.nullable,
                min: numeric.min,
                max: numeric.max,
                has_positive_infinite: numeric.positive_infinite > 0,
                has_negative_infinite: numeric.negative_infinite > 0,
            });
        }
        group
    });
    groups.collect()
}

/// Looks at rows of `row_bytes` each, of which `raw` has a whole number.
pub(super) fn check<T: Decode>(
    level: Level,
    groups: &[Group<T>],
    datatype: Datatype,
    raw: &[u8],
    row_bytes: usize,
    broken: &mut Breaches,
) {
    level.run(GateKernel { groups, datatype, raw, row_bytes, broken });
}

struct GateKernel<'k, T> {
    groups: &'k [Group<T>],
    datatype: Datatype,
    raw: &'k [u8],
    row_bytes: usize,
    broken: &'k mut Breaches,
}

impl<T: Decode> Kernel for GateKernel<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { groups, datatype, raw, row_bytes, broken } = self;
        let size = datatype.size().expect("numbers have a size");
        for (row, raw) in raw.chunks_exact(row_bytes).enumerate() {
            for group in groups {
                let mut values = [T::ZERO; LANES];
                let raw = &raw[group.column * size..][..group.lanes * size];
                if group.lanes == LANES {
                    T::decode(datatype, raw, &mut values);
                } else {
                    T::decode(datatype, raw, &mut values[..group.lanes]);
                }
                if !group.are_usual(&values) {
                    group.look_at_each(&values, row, broken);
                }
            }
        }
    }
}

impl<T: Number> Group<T> {
    /// Whether all lanes are within their range and none is a sentinel.
    #[inline(always)]
    fn are_usual(&self, values: &[T; LANES]) -> bool {
        let mut unusual = [T::Ones::default(); LANES];
        for lane in 0..LANES {
            let value = values[lane].settle();
            let is_inside = value >= self.low[lane] && value <= self.high[lane];
            let is_sentinel = value.is_sentinel(self.sentinel[lane], self.is_absent[lane]);
            unusual[lane] = T::Ones::from(!is_inside || is_sentinel);
        }
        unusual.into_iter().fold(T::Ones::default(), T::Ones::plus).into() == 0
    }

    #[cold]
    fn look_at_each(&self, values: &[T; LANES], row: usize, broken: &mut Breaches) {
        for lane in 0..self.lanes {
            let Some(rules) = &self.rules[lane] else { continue };
            let value = values[lane].settle();
            let is_null = value.is_nan() || value.is_sentinel(self.sentinel[lane], self.is_absent[lane]);
            if is_null && !rules.is_nullable {
                broken.add(rules.feature, Rule::Nullability, row, || Came::Nothing);
            } else if !is_null && !rules.knows(value) {
                broken.add(rules.feature, Rule::Range, row, || Came::Number(shown(value)));
            }
        }
    }
}

impl<T: Number> NumberRules<T> {
    /// Whether the reference had the like of a value that is not missing.
    fn knows(&self, value: T) -> bool {
        if value.is_finite() {
            self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
        } else if value > T::ZERO {
            self.has_positive_infinite
        } else {
            self.has_negative_infinite
        }
    }
}

/// A number as short as it can be read back in its own class.
pub(super) fn shown<T: Number>(value: T) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
