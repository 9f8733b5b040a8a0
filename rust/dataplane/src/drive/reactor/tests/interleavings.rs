//! Whatever comes between: every request is answered exactly once, and nothing stays behind.

use super::support::{Ask, House, answer_to, in_house};
use crate::drive::plane::Phase;
use crate::testing::clock::HandClock;
use crate::testing::model::Scripted;
use crate::testing::plane::Recipe;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use tidegate_core::fault::Reason;

/// What may happen to a gateway.
#[derive(Clone, Debug)]
enum Event {
    /// A request for a model, with so many rows and so much time; some rows are bad.
    Ask {
        model: usize,
        rows: usize,
        timeout: Option<u64>,
        kind: Kind,
    },
    /// A caller gives up.
    Leave(prop::sample::Index),
    Advance(u64),
    Yield,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Good,
    Bad,
    Defect,
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![8 => Just(Kind::Good), 1 => Just(Kind::Bad), 1 => Just(Kind::Defect)];
    let timeout = prop_oneof![3 => Just(None), 1 => (1u64..300_000).prop_map(Some)];
    prop_oneof![
        8 => (0usize..4, 0usize..140, timeout, kind)
            .prop_map(|(model, rows, timeout, kind)| Event::Ask { model, rows, timeout, kind }),
        2 => any::<prop::sample::Index>().prop_map(Event::Leave),
        2 => (0u64..200_000).prop_map(Event::Advance),
        3 => Just(Event::Yield),
    ]
}

/// Fails on a negative number, panics on a NaN, and takes a microsecond an element.
fn model(clock: &Arc<HandClock>) -> Scripted {
    let clock = Arc::clone(clock);
    Scripted::new(move |seen| {
        clock.advance(seen.values.len() as u64 * 1_000);
        assert!(!seen.values.iter().any(|value| value.is_nan()), "a defect, as this test wants it");
        if seen.values.iter().any(|value| *value < 0.0) { Err("bad".to_owned()) } else { Ok(seen.doubled()) }
    })
}

/// One model runs inline, one is always queued, one is unbatched, and the fourth nobody knows.
fn models(clock: &Arc<HandClock>) -> Vec<(Scripted, Recipe)> {
    let mut shedding = Recipe { inline_budget: 0, ..Recipe::default() };
    shedding.settings.queue.requests = 4;
    let single = Recipe { unbatched: Some("the test says so".to_owned()), ..Recipe::default() };
    [Recipe::default(), shedding, single].map(|recipe| (model(clock), recipe)).into()
}

async fn happen(house: &House, event: &Event, asked: &mut HashMap<usize, (Vec<f32>, Kind)>) {
    match event {
        Event::Ask { model, rows, timeout, kind } => {
            let first = house.asked() as f32 * 256.0 + 1.0;
            let mut values: Vec<f32> = (0..*rows).map(|row| first + row as f32).collect();
            let odd = match kind {
                Kind::Good => None,
                Kind::Bad => Some(-1.0),
                Kind::Defect => Some(f32::NAN),
            };
            values.last_mut().into_iter().zip(odd).for_each(|(last, odd)| *last = odd);
            let name = format!("m{model}");
            let number = house.ask(Ask { model: &name, values: &values, timeout: *timeout });
            asked.insert(number, (values, *kind));
        }
        Event::Leave(index) if house.asked() > 0 => {
            let seat = house.seat(index.index(house.asked()));
            match seat.ticket.get() {
                Some(ticket) => house.reactor.cancel(ticket),
                None => seat.is_gone.set(true),
            }
        }
        Event::Leave(_) => {}
        Event::Advance(by) => house.clock.advance(*by),
        Event::Yield => tokio::task::yield_now().await,
    }
}

async fn live(mut house: House, events: Vec<Event>, aborts: bool) {
    let mut asked = HashMap::new();
    for event in &events {
        happen(&house, event, &mut asked).await;
    }
    if aborts {
        house.plane.phase.send_replace(Phase::Aborting);
    }
    for (number, (values, kind)) in asked {
        match house.told(number).await {
            Ok(answer) => assert_eq!((Ok(answer), kind == Kind::Good || values.is_empty()), (answer_to(&values), true)),
            Err(Reason::ModelFailed) => assert_eq!(kind, Kind::Bad),
            Err(Reason::Draining | Reason::DrainTimeout) => assert!(aborts),
            // A defect takes those who share its run along; the others have to do with the caller or the queue.
            Err(reason) => assert!(
                [Reason::Internal, Reason::DeadlineExpired, Reason::Cancelled, Reason::QueueFull, Reason::UnknownModel]
                    .contains(&reason),
                "{reason:?}"
            ),
        }
    }
    house.assert_silence();
    assert_eq!(house.in_flight(), 0);
    assert!(house.reactor.queued.borrow().is_empty());
    assert_eq!((0..3).map(|slot| house.queue_depth(slot)).sum::<u32>(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_request_is_answered_exactly_once(
        events in prop::collection::vec(event(), 1..80),
        aborts in any::<bool>(),
    ) {
        let clock = HandClock::new();
        in_house(&clock, models(&clock), |house| live(house, events, aborts));
    }
}
