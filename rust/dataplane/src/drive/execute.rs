//! One batch from its requests to their answers, on whichever thread runs it.

use super::clock::Clock;
use super::inbox::{Phases, Reply};
use super::snapshot::{Arm, Version};
use crate::observe::drift::{Asked, Hand};
use crate::observe::prediction_id::PredictionId;
use crate::runtime::{Batch, Outputs, Part, Worker, rows_of};
use bytes::{Bytes, BytesMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason as Cause};
use tidegate_core::oip::answer::{self, Credit, Elements, FRAME_HEAD, Output, Said};
use tidegate_core::oip::validate::Plan;
use tidegate_core::oip::wire::Span;
use tidegate_core::plane::Nanos;
use tidegate_core::routing::Reason;

/// A request that has passed every check and waits to run.
pub struct Request {
    pub message: Bytes,
    pub plan: Plan,
    pub arm: Arc<Arm>,
    /// The caller's own id, in the message.
    pub id: Span,
    pub reason: Reason,
    /// The snapshot that chose the arm.
    pub epoch: u64,
    pub prediction_id: PredictionId,
    /// Whether the answer's parameters say who answered.
    pub credited: bool,
    /// The rules of its profile that it breaks, if the gate flags them.
    pub rules_broken: Option<Box<str>>,
    /// Most bytes of the answer (`limits.message_mib`).
    pub most_answer: usize,
    pub arrived: Nanos,
    /// When what it asks about happened, in Unix seconds, if its monitor has it say so; else it is its run.
    pub happened_s: Option<u64>,
    /// The sub-cell of its caller, where versions are compared.
    pub sub_cell: Option<u8>,
    /// How urgent it is: 0 goes first.
    pub level: u8,
    pub deadline: Nanos,
}

impl Request {
    pub fn version(&self) -> &Arc<Version> {
        &self.arm.version
    }

    /// Counts what it asks, where somebody watches; it has run at `unix_ms`.
    fn observe<'a>(&'a self, hand: &mut Hand<'a>, unix_ms: u64) {
        let Some(counting) = self.arm.counting() else { return };
        let Self { reason, sub_cell, plan, message, .. } = self;
        let at_s = self.happened_s.unwrap_or(unix_ms / 1_000);
        hand.inputs(counting, &Asked { reason: *reason, sub_cell: *sub_cell, at_s, plan, message });
    }

    /// Counts what it asks though it will not run: whoever was let in has asked. To be called before it is answered.
    pub fn observe_unrun(&self, clock: &dyn Clock) {
        if self.arm.counting().is_some() {
            self.observe(&mut Hand::default(), clock.unix_ms());
        }
    }

    /// Bytes that it holds while it waits.
    pub fn bytes(&self) -> u64 {
        (self.message.len() + self.plan.own_bytes()) as u64
    }
}

/// Runs `requests`, all of `version`, and gives each its reply by index.
pub fn execute<R: AsRef<Request>>(
    version: &Version,
    worker: &mut dyn Worker,
    requests: &[R],
    out: &mut BytesMut,
    clock: &dyn Clock,
    reply: &mut dyn FnMut(usize, Reply),
) {
    // The shape key is a hash; two shapes that share one still do not share a batch.
    let first = requests[0].as_ref();
    if requests.iter().any(|request| !request.as_ref().plan.same_shape(&first.plan)) && version.is_batched() {
        for (index, request) in requests.iter().enumerate() {
            run(version, worker, std::slice::from_ref(request), out, clock, &mut |_, answer| reply(index, answer));
        }
        return;
    }
    run(version, worker, requests, out, clock, reply);
}

fn run<R: AsRef<Request>>(
    version: &Version,
    worker: &mut dyn Worker,
    requests: &[R],
    out: &mut BytesMut,
    clock: &dyn Clock,
    reply: &mut dyn FnMut(usize, Reply),
) {
    let attempt = catch_unwind(AssertUnwindSafe(|| attempt(version, worker, requests, out, clock, reply)));
    let fault = match attempt {
        Ok(Ok(())) => return,
        Ok(Err(_)) if version.seats.is_terminated() => drain_timeout(version.id.as_str()),
        Ok(Err(message)) if requests.len() == 1 => {
            Fault::new(Cause::ModelFailed, format!("{} failed while running: {}", version.id.as_str(), clip(&message)))
        }
        // One bad row fails its own request only.
        Ok(Err(_)) => {
            for (index, request) in requests.iter().enumerate() {
                run(version, worker, std::slice::from_ref(request), out, clock, &mut |_, answer| reply(index, answer));
            }
            return;
        }
        Err(_) => Fault::new(Cause::Internal, "the gateway failed while running the model; its log has the panic"),
    };
    let (mut hand, unix_ms) = (Hand::default(), clock.unix_ms());
    // What a model fails on is part of what it is asked.
    for request in requests {
        request.as_ref().observe(&mut hand, unix_ms);
    }
    // Nobody is answered before what it asked can be found: see `attempt`.
    drop(hand);
    for index in 0..requests.len() {
        reply(index, Reply::fault(fault.clone()));
    }
}

fn attempt<R: AsRef<Request>>(
    version: &Version,
    worker: &mut dyn Worker,
    requests: &[R],
    out: &mut BytesMut,
    clock: &dyn Clock,
    reply: &mut dyn FnMut(usize, Reply),
) -> Result<(), String> {
    let begun = clock.now();
    let rows: u32 = requests.iter().map(|request| request.as_ref().plan.rows).sum();
    let parts: Vec<Part<'_>> = requests
        .iter()
        .map(|request| {
            let request = request.as_ref();
            Part { plan: &request.plan, message: &request.message }
        })
        .collect();
    worker.prepare(Batch { parts: &parts, rows: version.is_batched().then_some(rows) })?;
    let prepared = clock.now();
    let outputs = worker.run()?;
    let ran = clock.now();
    if version.is_batched() {
        check_rows(version, outputs, rows)?;
    }
    let elements = requests.iter().map(|request| request.as_ref().plan.elements).sum();
    version.cost.observe(elements, ran - begun);
    let mut first = 0;
    let mut phases = Phases { queue: 0, input: prepared - begun, infer: ran - prepared, output: 0 };
    let (mut hand, unix_ms) = (Hand::default(), clock.unix_ms());
    let mut results = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let request = request.as_ref();
        let result = write(version, request, outputs, rows, first, out);
        request.observe(&mut hand, unix_ms);
        // Whose deadline has passed is answered that it has.
        if result.is_ok() && ran < request.deadline {
            hand.outputs(|index| own_rows(version, request, outputs.elements(index), rows, first));
        }
        first += request.plan.rows;
        phases.output = if index == 0 { clock.now() - ran } else { phases.output };
        results.push(result);
    }
    // Whoever is answered may ask of a later time at once, and that closes windows: its rows are given back before.
    drop(hand);
    for (index, (request, result)) in requests.iter().zip(results).enumerate() {
        phases.queue = begun.saturating_sub(request.as_ref().arrived);
        reply(index, Reply { result, phases });
    }
    version.recorded.offer(&requests[0].as_ref().message, unix_ms);
    version.batches.record(u64::from(if version.is_batched() { rows } else { 1 }), requests.len() as u64, &phases);
    Ok(())
}

fn check_rows(version: &Version, outputs: &dyn Outputs, rows: u32) -> Result<(), String> {
    for (index, spec) in version.signature().outputs.iter().enumerate() {
        if outputs.dims(index).first() != Some(&i64::from(rows)) {
            let dims = outputs.dims(index);
            return Err(format!("output \"{}\" has shape {dims:?} for a batch of {rows} rows", spec.name));
        }
    }
    Ok(())
}

fn write(
    version: &Version,
    request: &Request,
    outputs: &dyn Outputs,
    rows: u32,
    first: u32,
    out: &mut BytesMut,
) -> Result<Bytes, Fault> {
    let plan = &request.plan;
    // Batched outputs are the batch's with the request's own first axis.
    let shapes: Vec<Vec<i64>> = plan
        .outputs
        .iter()
        .map(|&index| {
            let mut dims = outputs.dims(index as usize).to_vec();
            if version.is_batched() {
                dims[0] = i64::from(plan.rows);
            }
            dims
        })
        .collect();
    let answered: Vec<Output<'_>> = plan
        .outputs
        .iter()
        .zip(&shapes)
        .map(|(&index, dims)| {
            let elements = own_rows(version, request, outputs.elements(index as usize), rows, first);
            Output { index, dims, elements }
        })
        .collect();
    let prediction_id = request.prediction_id;
    let reason = request.arm.reason(request.reason);
    let credit = Credit { epoch: request.epoch, reason, prediction_id: prediction_id.as_str() };
    let stamp = &request.arm.stamp;
    let id = request.id.of(&request.message);
    let said = Said { credit: request.credited.then_some(credit), rules_broken: request.rules_broken.as_deref() };
    answer::write(out, stamp, id, said, plan.raw_answer, &answered)
        .map_err(|error| answer_too_large(error.size, request.most_answer))?;
    let frame = out.split().freeze();
    let size = frame.len() - FRAME_HEAD;
    if size > request.most_answer { Err(answer_too_large(size, request.most_answer)) } else { Ok(frame) }
}

/// A request's part of an output: of a batch, its rows.
fn own_rows<'e>(version: &Version, request: &Request, elements: Elements<'e>, rows: u32, first: u32) -> Elements<'e> {
    if version.is_batched() {
        rows_of(elements, rows as usize, first as usize, request.plan.rows as usize)
    } else {
        elements
    }
}

/// The fault of a request that had begun when the drain timeout of its version was over.
pub fn drain_timeout(version: &str) -> Fault {
    Fault::new(
        Cause::DrainTimeout,
        format!("{version} was taken out of service before its run ended (drain_timeout_ms)"),
    )
}

fn answer_too_large(size: usize, most: usize) -> Fault {
    let text = format!(
        "the answer has {size} bytes; at most {most} bytes are sent (limits.message_mib); ask for fewer rows or outputs"
    );
    Fault::new(Cause::AnswerTooLarge, text)
}

/// What the runtime says, short enough for a header.
fn clip(message: &str) -> String {
    const SHOWN: usize = 400;
    let line = message.split('\n').next().unwrap_or_default();
    line.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
