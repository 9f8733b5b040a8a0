//! Requests for a scripted model, and what their answers say.

use crate::drive::execute::Request;
use crate::drive::inbox::{Inbox, Post, Reply, Ticket};
use crate::drive::snapshot::Target;
use crate::observe::prediction_id::PredictionIds;
use crate::testing::model::{PATIENCE, doubled};
use crate::testing::plane::TIMEOUT;
use bytes::Bytes;
use prost::Message as _;
use std::sync::Arc;
use tidegate_core::fault::Reason as Cause;
use tidegate_core::oip::answer::FRAME_HEAD;
use tidegate_core::oip::messages::inference::model_infer_request::InferInputTensor;
use tidegate_core::oip::messages::inference::{ModelInferRequest, ModelInferResponse};
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::{Plan, validate};
use tidegate_core::oip::wire::Span;
use tidegate_core::routing::Reason;

/// A raw `ModelInferRequest` with `values` in rows of `columns` as its input `x`.
pub(crate) fn message(model: &str, columns: usize, values: &[f32]) -> Bytes {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let x = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![rows as i64, columns as i64],
        ..InferInputTensor::default()
    };
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    ModelInferRequest {
        model_name: model.to_owned(),
        inputs: vec![x],
        raw_input_contents: vec![raw.into()],
        ..ModelInferRequest::default()
    }
    .encode_to_vec()
    .into()
}

/// What validation makes of a message for the only arm of `target`.
pub(crate) fn plan(target: &Target, message: &[u8]) -> Plan {
    let mut head = Head::default();
    head.read(message).expect("prost writes well-formed messages");
    let version = &target.lead().version;
    validate(&head, message, version.signature(), version.is_batched()).expect("the request fits")
}

/// A request that is ready to run.
pub(crate) fn request(target: &Arc<Target>, columns: usize, values: &[f32]) -> Request {
    let message = message(&target.name, columns, values);
    let plan = plan(target, &message);
    Request {
        message,
        plan,
        arm: Arc::clone(target.lead()),
        id: Span::default(),
        reason: Reason::Model,
        epoch: 1,
        prediction_id: PredictionIds::new().next(0),
        credited: true,
        rules_broken: None,
        most_answer: usize::MAX,
        arrived: 0,
        happened_s: None,
        sub_cell: None,
        level: 0,
        deadline: TIMEOUT,
    }
}

/// The numbers of an answer, held against its own `label` output.
pub(crate) fn numbers(answer: &Bytes) -> Vec<f32> {
    let response = ModelInferResponse::decode(answer.slice(FRAME_HEAD..)).expect("the answer is a response");
    let [y, label] = &response.raw_output_contents[..] else { panic!("two outputs, raw as asked") };
    let numbers: Vec<f32> =
        y.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect();
    let written: Vec<u8> = numbers
        .iter()
        .flat_map(|number| {
            let text = number.to_string();
            [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
        })
        .collect();
    assert_eq!(written, label[..], "both outputs are of the same rows");
    for output in &response.outputs {
        assert_eq!(output.shape.iter().product::<i64>() as usize, numbers.len());
    }
    numbers
}

/// Asserts that a reply is what an honest model says of `values`.
#[track_caller]
pub(crate) fn assert_own(reply: &Reply, values: &[f32]) {
    let answer = reply.result.as_ref().expect("an answer");
    assert_eq!(numbers(answer), values.iter().map(|value| doubled(*value)).collect::<Vec<_>>());
}

/// The reason of a reply that is no answer.
#[track_caller]
pub(crate) fn reason(reply: &Reply) -> Cause {
    reply.result.as_ref().expect_err("no answer").reason
}

/// Where compute threads leave replies.
pub(crate) struct Mailbox {
    pub(crate) inbox: Arc<Inbox>,
    waiter: tokio::runtime::Runtime,
    post: Post,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        let waiter = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { inbox: Arc::default(), waiter, post: Post::default() }
    }

    /// The next reply, whoever's it is.
    pub(crate) fn next(&mut self) -> (Ticket, Reply) {
        while self.post.replies.is_empty() {
            let arrived = async { tokio::time::timeout(PATIENCE, self.inbox.arrived.notified()).await };
            self.waiter.block_on(arrived).expect("a reply");
            self.inbox.take(&mut self.post);
        }
        self.post.replies.remove(0)
    }

    /// The next `count` replies, by ticket.
    pub(crate) fn take(&mut self, count: usize) -> Vec<(Ticket, Reply)> {
        let mut replies: Vec<_> = (0..count).map(|_| self.next()).collect();
        replies.sort_by_key(|(ticket, _)| *ticket);
        replies
    }
}
