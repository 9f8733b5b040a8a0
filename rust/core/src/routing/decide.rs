//! Who answers: a pure function of the route and the head of the request.

use super::bucket::BUCKETS;
use super::compile::RoutePlan;
use super::sticky::KeyBytes;

/// What a decision looks at.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The value of the route's sticky key, when the request carries a usable one.
    pub sticky: Option<KeyBytes<'a>>,
    /// The prediction id: the key of requests without a sticky value.
    pub prediction_id: &'a [u8],
    /// The arm whose version the caller named, as [`RoutePlan::pin`] found it.
    pub pinned: Option<u32>,
}

/// Why an arm was chosen. The text is part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The bucket of the caller's sticky key fell into the arm's share.
    Split,
    /// As `Split`, but there was no usable sticky key: the prediction id was hashed.
    Unkeyed,
    /// The route has no other arm.
    Only,
    /// The caller named the version.
    Pinned,
    /// No route: the caller asked for a model by its name.
    Model,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Split, Self::Unkeyed, Self::Only, Self::Pinned, Self::Model];

    /// What `tidegate_reason` and the logs say.
    pub fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Unkeyed => "unkeyed",
            Self::Only => "only",
            Self::Pinned => "pinned",
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

/// Chooses the arm of a route that answers.
#[inline]
pub fn decide(route: &RoutePlan, head: &Head<'_>) -> Decision {
    let (bucket, keyed) = match &head.sticky {
        Some(key) => (route.salt.bucket(key.as_bytes()), Reason::Split),
        None => (route.salt.bucket(head.prediction_id), Reason::Unkeyed),
    };
    if let Some(arm) = head.pinned {
        return Decision { arm, reason: Reason::Pinned, bucket, probability_num: BUCKETS };
    }
    let arm = route.table.arm_of(bucket);
    let reason = if route.arms.len() == 1 { Reason::Only } else { keyed };
    Decision { arm, reason, bucket, probability_num: route.table.share_of(arm) }
}
