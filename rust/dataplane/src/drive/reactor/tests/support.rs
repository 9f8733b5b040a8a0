//! A reactor on a thread of its own, with callers who write down what they are told.

use crate::drive::clock::Clock;
use crate::drive::inbox::Ticket;
use crate::drive::keys::Permit;
use crate::drive::message::{Encoding, Message};
use crate::drive::plane::{Held, Phase, Plane};
use crate::drive::reactor::{Caller, Envelope, Outcome, Reactor};
use crate::testing;
use crate::testing::clock::HandClock;
use crate::testing::model::{PATIENCE, Scripted, doubled};
use crate::testing::plane::{Recipe, version};
use crate::testing::request::{message, numbers};
use http::HeaderMap;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tidegate_core::fault::Reason;
use tidegate_core::plane::Nanos;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc;

/// What a caller learned: its numbers, or why there are none.
pub(super) type Told = Result<Vec<f32>, Reason>;

/// One front thread and the compute threads behind it.
pub(super) struct House {
    pub(super) plane: Arc<Plane>,
    pub(super) clock: Arc<HandClock>,
    pub(super) reactor: Rc<Reactor>,
    told: mpsc::UnboundedSender<(usize, Told)>,
    answers: mpsc::UnboundedReceiver<(usize, Told)>,
    seats: RefCell<Vec<Rc<Seat>>>,
    earlier: HashMap<usize, Told>,
}

/// What a test knows of a caller.
#[derive(Default)]
pub(super) struct Seat {
    pub(super) is_gone: Cell<bool>,
    /// The place in the queue, once it has one.
    pub(super) ticket: Cell<Option<Ticket>>,
    /// What the test does when the caller is told.
    pub(super) at_answer: RefCell<Option<Box<dyn Fn()>>>,
}

struct Guest {
    number: usize,
    seat: Rc<Seat>,
    told: mpsc::UnboundedSender<(usize, Told)>,
}

impl Caller for Guest {
    fn answer(self: Box<Self>, outcome: Outcome) {
        if let Some(act) = &*self.seat.at_answer.borrow() {
            act();
        }
        let told = outcome.result.map(|answer| numbers(&answer)).map_err(|fault| fault.reason);
        // The test may be over.
        drop(self.told.send((self.number, told)));
    }

    fn wait(self: Box<Self>, _: &Rc<Reactor>, ticket: Ticket) -> Box<dyn Caller> {
        self.seat.ticket.set(Some(ticket));
        self
    }

    fn is_gone(&self) -> bool {
        self.seat.is_gone.get()
    }
}

/// What a request is asked with.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) model: &'a str,
    pub(super) values: &'a [f32],
    pub(super) timeout: Option<Nanos>,
}

impl House {
    /// Takes a request of one column; the number of its caller.
    pub(super) fn ask(&self, ask: Ask<'_>) -> usize {
        let seat = Rc::new(Seat::default());
        self.seats.borrow_mut().push(Rc::clone(&seat));
        let number = self.seats.borrow().len() - 1;
        let arrived = self.clock.now();
        let message = Message::new(vec![message(ask.model, 1, ask.values)], Encoding::Identity, 1 << 20);
        let (metadata, peer) = (HeaderMap::new(), "127.0.0.1".into());
        let envelope = Envelope {
            metadata,
            permit: Permit::default(),
            peer,
            grpc_timeout: ask.timeout,
            arrived,
            wants_echo: false,
        };
        let guest = Guest { number, seat, told: self.told.clone() };
        self.reactor.take(message, envelope, Held::new(&self.plane), Box::new(guest));
        number
    }

    /// Takes a request of one row of the first model.
    pub(super) fn ask_row(&self, value: f32) -> usize {
        self.ask(Ask { model: "m0", values: &[value], timeout: None })
    }

    pub(super) fn seat(&self, number: usize) -> Rc<Seat> {
        Rc::clone(&self.seats.borrow()[number])
    }

    pub(super) fn asked(&self) -> usize {
        self.seats.borrow().len()
    }

    /// Waits until the caller is told something; a second answer to anybody is a failure.
    pub(super) async fn told(&mut self, number: usize) -> Told {
        while !self.earlier.contains_key(&number) {
            let next = tokio::time::timeout(PATIENCE, self.answers.recv()).await.expect("an answer in time");
            let (other, told) = next.expect("the house keeps a sender");
            assert!(self.earlier.insert(other, told).is_none(), "a second answer for {other}");
        }
        self.earlier[&number].clone()
    }

    /// Asserts that nobody has been told anything that the test did not wait for.
    pub(super) fn assert_silence(&mut self) {
        assert_eq!(self.answers.try_recv().ok(), None);
    }

    pub(super) fn queue_depth(&self, slot: usize) -> u32 {
        self.plane.compute.depth(self.plane.snapshot().versions[slot].queue).requests
    }

    /// Lets all that was taken in this wake-up be run or queued.
    pub(super) async fn end_of_wakeup(&self) {
        while !self.reactor.pending.borrow().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn in_flight(&self) -> i64 {
        self.plane.counters.gauges.in_flight_requests.load(Ordering::SeqCst)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what callers are told")]
pub(super) fn answer_to(values: &[f32]) -> Told {
    Ok(values.iter().map(|value| doubled(*value)).collect())
}

/// Runs a test in a house of models `m0`, `m1`, …, on its own clock.
pub(super) fn in_house<F: Future<Output = ()>>(
    clock: &Arc<HandClock>,
    models: Vec<(Scripted, Recipe)>,
    test: impl FnOnce(House) -> F,
) {
    let compute = testing::plane::compute(4);
    let made = models.into_iter().enumerate();
    let versions: Vec<_> =
        made.map(|(slot, (model, recipe))| version(&compute, &format!("m{slot}/1"), slot, model, recipe)).collect();
    let time: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let instances = versions.iter().map(|version| version.settings.instances).sum();
    compute.staff(instances, &time).expect("threads");
    let plane = testing::plane::plane(time, Arc::clone(&compute), versions);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build_local(LocalOptions::default());
    runtime.expect("a runtime").block_on(async {
        let reactor = Reactor::new(&plane, 0);
        let running = tokio::task::spawn_local(Rc::clone(&reactor).run());
        let (told, answers) = mpsc::unbounded_channel();
        let (seats, earlier) = (RefCell::default(), HashMap::new());
        let (ended, clock) = (Arc::clone(&plane), Arc::clone(clock));
        test(House { plane, clock, reactor, told, answers, seats, earlier }).await;
        ended.phase.send_replace(Phase::Over);
        running.await.expect("the reactor ends without a panic");
    });
    compute.end();
}
