//! Who answers, and who gets a copy: pure functions of the route and the head of the request.
//!
//! The order is pins ▸ segments ▸ sticky bucket ▸ arms.

use super::bucket::BUCKETS;
use super::compile::{PinError, PinPlan, RoutePlan, SplitPlan, Verdicts};
use super::sticky::{KeyBuffer, KeyBytes};
use crate::condition::{Context, Param};

/// What a decision looks at.
#[derive(Debug)]
pub struct Head<'a, C> {
    pub request: &'a C,
    /// The version that the caller named; empty for none.
    pub version: &'a str,
    /// The key of requests without a sticky value.
    pub prediction_id: &'a [u8],
}

/// Why an arm was chosen. The text is part of the interface; that of a segment is in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The bucket of the caller's sticky key fell into the arm's share.
    Split,
    /// As `Split`, but there was no usable sticky key: the prediction id was hashed.
    Unkeyed,
    /// The split has no other arm.
    Only,
    /// The caller named the version.
    Pinned,
    /// The request matched this segment, by its index.
    Segment(u16),
    /// No route: the caller asked for a model by its name.
    Model,
}

impl Reason {
    /// What `tidegate_reason` and the logs say; `route` is the one that decided.
    pub fn name(self, route: Option<&RoutePlan>) -> &str {
        match self {
            Self::Split => "split",
            Self::Unkeyed => "unkeyed",
            Self::Only => "only",
            Self::Pinned => "pinned",
            Self::Segment(index) => route.map_or("segment", |route| &route.segments[usize::from(index)].reason),
            Self::Model => "model",
        }
    }
}

/// The answer to "which arm, and why".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Index into [`RoutePlan::arms`].
    pub arm: u32,
    pub reason: Reason,
    /// The bucket of the key that was hashed, also where it did not matter.
    pub bucket: u32,
    /// How probable this arm was before the key was known, in 2^32nds.
    pub probability_num: u64,
}

/// Chooses the arm of a route that answers, or says why the version that the caller named does not.
#[inline]
pub fn decide<C: Context>(
    route: &RoutePlan,
    head: &Head<'_, C>,
    verdicts: &mut Verdicts,
) -> Result<Decision, PinError> {
    let mut buffer = KeyBuffer::default();
    let key = sticky_key(route, head.request, &mut buffer);
    let bucket = |split: &SplitPlan| match &key {
        Some(key) => split.salt.bucket(key.as_bytes()),
        None => split.salt.bucket(head.prediction_id),
    };
    if !head.version.is_empty() {
        let may_pin = match route.pins {
            PinPlan::Allow => true,
            PinPlan::Deny => false,
            PinPlan::When(when) => verdicts.holds(route, when, head.request),
        };
        let arm = if may_pin { route.pin(head.version)? } else { return Err(PinError::Denied) };
        return Ok(Decision { arm, reason: Reason::Pinned, bucket: bucket(&route.split), probability_num: BUCKETS });
    }
    for (index, segment) in route.segments.iter().enumerate() {
        if verdicts.holds(route, segment.when, head.request) {
            return Ok(choose(&segment.split, bucket(&segment.split), Reason::Segment(index as u16)));
        }
    }
    let reason = match &key {
        _ if route.split.is_single => Reason::Only,
        Some(_) => Reason::Split,
        None => Reason::Unkeyed,
    };
    Ok(choose(&route.split, bucket(&route.split), reason))
}

#[inline]
fn choose(split: &SplitPlan, bucket: u32, reason: Reason) -> Decision {
    let arm = split.table.arm_of(bucket);
    Decision { arm, reason, bucket, probability_num: split.table.share_of(arm) }
}

/// The key that keeps the caller on its arm: the sequence it belongs to, else the value of the route's sticky key.
#[inline]
pub fn sticky_key<'a, C: Context>(
    route: &RoutePlan,
    request: &'a C,
    buffer: &'a mut KeyBuffer,
) -> Option<KeyBytes<'a>> {
    // Triton's clients send 0 or an empty text for "no sequence".
    let sequence = match request.param("sequence_id") {
        None | Some(Param::Int(0) | Param::Uint(0)) => None,
        Some(value) => KeyBytes::of_param(value),
    };
    sequence.or_else(|| route.sticky.as_ref()?.find(request, buffer))
}

/// Whether a shadow of the route, by its index, gets a copy of a request that was decided so.
///
/// Sampled by the prediction id under the shadow's own salt, so that it is independent of who answers. The version that
/// answered the request gets none: there is nothing to compare.
#[inline]
pub fn is_shadowed<C: Context>(
    route: &RoutePlan,
    shadow: usize,
    head: &Head<'_, C>,
    arm: u32,
    verdicts: &mut Verdicts,
) -> bool {
    let plan = &route.shadows[shadow];
    u64::from(plan.salt.bucket(head.prediction_id)) < plan.below
        && plan.version != route.arms[arm as usize]
        && plan.when.is_none_or(|when| verdicts.holds(route, when, head.request))
}
