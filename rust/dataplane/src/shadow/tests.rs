//! Copies of requests for a scripted shadow: what they hold, when they are dropped, and what is compared.

use super::{Account, Dropped, Shadow, Shadows};
use crate::drive::clock::{Clock, SystemClock};
use crate::drive::compute::Compute;
use crate::drive::inbox::{Phases, Reply};
use crate::drive::snapshot::Version;
use crate::observe::prediction_id::PredictionIds;
use crate::testing::clock::HandClock;
use crate::testing::model::{Gate, PATIENCE, Scripted};
use crate::testing::plane::{Recipe, alone, compute, version};
use crate::testing::request::message;
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::request::Head;

/// A shadow `m/1` with room for a few copies, and the threads that run them.
struct House {
    compute: Arc<Compute>,
    clock: Arc<HandClock>,
    version: Arc<Version>,
    shadows: Shadows,
}

impl Drop for House {
    fn drop(&mut self) {
        self.compute.end();
    }
}

impl House {
    fn new(model: Scripted, max_in_flight: u64, max_bytes: u64) -> Self {
        let (compute, clock) = (compute(1), HandClock::new());
        let version = version(&compute, "m/1", 0, model, Recipe::default());
        let time: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        compute.staff(1, &time).expect("threads");
        let shadow = Shadow {
            arm: Arc::clone(alone(&version).lead()),
            account: Arc::new(Account::new(None, 0)),
            max_in_flight,
            max_bytes,
            share_bp: 10_000,
            timeout: 1_000,
        };
        Self { compute, clock, version, shadows: Shadows::new(vec![shadow]) }
    }

    fn account(&self) -> &Arc<Account> {
        &self.shadows.iter().next().expect("there is one").account
    }

    fn copy(&self, message: &Bytes) -> Option<super::Copy> {
        self.shadows.copy(0, message, None)
    }

    fn launch(&self, copy: super::Copy, primary: &Reply) {
        let (id, now) = (PredictionIds::new().next(0), self.clock.now());
        if let Some(launch) = copy.after(primary, id, now) {
            launch.go(&self.compute, &mut Head::default(), now);
        }
    }

    /// Waits until nothing is held any more.
    fn settle(&self) {
        let clock = SystemClock::new();
        while self.account().held() != (0, 0) {
            assert!(u128::from(clock.now()) < PATIENCE.as_nanos(), "{:?} is held", self.account().held());
            std::thread::yield_now();
        }
    }

    fn dropped(&self, reason: &str) -> u64 {
        self.account().drops().find(|(name, _)| *name == reason).expect("a reason").1
    }
}

fn one(value: f32) -> Bytes {
    message("m", 1, &[value])
}

fn fault(reason: Reason) -> Reply {
    Reply::fault(Fault::new(reason, "as the test wants it"))
}

#[test]
fn a_copy_is_compared_with_its_primary_and_gives_back_what_it_held() {
    let house = House::new(Scripted::honest(), 4, 1 << 20);
    let copy = house.copy(&one(2.0)).expect("there is room");
    assert_eq!(house.account().held().0, 1);
    house.launch(copy, &fault(Reason::ModelFailed));
    house.settle();
    assert_eq!((house.account().sampled_total(), house.account().compared_total()), (1, 1));
    assert_eq!(house.account().report()["errors"]["primary_only"], 1);
}

#[test]
fn beyond_its_room_copies_are_dropped_and_counted_by_what_was_full() {
    let house = House::new(Scripted::honest(), 2, 1 << 20);
    let kept: Vec<_> = (0..5).filter_map(|_| house.copy(&one(1.0))).collect();
    assert_eq!((kept.len(), house.dropped("in_flight")), (2, 3));
    drop(kept);
    house.settle();
    let small = House::new(Scripted::honest(), 9, one(1.0).len() as u64);
    let kept = small.copy(&one(1.0)).expect("exactly the room there is");
    assert!(small.copy(&one(1.0)).is_none());
    assert_eq!(small.dropped("bytes"), 1);
    drop(kept);
    small.settle();
}

#[test]
fn a_primary_that_was_shed_gets_no_copy_and_one_that_was_given_up_does() {
    let model = Scripted::honest();
    let house = House::new(model.clone(), 4, 1 << 20);
    for reason in [Reason::QueueFull, Reason::Draining, Reason::BytesInFlight] {
        house.launch(house.copy(&one(1.0)).expect("room"), &fault(reason));
    }
    assert_eq!((house.dropped("primary_shed"), model.runs().len()), (3, 0));
    house.launch(house.copy(&one(1.0)).expect("room"), &fault(Reason::Cancelled));
    house.settle();
    assert_eq!((model.runs().len(), house.account().report()["abandoned"].as_u64()), (1, Some(1)));
}

#[test]
fn a_copy_whose_time_is_over_is_dropped_and_one_whose_version_goes_too() {
    let (gate, model) = Gate::and_model();
    let house = House::new(model, 9, 1 << 20);
    let primary = fault(Reason::ModelFailed);
    house.launch(house.copy(&one(1.0)).expect("room"), &primary);
    gate.wait();
    house.launch(house.copy(&one(2.0)).expect("room"), &primary);
    house.clock.advance(5_000);
    gate.open();
    house.settle();
    assert_eq!((house.dropped("deadline"), house.account().compared_total()), (1, 1));
    drop(house.compute.close(house.version.shadow_queue));
    house.launch(house.copy(&one(3.0)).expect("room"), &primary);
    assert_eq!((house.dropped("draining"), house.account().held()), (1, (0, 0)));
}

#[test]
fn a_large_copy_behind_a_run_that_does_not_end_is_let_go_with_its_version() {
    let (gate, model) = Gate::and_model();
    let house = House::new(model, 9, 1 << 20);
    let primary = fault(Reason::ModelFailed);
    let launch = |value| {
        let (id, now) = (PredictionIds::new().next(0), house.clock.now());
        let copy = house.copy(&one(value)).expect("room");
        house.compute.launch(copy.after(&primary, id, now).expect("it has room for no answer"));
    };
    launch(1.0);
    gate.wait();
    launch(2.0);
    assert_eq!(house.account().held().0, 2);
    assert!(house.compute.close(house.version.shadow_queue).is_empty());
    launch(3.0);
    assert_eq!((house.dropped("draining"), house.account().held().0), (2, 1));
    gate.open();
    house.settle();
    assert_eq!((house.account().compared_total(), house.dropped("lost")), (1, 0));
}

#[test]
fn what_the_shadow_does_not_take_is_dropped() {
    let house = House::new(Scripted::honest(), 4, 1 << 20);
    let other = message("m", 1, &[]).slice(..4);
    house.launch(house.copy(&other).expect("room"), &Reply { result: Ok(one(1.0)), phases: Phases::default() });
    assert_eq!((house.dropped("invalid"), house.account().held()), (1, (0, 0)));
}

#[test]
fn an_answer_without_room_drops_its_copy_and_what_goes_unseen_is_counted_too() {
    let house = House::new(Scripted::honest(), 4, 3 * one(1.0).len() as u64);
    let answered = |bytes: usize| Reply { result: Ok(vec![0; bytes].into()), phases: Phases::default() };
    house.launch(house.copy(&one(1.0)).expect("room"), &answered(10 * one(1.0).len()));
    assert_eq!((house.dropped("bytes"), house.account().held()), (1, (0, 0)));
    drop(house.copy(&one(1.0)).expect("room"));
    assert_eq!((house.dropped("lost"), house.account().held()), (1, (0, 0)));
    house.copy(&one(1.0)).expect("room").abandon();
    assert_eq!((house.dropped("draining"), house.account().sampled_total()), (1, 3));
}

proptest! {
    #[test]
    fn an_account_never_holds_more_than_it_may_and_ends_empty(
        steps in prop::collection::vec((0u64..2_000, any::<bool>()), 0..200),
        max_in_flight in 1u64..6,
        max_bytes in 1u64..5_000,
    ) {
        let account = Account::new(None, 0);
        let mut held: Vec<u64> = Vec::new();
        for (bytes, ends) in steps {
            if ends && let Some(bytes) = held.pop() {
                account.release(bytes);
            }
            let room = (held.len() as u64) < max_in_flight;
            let fits = held.iter().sum::<u64>() + bytes <= max_bytes;
            match account.reserve(bytes, max_in_flight, max_bytes) {
                Ok(()) => {
                    prop_assert!(room && fits);
                    held.push(bytes);
                }
                Err(reason) => prop_assert_eq!(reason, if room { Dropped::Bytes } else { Dropped::InFlight }),
            }
            prop_assert_eq!(account.held(), (held.len() as u64, held.iter().sum()));
        }
        for bytes in held {
            account.release(bytes);
        }
        prop_assert_eq!(account.held(), (0, 0));
    }
}
