//! Calls handed in at a desk: answered at once, or once the bell has rung.

use super::{Accompaniment, Answer, Called, Desk};
use crate::drive::clock::{Clock, SystemClock};
use crate::drive::compute::Compute;
use crate::drive::inbox::Ticket;
use crate::drive::plane::Phase;
use crate::testing::clock::HandClock;
use crate::testing::model::{Gate, PATIENCE, Scripted};
use crate::testing::plane::{Recipe, compute, plane, version};
use crate::testing::request::message;
use bytes::Bytes;
use prost::Message as _;
use std::sync::Arc;
use tidegate_core::fault::Code;
use tidegate_core::oip::messages::inference::{ModelInferResponse, ModelStreamInferResponse};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// A desk over one model `m`, and the thread that runs what is not run inline.
struct Office {
    desk: Desk,
    clock: Arc<HandClock>,
    compute: Arc<Compute>,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.compute.end();
    }
}

impl Office {
    fn new(model: &Scripted, inline_budget: u64) -> Self {
        let (compute, clock) = (compute(1), HandClock::new());
        let time: Arc<dyn Clock> = clock.clone();
        let version = version(&compute, "m/1", 0, model.clone(), Recipe { inline_budget, ..Recipe::default() });
        compute.staff(1, &time).expect("threads");
        let plane = plane(time, Arc::clone(&compute), vec![version]);
        Self { desk: Desk::new(&plane).expect("a file descriptor"), clock, compute }
    }

    fn infer(&mut self, value: f32, timeout: Option<u64>) -> Called {
        self.desk.call(INFER, message("m", 1, &[value]), with(timeout, &[]))
    }

    fn waits(&mut self, value: f32, timeout: Option<u64>) -> Ticket {
        match self.infer(value, timeout) {
            Called::Waits(ticket) => ticket,
            Called::Answered(answer) => panic!("it is not run inline: {}", answer.details),
        }
    }

    /// Attends until one has an answer, as an event loop does whenever the bell rings.
    fn attend(&mut self) -> Vec<(Ticket, Answer)> {
        let clock = SystemClock::new();
        loop {
            let answers = self.desk.attend();
            if !answers.is_empty() {
                return answers;
            }
            assert!(u128::from(clock.now()) < PATIENCE.as_nanos(), "no answer");
            std::thread::yield_now();
        }
    }
}

fn with(timeout: Option<u64>, metadata: &[(&str, &str)]) -> Accompaniment {
    let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    Accompaniment { metadata, peer: "127.0.0.1".into(), timeout }
}

fn answered(called: Called) -> Answer {
    match called {
        Called::Answered(answer) => answer,
        Called::Waits(_) => panic!("it is answered at once"),
    }
}

#[test]
fn what_is_cheap_is_answered_inside_the_call_and_says_who_answered() {
    let mut office = Office::new(&Scripted::honest(), 100_000);
    let answer = answered(office.infer(3.0, None));
    assert_eq!((answer.status, answer.trailing.len()), (0, 0));
    let said = ModelInferResponse::decode(answer.message).expect("an answer");
    assert_eq!((said.model_name.as_str(), said.outputs.len()), ("m", 2));
    let names: Vec<&str> = answer.initial.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"x-tidegate-version") && !names.contains(&"content-type"), "{names:?}");
    assert!(office.desk.attend().is_empty());
}

#[test]
fn what_is_queued_is_answered_when_the_desk_is_attended_and_each_by_its_own_ticket() {
    let mut office = Office::new(&Scripted::honest(), 0);
    let tickets = [1.0, 2.0].map(|value| office.waits(value, None));
    let mut answers = office.attend();
    while answers.len() < 2 {
        answers.extend(office.attend());
    }
    answers.sort_by_key(|(ticket, _)| *ticket);
    assert_eq!(answers.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), tickets);
    assert!(answers.iter().all(|(_, answer)| answer.status == 0));
}

#[test]
fn refusals_carry_their_details_as_bytes() {
    let mut office = Office::new(&Scripted::honest(), 0);
    let unknown = answered(office.desk.call(INFER, message("nobody", 1, &[1.0]), with(None, &[])));
    assert_eq!(unknown.status, Code::NotFound as u8);
    let details = unknown.trailing.iter().find(|(name, _)| name == "grpc-status-details-bin").expect("details");
    let status = tidegate_core::oip::messages::rpc::Status::decode(&details.1[..]).expect("a status");
    assert_eq!((status.message.as_str(), status.code), (unknown.details.as_str(), Code::NotFound as i32));
    for (path, code) in [
        ("/inference.GRPCInferenceService/Nothing", Code::Unimplemented),
        ("/some.Service/Call", Code::Unimplemented),
        ("/grpc.health.v1.Health/Check", Code::Ok),
    ] {
        assert_eq!(answered(office.desk.call(path, Bytes::new(), with(None, &[]))).status, code as u8, "{path}");
    }
    let large = answered(office.desk.call("/grpc.health.v1.Health/Check", vec![0; 1 << 20].into(), with(None, &[])));
    assert_eq!(large.status, Code::ResourceExhausted as u8);
}

#[test]
fn a_deadline_that_passes_and_a_caller_that_goes_free_their_places() {
    let (gate, model) = Gate::and_model();
    let mut office = Office::new(&model, 0);
    let running = office.waits(1.0, None);
    gate.wait();
    let late = office.waits(2.0, Some(1_000));
    let gone = office.waits(3.0, None);
    let queue = office.desk.plane().snapshot().versions[0].queue;
    assert_eq!(office.compute.depth(queue).requests, 2);
    assert_eq!(office.desk.next_deadline(), Some(1_000));
    office.desk.cancel(gone);
    assert_eq!(office.compute.depth(queue).requests, 1);
    office.clock.advance(1_000);
    assert_eq!(office.desk.next_deadline(), Some(0));
    let mut answers = office.desk.attend();
    answers.sort_by_key(|(ticket, _)| *ticket);
    let codes: Vec<_> = answers.iter().map(|(ticket, answer)| (*ticket, answer.status)).collect();
    assert_eq!(codes, [(late, Code::DeadlineExceeded as u8), (gone, Code::Cancelled as u8)]);
    assert_eq!(office.compute.depth(queue).requests, 0);
    gate.open();
    assert_eq!(office.attend()[0].0, running);
}

#[test]
fn in_a_stream_an_error_is_a_message_until_the_caller_or_the_time_says_otherwise() {
    let mut office = Office::new(&Scripted::honest(), 100_000);
    let bad = || message("nobody", 1, &[1.0]);
    let said = answered(office.desk.infer_streamed(bad(), with(None, &[])));
    let message = ModelStreamInferResponse::decode(said.message).expect("a message");
    assert!(said.status == 0 && message.error_message.starts_with("NOT_FOUND"), "{}", message.error_message);
    let ends = answered(office.desk.infer_streamed(bad(), with(None, &[("triton_grpc_error", "true")])));
    assert_eq!(ends.status, Code::NotFound as u8);
    let late = answered(office.desk.infer_streamed(bad(), with(Some(0), &[])));
    assert_eq!(late.status, Code::NotFound as u8, "the stream is over by then");
}

#[test]
fn at_the_end_of_the_gateway_what_waits_is_answered() {
    let (gate, model) = Gate::and_model();
    let mut office = Office::new(&model, 0);
    let begun = office.waits(1.0, None);
    gate.wait();
    let waiting = office.waits(2.0, None);
    office.desk.plane().phase.send_replace(Phase::Aborting);
    let mut answers = office.desk.attend();
    answers.sort_by_key(|(ticket, _)| *ticket);
    let codes: Vec<_> = answers.iter().map(|(ticket, answer)| (*ticket, answer.status)).collect();
    assert_eq!(codes, [(begun, Code::Aborted as u8), (waiting, Code::Unavailable as u8)]);
    assert_eq!(office.desk.end_of_streams().status, Code::Unavailable as u8);
    gate.open();
}
