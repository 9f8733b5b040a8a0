mod counted;
mod ending;
mod interleavings;
mod support;

use crate::drive::snapshot::{Snapshot, Version};
use crate::shadow::{Account, Shadow, Shadows};
use crate::testing::clock::HandClock;
use crate::testing::model::{Gate, Scripted};
use crate::testing::plane::{Recipe, TIMEOUT, alone, target, version};
use serde_json::json;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use support::{Ask, House, answer_to, in_house};
use tidegate_core::document;
use tidegate_core::fault::Reason;
use tidegate_core::routing::{Revision, RoutePlan};

/// A budget of nothing: every request is queued.
fn queued() -> Recipe {
    Recipe { inline_budget: 0, ..Recipe::default() }
}

/// A house of one model.
fn with<F: Future<Output = ()>>(model: &Scripted, recipe: Recipe, test: impl FnOnce(House) -> F) {
    in_house(&HandClock::new(), vec![(model.clone(), recipe)], test);
}

/// Serves the house's model as a route with a shadow, whose copies wait: nobody runs them.
fn shadow(house: &House) -> Arc<Version> {
    let plane = &house.plane;
    let shadow = version(&plane.shadow_compute, "m9/1", 1, Scripted::honest(), Recipe::default());
    let route = json!({"split": {"m0/1": 1}, "shadow": [{"to": "m9/1"}]});
    let document = document::parse(&json!({"routes": {"m0": route}})).expect("a good document");
    let plan = RoutePlan::new("m0", &Revision::after(None, &document.routes["m0"])).expect("its own tables");
    let primary = Arc::clone(&plane.snapshot().versions[0]);
    let mut target = target("m0", Some(plan), &[&primary], 0, &plane.counters);
    target.shadows = Shadows::new(vec![Shadow {
        arm: Arc::clone(alone(&shadow).lead()),
        account: Arc::new(Account::new(None, 0)),
        max_in_flight: 9,
        max_bytes: 1 << 20,
        share_bp: 10_000,
        timeout: TIMEOUT,
    }]);
    let targets = Arc::new(HashMap::from([("m0".to_owned(), Arc::new(target))]));
    plane.swap(Snapshot { epoch: 2, targets, ..(*plane.snapshot()).clone() });
    shadow
}

#[test]
fn nothing_is_done_for_a_copy_before_its_primary_is_answered() {
    with(&Scripted::honest(), Recipe::default(), |mut house| async move {
        let (shadow, plane) = (shadow(&house), Arc::clone(&house.plane));
        let waiting = move || plane.shadow_compute.depth(shadow.shadow_queue).requests;
        let (seen, waiting) = (Rc::new(Cell::new(None)), Rc::new(waiting));
        let caller = house.ask_row(1.0);
        let (at_answer, asked) = (Rc::clone(&seen), Rc::clone(&waiting));
        *house.seat(caller).at_answer.borrow_mut() = Some(Box::new(move || at_answer.set(Some(asked()))));
        assert_eq!(house.told(caller).await, answer_to(&[1.0]));
        assert_eq!(seen.get(), Some(0));
        while waiting() == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn all_that_came_in_one_wakeup_runs_as_one_batch_on_the_reading_thread() {
    let model = Scripted::honest();
    with(&model, Recipe::default(), |mut house| async move {
        let callers: Vec<usize> = (0..20u8).map(|row| house.ask_row(row.into())).collect();
        house.assert_silence();
        house.end_of_wakeup().await;
        for (row, caller) in (0..20u8).zip(callers) {
            assert_eq!(house.told(caller).await, answer_to(&[row.into()]));
            assert_eq!(house.seat(caller).ticket.get(), None, "it never was in the queue");
        }
        assert_eq!(house.in_flight(), 0);
    });
    assert_eq!(model.runs().iter().map(|run| run.rows).collect::<Vec<_>>(), [Some(20)]);
}

#[test]
fn models_and_shapes_of_one_wakeup_are_kept_apart() {
    let (one, two) = (Scripted::honest(), Scripted::honest());
    let models = vec![(one.clone(), Recipe::default()), (two.clone(), Recipe::default())];
    in_house(&HandClock::new(), models, |mut house| async move {
        for row in 0..6u8 {
            let model = if row % 2 == 0 { "m0" } else { "m1" };
            house.ask(Ask { model, values: &[row.into()], timeout: None });
        }
        for row in 0..6u8 {
            assert_eq!(house.told(row.into()).await, answer_to(&[row.into()]));
        }
    });
    assert_eq!(one.runs().iter().map(|run| &run.values[..]).collect::<Vec<_>>(), [[0.0, 2.0, 4.0]]);
    assert_eq!(two.runs().iter().map(|run| &run.values[..]).collect::<Vec<_>>(), [[1.0, 3.0, 5.0]]);
}

#[test]
fn a_request_beyond_the_budget_is_queued_and_its_cheap_neighbours_are_not_delayed() {
    let (gate, dear) = Gate::and_model();
    let models = vec![(dear, Recipe::default()), (Scripted::honest(), Recipe::default())];
    in_house(&HandClock::new(), models, |mut house| async move {
        let large = house.ask(Ask { model: "m0", values: &[1.0; 101], timeout: None });
        let small = house.ask(Ask { model: "m1", values: &[2.0], timeout: None });
        assert_eq!(house.told(small).await, answer_to(&[2.0]));
        assert!(house.seat(large).ticket.get().is_some());
        gate.wait();
        house.assert_silence();
        gate.open();
        assert_eq!(house.told(large).await, answer_to(&[1.0; 101]));
    });
}

#[test]
fn what_is_beyond_the_budget_of_a_wakeup_is_queued() {
    // A microsecond an element, a hundred to spend, and at most forty rows in a batch.
    let mut recipe = Recipe::default();
    recipe.settings.batching.max = 40;
    with(&Scripted::honest(), recipe, |mut house| async move {
        let callers: Vec<usize> = (0..120u8).map(|row| house.ask_row(row.into())).collect();
        house.end_of_wakeup().await;
        let inline = callers.iter().filter(|caller| house.seat(**caller).ticket.get().is_none()).count();
        assert_eq!(inline, 80, "two batches of forty");
        for (row, caller) in (0..120u8).zip(callers) {
            assert_eq!(house.told(caller).await, answer_to(&[row.into()]));
        }
    });
}

#[test]
fn a_model_that_exceeds_the_budget_twice_running_leaves_the_reading_thread() {
    let clock = HandClock::new();
    let inside = std::sync::Arc::clone(&clock);
    let model = Scripted::new(move |seen| {
        inside.advance(1_000_000);
        // The thread's own time is what counts for the second run.
        let begun = thread_nanos();
        while thread_nanos() - begun < 200_000 {}
        Ok(seen.doubled())
    });
    in_house(&clock, vec![(model, Recipe::default())], |mut house| async move {
        let mut inline = Vec::new();
        for row in 0..4u8 {
            let caller = house.ask_row(row.into());
            assert_eq!(house.told(caller).await, answer_to(&[row.into()]));
            inline.push(house.seat(caller).ticket.get().is_none());
        }
        assert_eq!(inline, [true, true, false, false]);
    });
}

fn thread_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[test]
fn a_deadline_is_answered_at_once_while_the_run_goes_on() {
    let (gate, model) = Gate::and_model();
    with(&model.clone(), queued(), |mut house| async move {
        let short = house.ask(Ask { model: "m0", values: &[1.0], timeout: Some(1_000_000) });
        house.end_of_wakeup().await;
        gate.wait();
        let waiting = house.ask(Ask { model: "m0", values: &[2.0], timeout: Some(2_000_000) });
        house.end_of_wakeup().await;
        house.clock.advance(1_000_000);
        assert_eq!(house.told(short).await, Err(Reason::DeadlineExpired), "its run is at the gate");
        assert_eq!(house.queue_depth(0), 1);
        house.clock.advance(1_000_000);
        assert_eq!(house.told(waiting).await, Err(Reason::DeadlineExpired));
        assert_eq!(house.queue_depth(0), 0, "and its place is free");
        gate.open();
        gate.open();
        let later = house.ask_row(3.0);
        assert_eq!(house.told(later).await, answer_to(&[3.0]));
        house.assert_silence();
        assert_eq!(model.runs().len(), 2, "who waited too long never ran");
    });
}

#[test]
fn a_deadline_that_passed_before_the_wakeup_ended_costs_no_run() {
    let model = Scripted::honest();
    with(&model, Recipe::default(), |mut house| async move {
        let late = house.ask(Ask { model: "m0", values: &[1.0], timeout: Some(1_000) });
        let other = house.ask_row(2.0);
        house.clock.advance(1_000);
        assert_eq!(house.told(late).await, Err(Reason::DeadlineExpired));
        assert_eq!(house.told(other).await, answer_to(&[2.0]));
    });
    assert_eq!(model.runs().iter().map(|run| &run.values[..]).collect::<Vec<_>>(), [[2.0]]);
}

#[test]
fn a_cancelled_request_frees_its_place_in_the_queue_and_its_bytes() {
    let (gate, model) = Gate::and_model();
    with(&model.clone(), queued(), |mut house| async move {
        let first = house.ask_row(1.0);
        house.end_of_wakeup().await;
        gate.wait();
        let gone = house.ask_row(2.0);
        house.end_of_wakeup().await;
        assert_eq!((house.queue_depth(0), house.in_flight()), (1, 2));
        let ticket = house.seat(gone).ticket.get().expect("it waits");
        house.reactor.cancel(ticket);
        assert_eq!((house.queue_depth(0), house.in_flight()), (0, 1));
        house.reactor.cancel(ticket);
        assert_eq!(house.told(gone).await, Err(Reason::Cancelled));
        gate.open();
        assert_eq!(house.told(first).await, answer_to(&[1.0]));
        assert_eq!(model.runs().len(), 1);
    });
}

#[test]
fn a_caller_who_left_before_the_run_costs_none() {
    let model = Scripted::honest();
    with(&model, Recipe::default(), |mut house| async move {
        let gone = house.ask_row(1.0);
        house.seat(gone).is_gone.set(true);
        assert_eq!(house.told(gone).await, Err(Reason::Cancelled));
    });
    assert!(model.runs().is_empty());
}

#[test]
fn a_full_queue_sheds() {
    let (gate, model) = Gate::and_model();
    let mut recipe = queued();
    recipe.settings.queue.requests = 1;
    with(&model, recipe, |mut house| async move {
        let first = house.ask_row(1.0);
        house.end_of_wakeup().await;
        gate.wait();
        let (second, third) = (house.ask_row(2.0), house.ask_row(3.0));
        assert_eq!(house.told(third).await, Err(Reason::QueueFull));
        gate.open();
        gate.open();
        assert_eq!(house.told(first).await, answer_to(&[1.0]));
        assert_eq!(house.told(second).await, answer_to(&[2.0]));
    });
}

#[test]
fn a_defect_in_a_run_costs_the_requests_of_that_run() {
    let model = Scripted::new(|seen| {
        assert!(seen.values[0] > 0.0, "a defect, as this test wants it");
        Ok(seen.doubled())
    });
    with(&model, Recipe::default(), |mut house| async move {
        let bad = house.ask_row(0.0);
        assert_eq!(house.told(bad).await, Err(Reason::Internal));
        let good = house.ask_row(1.0);
        assert_eq!(house.told(good).await, answer_to(&[1.0]));
    });
}
