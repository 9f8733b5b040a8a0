//! Copies for shadows: they wait for their primaries, and nothing is done for them before those are answered.

use super::Reactor;
use crate::drive::inbox::Reply;
use crate::observe::prediction_id::PredictionId;
use crate::shadow::Copy;
use tidegate_core::plane::{LoadId, Nanos};

impl Reactor {
    /// The primary of these copies has ended: they are launched once it is answered.
    pub(super) fn release_copies(&self, copies: Vec<Copy>, reply: &Reply, prediction_id: PredictionId, now: Nanos) {
        if !copies.is_empty() {
            let launches = copies.into_iter().filter_map(|copy| copy.after(reply, prediction_id, now));
            self.launches.borrow_mut().extend(launches);
            self.launched.notify_one();
        }
    }

    /// Whether copies are to be launched.
    pub fn has_copies(&self) -> bool {
        !self.launches.borrow().is_empty()
    }

    /// Sends copies on their way whose primaries have been answered.
    pub fn launch(&self) {
        let (now, compute) = (self.plane.clock.now(), &self.plane.shadow_compute);
        for launch in self.launches.take() {
            if launch.is_heavy() {
                compute.launch(launch);
            } else {
                launch.go(compute, &mut self.head.borrow_mut(), now);
            }
        }
    }

    /// Lets go of the copies for a version whose time to drain is over: their primaries may run for long yet.
    pub(super) fn abandon_copies(&self, load: LoadId) {
        for queued in self.queued.borrow_mut().values_mut() {
            queued.account.copies.extract_if(.., |copy| copy.slot() == load).for_each(Copy::abandon);
        }
    }
}
