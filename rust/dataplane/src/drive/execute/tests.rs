use super::{Request, execute};
use crate::drive::inbox::Reply;
use crate::drive::snapshot::{Target, Version};
use crate::observe::counters::Counters;
use crate::runtime::Model as _;
use crate::testing::clock::HandClock;
use crate::testing::model::{Made, Scripted};
use crate::testing::plane::{Recipe, alone, compute, counted, target, version, watch};
use crate::testing::request::{assert_own, numbers, reason, request};
use bytes::BytesMut;
use proptest::prelude::*;
use std::sync::Arc;
use tidegate_core::fault::Reason;
use tidegate_core::plane::Nanos;

struct Own(Request);

impl AsRef<Request> for Own {
    fn as_ref(&self) -> &Request {
        &self.0
    }
}

fn served(model: &Scripted, recipe: Recipe) -> (Arc<Version>, Arc<Target>) {
    let version = version(&compute(1), "m/1", 0, model.clone(), recipe);
    let target = alone(&version);
    (version, target)
}

/// Runs the requests as one batch; every one of them must get exactly one reply.
fn reply_to(version: &Version, model: &Scripted, requests: Vec<Request>, clock: &HandClock) -> Vec<Reply> {
    let requests: Vec<Own> = requests.into_iter().map(Own).collect();
    let mut replies: Vec<Vec<Reply>> = requests.iter().map(|_| Vec::new()).collect();
    let mut worker = model.worker();
    execute(version, worker.as_mut(), &requests, &mut BytesMut::new(), clock, &mut |index, reply| {
        replies[index].push(reply);
    });
    let replies = replies.into_iter().map(|mut own| {
        assert_eq!(own.len(), 1, "one reply a request");
        own.remove(0)
    });
    replies.collect()
}

fn run(model: &Scripted, requests: impl FnOnce(&Arc<Target>) -> Vec<Request>) -> Vec<Reply> {
    let (version, target) = served(model, Recipe::default());
    reply_to(&version, model, requests(&target), &HandClock::new())
}

/// A row with a negative number makes the run fail.
fn choosy() -> Scripted {
    Scripted::new(|seen| {
        let bad = seen.values.iter().any(|value| *value < 0.0);
        if bad { Err("a number below zero\nand more that nobody wants to read".to_owned()) } else { Ok(seen.doubled()) }
    })
}

/// Each run takes eight milliseconds.
fn slow(clock: &Arc<HandClock>) -> Scripted {
    let inside = Arc::clone(clock);
    Scripted::new(move |seen| {
        inside.advance(8_000_000);
        Ok(seen.doubled())
    })
}

/// Requests of different rows: no two numbers are the same.
fn numbered(rows: &[usize], columns: usize) -> Vec<Vec<f32>> {
    let mut next = 0u16;
    let mut own = |rows: &usize| {
        let values = (next..).take(rows * columns).map(f32::from).collect::<Vec<_>>();
        next += values.len() as u16;
        values
    };
    rows.iter().map(&mut own).collect()
}

proptest! {
    #[test]
    fn each_caller_gets_exactly_its_own_rows_in_batches_of_any_partition(
        rows in prop::collection::vec(0usize..5, 1..24),
        cuts in prop::collection::vec(1usize..6, 24),
        columns in 1usize..4,
    ) {
        let model = Scripted::honest();
        let (version, target) = served(&model, Recipe::default());
        let values = numbered(&rows, columns);
        let mut rest = &values[..];
        for cut in cuts {
            let (batch, after) = rest.split_at(cut.min(rest.len()));
            rest = after;
            if batch.is_empty() {
                break;
            }
            let requests = batch.iter().map(|own| request(&target, columns, own)).collect();
            let replies = reply_to(&version, &model, requests, &HandClock::new());
            for (reply, own) in replies.iter().zip(batch) {
                assert_own(reply, own);
            }
        }
    }

    #[test]
    fn a_bad_row_fails_its_own_request_only(bad in prop::collection::vec(any::<bool>(), 1..12)) {
        let model = choosy();
        let (version, target) = served(&model, Recipe::default());
        let values: Vec<Vec<f32>> = bad.iter().zip(1u8..).map(|(bad, number)| {
            let number = f32::from(number);
            vec![number, if *bad { -number } else { number }]
        }).collect();
        let requests = values.iter().map(|own| request(&target, 1, own)).collect();
        let replies = reply_to(&version, &model, requests, &HandClock::new());
        for ((reply, own), bad) in replies.iter().zip(&values).zip(&bad) {
            if *bad { prop_assert_eq!(reason(reply), Reason::ModelFailed) } else { assert_own(reply, own) }
        }
        let reruns = if bad.len() > 1 && bad.contains(&true) { bad.len() } else { 0 };
        prop_assert_eq!(model.runs().len(), 1 + reruns);
    }
}

#[test]
fn a_failed_run_says_the_version_and_the_first_line_of_what_the_runtime_said() {
    let replies = run(&choosy(), |target| vec![request(target, 1, &[-1.0])]);
    let fault = replies[0].result.as_ref().expect_err("the run failed");
    assert_eq!(fault.message, "m/1 failed while running: a number below zero");
}

#[test]
fn outputs_without_one_row_for_each_row_of_the_inputs_fail_the_request() {
    for dims in [vec![], vec![1, 2], vec![3, 2], vec![0, 2], vec![4]] {
        let values = vec![0.5; dims.iter().product::<i64>() as usize];
        let model = Scripted::new(move |_| Ok(Made { values: values.clone(), dims: dims.clone() }));
        let replies = run(&model, |target| vec![request(target, 1, &[1.0, 2.0])]);
        assert_eq!(reason(&replies[0]), Reason::ModelFailed);
        let fault = replies[0].result.as_ref().expect_err("the rows are not the request's");
        assert!(fault.message.contains("for a batch of 2 rows"), "{}", fault.message);
    }
}

#[test]
fn an_unbatched_version_may_answer_in_any_shape() {
    let model = Scripted::new(|seen| Ok(Made { dims: vec![3, 1], values: vec![seen.values[0]; 3] }));
    let recipe = Recipe { unbatched: Some("the test says so".to_owned()), ..Recipe::default() };
    let (version, target) = served(&model, recipe);
    let replies = reply_to(&version, &model, vec![request(&target, 2, &[7.0, 8.0])], &HandClock::new());
    assert_eq!(numbers(replies[0].result.as_ref().expect("an answer")), [7.0; 3]);
    assert_eq!(model.runs()[0].rows, None);
}

#[test]
fn a_worker_that_panics_is_an_internal_error_of_the_whole_batch() {
    let model = Scripted::new(|_| panic!("a defect, as this test wants it"));
    let replies = run(&model, |target| vec![request(target, 1, &[1.0]), request(target, 1, &[2.0])]);
    assert!(replies.iter().all(|reply| reason(reply) == Reason::Internal), "{replies:?}");
    assert_eq!(model.runs().len(), 1, "it is not tried again");
}

#[test]
fn shapes_whose_keys_collide_do_not_share_a_run() {
    let model = Scripted::honest();
    let (narrow, wide) = ([1.0, 2.0], [3.0, 4.0, 5.0]);
    let replies = run(&model, |target| {
        let mut requests = vec![request(target, 2, &narrow), request(target, 3, &wide), request(target, 2, &narrow)];
        for request in &mut requests {
            request.plan.shape = 42;
        }
        requests
    });
    for (reply, own) in replies.iter().zip([&narrow[..], &wide, &narrow]) {
        assert_own(reply, own);
    }
    assert!(model.runs().iter().all(|run| run.shapes.len() == 1), "{:?}", model.runs());
}

#[test]
fn requests_of_one_shape_run_as_one() {
    let model = Scripted::honest();
    run(&model, |target| (0..4u8).map(|row| request(target, 1, &[f32::from(row)])).collect());
    assert_eq!(model.runs().len(), 1);
    assert_eq!(model.runs()[0].rows, Some(4));
}

#[test]
fn phases_and_batch_sizes_are_counted_and_the_prediction_learns() {
    let clock = HandClock::new();
    let model = slow(&clock);
    let (version, target) = served(&model, Recipe::default());
    clock.advance(500);
    let before = version.cost.predict(4);
    let requests = (0..4u8).map(|row| request(&target, 1, &[f32::from(row)])).collect();
    let replies = reply_to(&version, &model, requests, &clock);
    assert!(replies.iter().all(|reply| reply.phases.queue == 500 && reply.phases.infer == 8_000_000));
    assert!(version.cost.predict(4) > before);
    let totals = version.batches.totals();
    assert_eq!(totals.iter().map(|total| total.rows).collect::<Vec<_>>(), [4]);
}

/// Rows of inputs and of outputs that could be collected when each reply came.
fn counted_at_replies(model: &Scripted, clock: &HandClock, asked: &[(&[f32], Nanos)]) -> Vec<(u64, u64)> {
    let (version, _) = served(model, Recipe::default());
    let mut target = target("m", None, &[&version], 0, &Counters::new(1));
    let observer = watch(&mut target);
    let target = Arc::new(target);
    let own =
        |(values, deadline): &(&[f32], Nanos)| Own(Request { deadline: *deadline, ..request(&target, 1, values) });
    let requests: Vec<Own> = asked.iter().map(own).collect();
    let mut found = Vec::new();
    let mut worker = model.worker();
    execute(&version, worker.as_mut(), &requests, &mut BytesMut::new(), clock, &mut |_, _| {
        found.push(counted(&observer));
    });
    found
}

#[test]
fn nobody_is_answered_before_what_it_asked_can_be_found() {
    let (clock, never) = (HandClock::new(), Nanos::MAX);
    let honest = counted_at_replies(&Scripted::honest(), &clock, &[(&[1.0, 2.0], never), (&[3.0], never)]);
    assert_eq!(honest, [(3, 3), (0, 0)]);
    assert_eq!(counted_at_replies(&choosy(), &clock, &[(&[-1.0, 2.0], never)]), [(2, 0)]);
}

#[test]
fn what_a_run_gives_after_the_deadline_of_its_caller_is_no_answer_and_not_counted() {
    let clock = HandClock::new();
    let asked: [(&[f32], Nanos); 2] = [(&[1.0, 2.0], 5_000_000), (&[3.0], 9_000_000)];
    assert_eq!(counted_at_replies(&slow(&clock), &clock, &asked), [(3, 1), (0, 0)]);
}
