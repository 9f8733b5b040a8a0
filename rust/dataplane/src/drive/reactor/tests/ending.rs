//! The end: nobody waits for an answer that does not come.

use super::support::{answer_to, in_house};
use super::{queued, with};
use crate::drive::plane::Phase;
use crate::testing::clock::HandClock;
use crate::testing::model::{Gate, Scripted};
use tidegate_core::fault::Reason;

#[test]
fn at_the_end_of_the_drain_queued_requests_are_safe_to_send_again_and_begun_ones_are_not() {
    let (gate, model) = Gate::and_model();
    with(&model.clone(), queued(), |mut house| async move {
        let begun = house.ask_row(1.0);
        house.end_of_wakeup().await;
        gate.wait();
        let waiting = house.ask_row(2.0);
        house.end_of_wakeup().await;
        house.plane.phase.send_replace(Phase::Aborting);
        assert_eq!(house.told(waiting).await, Err(Reason::Draining));
        assert_eq!(house.told(begun).await, Err(Reason::DrainTimeout));
        assert_eq!((house.queue_depth(0), house.in_flight()), (0, 0));
        gate.open();
        assert_eq!(model.runs().len(), 1);
    });
}

#[test]
fn a_draining_gateway_still_answers() {
    let model = Scripted::honest();
    in_house(&HandClock::new(), vec![(model, queued())], |mut house| async move {
        house.plane.phase.send_replace(Phase::Draining);
        let caller = house.ask_row(1.0);
        assert_eq!(house.told(caller).await, answer_to(&[1.0]));
    });
}

#[test]
fn a_request_that_was_set_aside_when_the_drain_ended_is_answered_all_the_same() {
    let (gate, model) = Gate::and_model();
    with(&model, queued(), |mut house| async move {
        let begun = house.ask_row(1.0);
        house.end_of_wakeup().await;
        gate.wait();
        house.plane.phase.send_replace(Phase::Aborting);
        let late = house.ask_row(2.0);
        assert_eq!(house.told(begun).await, Err(Reason::DrainTimeout));
        // The only instance is busy until the gateway is over.
        assert_eq!(house.told(late).await, Err(Reason::Draining));
        gate.open();
    });
}
