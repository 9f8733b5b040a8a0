//! Who answers: buckets, range tables, and the decision itself.
//!
//! `document` says what is asked for, [`revision`] turns it into stored tables, [`compile`] into what a request meets, and
//! [`decide`] chooses; [`explain`] says why, for a request that was recorded. A strategy beside these gets its own file
//! here and its line in [`decide`]. [`sub_cell`](mod@sub_cell) deals callers once more, for the comparison of versions.

pub mod allocate;
pub mod bucket;
pub mod compile;
pub mod decide;
pub mod explain;
pub mod revision;
pub mod sticky;
pub mod sub_cell;
pub mod table;

pub use allocate::{AllocateError, allocate};
pub use bucket::{BUCKETS, Salt, bucket};
pub use compile::{PinError, PinPlan, RoutePlan, ShadowPlan, SplitPlan, Verdicts};
pub use decide::{Decision, Head, Reason, decide, is_shadowed, sticky_key};
pub use explain::{RecordedHead, explain};
pub use revision::{Revision, RouteTable};
pub use sticky::{KeyBuffer, KeyBytes, MAX_KEY_BYTES, StickyError, StickyKey};
pub use sub_cell::{sub_cell, sub_cell_of};
pub use table::{Range, RangeError, RangeTable, check_ranges};

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
