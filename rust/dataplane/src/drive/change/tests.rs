//! The thread that changes what is served, when it fails.

use super::{Changer, Setting};
use crate::drive::clock::{Clock, SystemClock};
use crate::drive::state::StateDir;
use crate::runtime::artifact::Artifact;
use crate::runtime::{LoadOptions, Model, Runtime};
use crate::testing::clock::HandClock;
use crate::testing::plane::{compute, empty_plane};
use crate::testing::runtime::Folder;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tidegate_core::document;

/// Takes no model.
struct Nothing;

impl Runtime for Nothing {
    fn load(&self, _: &Artifact, _: LoadOptions<'_>) -> Result<Box<dyn Model>, String> {
        Err("it takes no model".to_owned())
    }
}

/// A defect that shows when the test wants it.
struct Defect {
    clock: SystemClock,
    shows: AtomicBool,
}

impl Clock for Defect {
    fn now(&self) -> u64 {
        assert!(!self.shows.load(Ordering::Relaxed), "the defect of the test");
        self.clock.now()
    }

    fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }
}

#[test]
fn whoever_waits_for_a_thread_that_fails_hears_of_it_when_it_is_known() {
    let (state, repository) = (Folder::new(), Folder::new());
    let defect = Arc::new(Defect { clock: SystemClock::new(), shows: AtomicBool::new(false) });
    let plane = Arc::new(empty_plane(HandClock::new(), compute(1)));
    let setting = Setting {
        plane: Arc::clone(&plane),
        state: Arc::new(StateDir::open(state.path()).expect("a folder of its own")),
        repository: repository.path().to_owned(),
        runtime: Arc::new(Nothing),
        clock: Arc::clone(&defect) as Arc<dyn Clock>,
    };
    let nothing = document::parse(&json!({})).expect("a good document");
    let (changer, changes) = Changer::start(setting, &nothing).expect("there is nothing to fail");
    let thread = std::thread::spawn(move || changer.run());
    let wanted = document::parse(&json!({"routes": {"r": {"split": {"m/1": 1}}}})).expect("a good document");
    let report = changes.apply(wanted.clone()).blocking_recv().expect("it works");
    assert_eq!(report.settlements.len(), 1);
    defect.shows.store(true, Ordering::Relaxed);
    assert!(plane.is_changing());
    assert!(changes.apply(wanted).blocking_recv().is_err());
    assert!(!plane.is_changing(), "it is known before anybody hears of it");
    assert!(thread.join().is_err());
}
