//! Every model in memory, and who still has it.
//!
//! The change thread holds the last reference to each model, so that the memory of a session is never given back on a
//! thread that answers. It learns by two leases when it may: the first ends with the last snapshot and request that hold
//! the version, the second with the last worker that a thread had of it.

use super::super::compute::{deliver, observe_unrun};
use super::super::inbox::{Order, Reply};
use super::super::load::Part;
use super::super::plane::Plane;
use super::super::reactor::version_draining;
use super::super::snapshot::Version;
use super::super::workers::Seats;
use crate::runtime::Model;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tidegate_core::plane::{LoadId, VersionKey};

/// One model in memory.
struct Resident {
    part: Part,
    /// What snapshots are made of, until the version is retired.
    version: Option<Arc<Version>>,
    /// Set once requests could hold it.
    seated: Option<Seated>,
}

struct Seated {
    seats: Weak<Seats>,
    queues: [VersionKey; 2],
    instances: u64,
    /// Both leases: nothing holds the version, no thread has a worker of it.
    is_unloading: bool,
    is_vacant: bool,
}

#[derive(Default)]
pub(super) struct Residents(BTreeMap<LoadId, Resident>);

impl Residents {
    pub(super) fn loaded(&mut self, load: LoadId, part: Part) {
        self.0.insert(load, Resident { part, version: None, seated: None });
    }

    pub(super) fn contains(&self, load: LoadId) -> bool {
        self.0.contains_key(&load)
    }

    pub(super) fn part(&self, load: LoadId) -> &Part {
        &self.0.get(&load).expect("a load that warms up is in memory").part
    }

    pub(super) fn model(&self, load: LoadId) -> Arc<dyn Model> {
        Arc::clone(&self.part(load).model)
    }

    /// The version is ready to be served.
    pub(super) fn seat(&mut self, load: LoadId, version: Arc<Version>) {
        let resident = self.0.get_mut(&load).expect("a load that warmed up is in memory");
        resident.seated = Some(Seated {
            seats: Arc::downgrade(&version.seats),
            queues: [version.queue, version.shadow_queue],
            instances: version.settings.instances,
            is_unloading: false,
            is_vacant: false,
        });
        resident.version = Some(version);
    }

    pub(super) fn version(&self, load: LoadId) -> Option<&Arc<Version>> {
        self.0.get(&load)?.version.as_ref()
    }

    /// How many runs may be wanted at once, of all versions that something holds.
    pub(super) fn instances(&self) -> u64 {
        self.0.values().filter_map(|resident| resident.seated.as_ref()).map(|seated| seated.instances).sum()
    }

    /// From now on the version is held by requests alone.
    pub(super) fn release(&mut self, load: LoadId) {
        if let Some(resident) = self.0.get_mut(&load) {
            resident.version = None;
        }
    }

    /// Answers what waits, tells the front threads to answer what runs, and asks the runs to end.
    pub(super) fn abort(&self, load: LoadId, plane: &Plane, version: &str) {
        let Some(Resident { part, seated: Some(seated), .. }) = self.0.get(&load) else { return };
        if let Some(seats) = seated.seats.upgrade() {
            seats.terminate();
        }
        part.model.terminate();
        for (compute, queue) in [&plane.compute, &plane.shadow_compute].into_iter().zip(seated.queues) {
            let waiting = compute.close(queue);
            observe_unrun(&waiting, &*plane.clock);
            deliver(waiting.into_iter().map(|job| (job, Reply::fault(version_draining(version)))));
        }
        plane.inboxes.iter().for_each(|inbox| inbox.order(Order::Abort(load)));
    }

    /// Nothing runs the version any more. Returns the model if its memory can go at once; otherwise every thread is sent
    /// away from its seat first.
    pub(super) fn unload(&mut self, load: LoadId, plane: &Plane) -> Option<Arc<dyn Model>> {
        let resident = self.0.get_mut(&load).expect("what is unloaded is in memory");
        resident.version = None;
        let Some(seated) = &mut resident.seated else { return Some(self.take(load)) };
        seated.is_unloading = true;
        for (compute, queue) in [&plane.compute, &plane.shadow_compute].into_iter().zip(seated.queues) {
            // Nothing holds the version, so nothing waits for it.
            drop(compute.close(queue));
        }
        if seated.is_vacant {
            return Some(self.take(load));
        }
        if let Some(seats) = seated.seats.upgrade() {
            seats.close();
        }
        plane.inboxes.iter().for_each(|inbox| inbox.order(Order::Leave));
        plane.compute.leave_seats();
        plane.shadow_compute.leave_seats();
        None
    }

    /// The last worker is gone. Returns the model if the version is being unloaded, which it is unless the news came
    /// first.
    pub(super) fn vacated(&mut self, load: LoadId) -> Option<Arc<dyn Model>> {
        let seated = self.0.get_mut(&load)?.seated.as_mut()?;
        seated.is_vacant = true;
        seated.is_unloading.then(|| self.take(load))
    }

    /// The model, for the thread that frees it.
    fn take(&mut self, load: LoadId) -> Arc<dyn Model> {
        self.0.remove(&load).expect("what is unloaded is in memory").part.model
    }
}
