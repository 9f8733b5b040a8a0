//! What is counted for drift: every request that was let in, however it ends, and every answer.

use super::support::{Ask, House, answer_to};
use super::{queued, with};
use crate::drive::snapshot::Snapshot;
use crate::observe::drift::Observer;
use crate::testing::model::{Gate, Scripted};
use crate::testing::plane::{Recipe, counted, target, watch};
use std::collections::HashMap;
use std::sync::Arc;
use tidegate_core::fault::Reason;

/// Counts what the house's model is asked from now on.
fn watched(house: &House) -> Arc<Observer> {
    let plane = &house.plane;
    let version = Arc::clone(&plane.snapshot().versions[0]);
    let mut target = target("m0", None, &[&version], 0, &plane.counters);
    let observer = watch(&mut target);
    let targets = Arc::new(HashMap::from([("m0".to_owned(), Arc::new(target))]));
    plane.swap(Snapshot { epoch: 2, targets, ..(*plane.snapshot()).clone() });
    observer
}

#[test]
fn a_request_that_is_shed_has_asked() {
    let (gate, model) = Gate::and_model();
    let mut recipe = queued();
    recipe.settings.queue.requests = 1;
    with(&model, recipe, |mut house| async move {
        let observer = watched(&house);
        let first = house.ask_row(1.0);
        house.end_of_wakeup().await;
        gate.wait();
        let (second, third) = (house.ask_row(2.0), house.ask_row(3.0));
        assert_eq!(house.told(third).await, Err(Reason::QueueFull));
        assert_eq!(counted(&observer), (1, 0), "the first runs and the second waits");
        gate.open();
        gate.open();
        assert_eq!(house.told(first).await, answer_to(&[1.0]));
        assert_eq!(house.told(second).await, answer_to(&[2.0]));
        assert_eq!(counted(&observer), (2, 2));
    });
}

#[test]
fn a_request_that_waits_too_long_or_is_cancelled_in_the_queue_has_asked() {
    let (gate, model) = Gate::and_model();
    with(&model, queued(), |mut house| async move {
        let observer = watched(&house);
        let first = house.ask_row(1.0);
        house.end_of_wakeup().await;
        gate.wait();
        let waiting = house.ask(Ask { model: "m0", values: &[2.0], timeout: Some(1_000_000) });
        let gone = house.ask_row(3.0);
        house.end_of_wakeup().await;
        assert_eq!(counted(&observer), (0, 0), "what waits may still run");
        house.clock.advance(1_000_000);
        assert_eq!(house.told(waiting).await, Err(Reason::DeadlineExpired));
        assert_eq!(counted(&observer), (1, 0));
        let ticket = house.seat(gone).ticket.get().expect("it waits");
        house.reactor.cancel(ticket);
        assert_eq!(house.told(gone).await, Err(Reason::Cancelled));
        assert_eq!(counted(&observer), (1, 0));
        gate.open();
        assert_eq!(house.told(first).await, answer_to(&[1.0]));
        assert_eq!(counted(&observer), (1, 1));
    });
}

#[test]
fn a_request_that_is_late_or_left_alone_before_the_wakeup_ends_has_asked() {
    with(&Scripted::honest(), Recipe::default(), |mut house| async move {
        let observer = watched(&house);
        let late = house.ask(Ask { model: "m0", values: &[1.0], timeout: Some(1_000) });
        let gone = house.ask_row(2.0);
        house.seat(gone).is_gone.set(true);
        let other = house.ask_row(3.0);
        house.clock.advance(1_000);
        assert_eq!(house.told(late).await, Err(Reason::DeadlineExpired));
        assert_eq!(house.told(gone).await, Err(Reason::Cancelled));
        assert_eq!(house.told(other).await, answer_to(&[3.0]));
        assert_eq!(counted(&observer), (3, 1));
    });
}
