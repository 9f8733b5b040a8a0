//! Who answers: buckets, range tables, and the decision itself.
//!
//! `document` says what is asked for, [`apply`] turns it into stored tables, [`compile`] into what a request meets, and
//! [`decide`] chooses. A strategy beside the weighted split gets its own file here and its line in [`decide`].

pub mod allocate;
pub mod apply;
pub mod bucket;
pub mod compile;
pub mod decide;
pub mod sticky;
pub mod table;

pub use allocate::{AllocateError, allocate};
pub use apply::{Applied, RouteTable, apply};
pub use bucket::{BUCKETS, Salt, bucket};
pub use compile::{ArmPlan, PinError, RoutePlan, compile_routes};
pub use decide::{Decision, Head, Reason, decide};
pub use sticky::{KeyBytes, MAX_KEY_BYTES, StickyError, StickyKey};
pub use table::{Range, RangeError, RangeTable, check_ranges};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
