mod seats;

use super::{Compute, Job, Origin};
use crate::drive::clock::Clock;
use crate::drive::snapshot::{Target, Version};
use crate::testing::clock::HandClock;
use crate::testing::model::{Gate, PATIENCE, Scripted};
use crate::testing::plane::{Recipe, alone, compute, version};
use crate::testing::request::{Mailbox, assert_own, reason, request};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use tidegate_core::document::VersionSettings;
use tidegate_core::fault::Reason;
use tidegate_core::plane::{LONG, Refusal, RequestKey};

/// Compute threads for scripted models, one name each.
struct Shop {
    compute: Arc<Compute>,
    clock: Arc<HandClock>,
    versions: Vec<Arc<Version>>,
    targets: Vec<Arc<Target>>,
    mail: Mailbox,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.compute.end();
    }
}

impl Shop {
    fn new(at_once: usize, models: Vec<(Scripted, Recipe)>) -> Self {
        let (compute, clock) = (compute(at_once), HandClock::new());
        let made = models.into_iter().enumerate();
        let versions: Vec<_> =
            made.map(|(slot, (model, recipe))| version(&compute, &format!("m{slot}/1"), slot, model, recipe)).collect();
        let targets = versions.iter().map(alone).collect();
        let time: Arc<dyn Clock> = clock.clone();
        let instances = versions.iter().map(|version| version.settings.instances).sum();
        compute.staff(instances, &time).expect("threads");
        Self { compute, clock, versions, targets, mail: Mailbox::new() }
    }

    /// One model on one thread.
    fn of(model: &Scripted) -> Self {
        Self::new(1, vec![(model.clone(), Recipe::default())])
    }

    fn job(&self, slot: usize, ticket: u64, columns: usize, values: &[f32]) -> Job {
        let request = request(&self.targets[slot], columns, values);
        Job { request, origin: Origin::Caller { inbox: Arc::clone(&self.mail.inbox), ticket } }
    }

    /// Queues one row for a version; its ticket is its number.
    fn submit(&self, slot: usize, ticket: u16) -> Result<RequestKey, Refusal> {
        let job = self.job(slot, ticket.into(), 1, &[f32::from(ticket)]);
        self.compute.submit(self.clock.now(), job).map_err(|(refusal, _)| refusal)
    }
}

fn ticket_of(job: &Job) -> u64 {
    match &job.origin {
        Origin::Caller { ticket, .. } => *ticket,
        Origin::Shadow(_) => panic!("these tests have no shadows"),
    }
}

fn settings(change: impl FnOnce(&mut VersionSettings)) -> Recipe {
    let mut recipe = Recipe::default();
    change(&mut recipe.settings);
    recipe
}

#[test]
fn what_waits_while_a_run_goes_on_runs_together_and_each_gets_its_own() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::of(&model);
    shop.submit(0, 1).expect("room");
    gate.wait();
    (2..=6).for_each(|ticket| assert!(shop.submit(0, ticket).is_ok()));
    assert_eq!(shop.compute.depth(shop.versions[0].queue).requests, 5);
    gate.open();
    assert_eq!(gate.wait().rows, Some(5));
    gate.open();
    for (ticket, reply) in shop.mail.take(6) {
        assert_own(&reply, &[f32::from(ticket as u16)]);
    }
}

#[test]
fn requests_of_different_shapes_do_not_share_a_run() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::of(&model);
    shop.submit(0, 1).expect("room");
    gate.wait();
    for (ticket, columns) in [(2, 1), (3, 2), (4, 1), (5, 2)] {
        let job = shop.job(0, ticket, columns, &[7.0, 8.0]);
        assert!(shop.compute.submit(0, job).is_ok());
    }
    (0..3).for_each(|_| gate.open());
    let replies = shop.mail.take(5);
    replies[1..].iter().for_each(|(_, reply)| assert_own(reply, &[7.0, 8.0]));
    let columns: Vec<_> = model.runs().iter().map(|run| (run.columns(), run.shapes.len())).collect();
    assert_eq!(columns, [(1, 1), (1, 2), (2, 2)]);
}

#[test]
fn a_cancelled_job_leaves_the_queue_and_never_runs_and_a_begun_one_stays() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::of(&model);
    let begun = shop.submit(0, 1).expect("room");
    gate.wait();
    let waiting = shop.submit(0, 2).expect("room");
    shop.submit(0, 3).expect("room");
    assert_eq!(shop.compute.cancel(waiting).as_ref().map(ticket_of), Some(2));
    assert!(shop.compute.cancel(waiting).is_none(), "it is gone");
    assert!(shop.compute.cancel(begun).is_none(), "it runs");
    assert_eq!(shop.compute.depth(shop.versions[0].queue).requests, 1);
    (0..2).for_each(|_| gate.open());
    let tickets: Vec<_> = shop.mail.take(2).into_iter().map(|(ticket, _)| ticket).collect();
    assert_eq!(tickets, [1, 3]);
    assert!(model.runs().iter().all(|run| !run.values.contains(&2.0)));
}

#[test]
fn a_job_whose_deadline_passed_in_the_queue_is_answered_so_and_never_runs() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::of(&model);
    shop.submit(0, 1).expect("room");
    gate.wait();
    for (ticket, deadline) in [(2, 1_000), (3, 1_001)] {
        let mut job = shop.job(0, ticket, 1, &[f32::from(ticket as u16)]);
        job.request.deadline = deadline;
        assert!(shop.compute.submit(0, job).is_ok());
    }
    shop.clock.advance(1_000);
    (0..2).for_each(|_| gate.open());
    let replies = shop.mail.take(3);
    assert_eq!(reason(&replies[1].1), Reason::DeadlineExpired);
    assert_own(&replies[2].1, &[3.0]);
    assert!(model.runs().iter().all(|run| !run.values.contains(&2.0)), "{:?}", model.runs());
}

#[test]
fn jobs_that_all_expired_are_answered_without_a_run() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::of(&model);
    shop.submit(0, 1).expect("room");
    gate.wait();
    for ticket in [2, 3] {
        let mut job = shop.job(0, ticket, 1, &[0.0]);
        job.request.deadline = 5;
        assert!(shop.compute.submit(0, job).is_ok());
    }
    shop.clock.advance(5);
    gate.open();
    let replies = shop.mail.take(3);
    assert!(replies[1..].iter().all(|(_, reply)| reason(reply) == Reason::DeadlineExpired));
    assert_eq!(model.runs().len(), 1);
}

#[test]
fn closing_a_version_returns_what_waits_and_refuses_what_comes() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::new(2, vec![(model, Recipe::default()), (Scripted::honest(), Recipe::default())]);
    shop.submit(0, 1).expect("room");
    gate.wait();
    (2..=4).for_each(|ticket| assert!(shop.submit(0, ticket).is_ok()));
    let waiting: Vec<_> = shop.compute.close(shop.versions[0].queue).iter().map(ticket_of).collect();
    assert_eq!(waiting, [2, 3, 4]);
    assert_eq!(shop.submit(0, 5), Err(Refusal::Closed));
    gate.open();
    assert_own(&shop.mail.next().1, &[1.0]);
    shop.submit(1, 6).expect("the other version is open");
    assert_own(&shop.mail.next().1, &[6.0]);
}

#[test]
fn a_full_queue_refuses_by_number_and_by_bytes_and_hands_the_job_back() {
    let (gate, model) = Gate::and_model();
    let few = settings(|settings| settings.queue.requests = 2);
    let small = Recipe { max_bytes: 400, ..Recipe::default() };
    let shop = Shop::new(2, vec![(model.clone(), few), (model, small)]);
    for slot in [0, 1] {
        shop.submit(slot, 1).expect("room");
        gate.wait();
    }
    (2..=3).for_each(|ticket| assert!(shop.submit(0, ticket).is_ok()));
    assert_eq!(shop.submit(0, 4), Err(Refusal::QueueFull));
    let large = shop.job(1, 5, 1, &[0.5; 100]);
    let (refusal, job) = shop.compute.submit(0, large).expect_err("it is larger than the queue");
    assert_eq!((refusal, ticket_of(&job)), (Refusal::QueueBytesFull, 5));
    (0..4).for_each(|_| gate.open());
}

#[test]
fn a_worker_that_panics_costs_its_own_batch_and_the_thread_goes_on() {
    let model = Scripted::new(|seen| {
        assert!(seen.values[0] > 0.0, "a defect, as this test wants it");
        Ok(seen.doubled())
    });
    let mut shop = Shop::of(&model);
    shop.submit(0, 0).expect("room");
    assert_eq!(reason(&shop.mail.next().1), Reason::Internal);
    shop.submit(0, 1).expect("room");
    assert_own(&shop.mail.next().1, &[1.0]);
}

#[test]
fn a_long_run_gives_its_place_away_so_that_another_version_runs_meanwhile() {
    let (slow, slow_model) = Gate::and_model();
    let mut shop = Shop::new(1, vec![(slow_model, Recipe::default()), (Scripted::honest(), Recipe::default())]);
    shop.submit(0, 1).expect("room");
    slow.wait();
    shop.submit(1, 2).expect("room");
    assert_eq!(shop.compute.depth(shop.versions[1].queue).requests, 1, "the only place is taken");
    shop.clock.advance(LONG);
    let (ticket, reply) = shop.mail.next();
    assert_eq!(ticket, 2, "while the slow one runs");
    assert_own(&reply, &[2.0]);
    slow.open();
    assert_eq!(shop.mail.next().0, 1);
}

#[test]
fn several_slow_versions_leave_a_thread_to_a_quick_one() {
    let (slow, model) = Gate::and_model();
    let slows = (0..3).map(|_| (model.clone(), settings(|settings| settings.instances = 2)));
    let models = slows.chain([(Scripted::honest(), Recipe::default())]).collect();
    let mut shop = Shop::new(1, models);
    for (ticket, slot) in (1..=6).zip([0, 0, 1, 1, 2, 2]) {
        shop.submit(slot, ticket).expect("room");
        slow.wait();
        shop.clock.advance(LONG);
    }
    shop.submit(3, 7).expect("room");
    assert_eq!(shop.mail.next().0, 7);
    (0..6).for_each(|_| slow.open());
    assert_eq!(shop.mail.take(6).len(), 6);
}

#[test]
fn never_more_runs_of_a_version_at_once_than_instances() {
    let (gate, model) = Gate::and_model();
    let two = settings(|settings| {
        settings.instances = 2;
        settings.batching.max = 1;
    });
    // Another version's instances bring threads that could run more.
    let more = settings(|settings| settings.instances = 4);
    let mut shop = Shop::new(8, vec![(model, two), (Scripted::honest(), more)]);
    (1..=4).for_each(|ticket| assert!(shop.submit(0, ticket).is_ok()));
    (0..2).for_each(|_| drop(gate.wait()));
    shop.submit(1, 9).expect("room");
    assert_eq!(shop.mail.next().0, 9, "a free thread looked at the queues");
    let depth = shop.compute.depth(shop.versions[0].queue);
    assert_eq!((depth.running, depth.requests), (2, 2));
    (0..4).for_each(|_| gate.open());
    assert_eq!(shop.mail.take(4).len(), 4);
}

#[test]
fn each_inbox_gets_its_own_replies_of_a_shared_run() {
    let (gate, model) = Gate::and_model();
    let mut shop = Shop::of(&model);
    let mut other = Mailbox::new();
    shop.submit(0, 1).expect("room");
    gate.wait();
    shop.submit(0, 2).expect("room");
    let mut job = shop.job(0, 2, 1, &[3.0]);
    job.origin = Origin::Caller { inbox: Arc::clone(&other.inbox), ticket: 2 };
    assert!(shop.compute.submit(0, job).is_ok());
    (0..2).for_each(|_| gate.open());
    assert_own(&shop.mail.take(2)[1].1, &[2.0]);
    assert_own(&other.next().1, &[3.0]);
    assert_eq!(model.runs().len(), 2);
}

#[test]
fn the_threads_go_home_when_it_is_over() {
    let (alive, gone) = channel::<()>();
    let model = Scripted::new(move |seen| {
        let _held_while_any_thread_lives = &alive;
        Ok(seen.doubled())
    });
    let mut shop = Shop::of(&model);
    shop.submit(0, 1).expect("room");
    shop.mail.next();
    drop((shop, model));
    assert_eq!(gone.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
}
