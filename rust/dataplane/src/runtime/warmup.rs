//! Before a version serves: run it, learn what it costs, and prove that its rows do not see each other.
//!
//! The form of a model cannot tell whether rows are independent (`x − mean(x, axis 0)` looks like any other), so several
//! different rows run alone, together and permuted; only if each row's answer stays the same is the version batched.

mod samples;

use samples::{Sample, sample};

use super::{Batch, Model, Outputs, Part, Worker, rows_of};
use crate::drive::clock::Clock;
use bytes::Bytes;
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::datatype::{Datatype, widen_brain, widen_half};
use tidegate_core::oip::request::Head;
use tidegate_core::oip::signature::Signature;
use tidegate_core::oip::validate::validate;

/// Rows that are compared alone and together.
const ROWS: usize = 6;
/// How far a number may move, relative to the largest of its row.
const TOLERANCE: f64 = 1e-5;
/// Runs of each size when the cost is measured; the fastest counts, for noise only ever adds.
const REPEATS: usize = 3;
/// No single measurement goes on for longer: a slow model need not be slow to start.
const LONGEST_NS: u64 = 200_000_000;

/// What the warm-up found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Why requests run one by one; `None` if they are batched.
    pub unbatched: Option<String>,
    /// (elements, nanoseconds) of runs of several sizes.
    pub costs: Vec<(u64, u64)>,
}

/// Warms up a model that may be batched up to `max_rows`; `forced` is `batching: on|off`, which wins over what is found.
/// `recorded` are requests that other versions answered under the same name, each with the version that did.
///
/// # Errors
/// The model fails on every one of the recorded requests that it takes.
pub fn warm_up(
    model: &dyn Model,
    max_rows: u32,
    forced: Option<bool>,
    recorded: &[(String, Bytes)],
    clock: &dyn Clock,
) -> Result<Findings, String> {
    let signature = model.signature();
    let mut worker = model.worker();
    let verdict = match forced {
        Some(false) => Err("batching is switched off by hand".to_owned()),
        Some(true) => signature.eligible_for_batching(),
        None => signature.eligible_for_batching().and_then(|()| prove(signature, worker.as_mut())),
    };
    let batched = verdict.is_ok();
    let mut costs = Vec::new();
    let sizes = if batched { [1, 2, 4, 8, 16, 32, 64, 128].as_slice() } else { &[1, 2, 4] };
    for &size in sizes.iter().filter(|&&size| !batched || size <= max_rows.max(1)) {
        // An unbatched model is tried with longer axes, if it has any.
        let Some(point) = measure(signature, worker.as_mut(), batched, size, clock) else { break };
        if costs.last().is_none_or(|&(elements, _)| elements < point.0) {
            costs.push(point);
        }
        if point.1 > LONGEST_NS {
            break;
        }
    }
    // A slow model need not be slow to start.
    if costs.iter().all(|(_, nanos)| *nanos <= LONGEST_NS) {
        shrink(model, worker.as_mut(), batched);
    }
    replay(signature, worker.as_mut(), batched, recorded)?;
    Ok(Findings { unbatched: verdict.err(), costs })
}

/// Runs generated inputs of so many rows again and again, at most `most` times and for `longest_ns`; how often it was.
///
/// # Errors
/// No inputs fit the signature, or the model fails with them.
pub fn rehearse(
    model: &dyn Model,
    rows: Option<u32>,
    most: usize,
    longest_ns: u64,
    clock: &dyn Clock,
) -> Result<usize, String> {
    let sample = sample(model.signature(), rows.is_some(), i64::from(rows.unwrap_or(1)), 1)
        .ok_or("no inputs could be generated for its shapes")?;
    let (mut worker, start) = (model.worker(), clock.now());
    for done in 1..=most {
        let parts = [Part { plan: &sample.plan, message: &sample.message }];
        run(worker.as_mut(), Batch { parts: &parts, rows })?;
        if clock.now() - start > longest_ns {
            return Ok(done);
        }
    }
    Ok(most)
}

/// Gives back what the largest batches took, and takes again what a small one needs. A model that cannot run made-up
/// inputs keeps what it has.
fn shrink(model: &dyn Model, worker: &mut dyn Worker, batched: bool) {
    let Some(sample) = sample(model.signature(), batched, 1, 1) else { return };
    for is_on in [true, false] {
        model.set_shrinking(is_on);
        let parts = [Part { plan: &sample.plan, message: &sample.message }];
        run(worker, Batch { parts: &parts, rows: batched.then_some(1) }).ok();
    }
}

/// Runs what others have answered. Requests that the signature does not take say nothing about the model.
fn replay(
    signature: &Signature,
    worker: &mut dyn Worker,
    batched: bool,
    recorded: &[(String, Bytes)],
) -> Result<(), String> {
    let (mut ran, mut failure) = (0, None);
    for (version, message) in recorded {
        let mut head = Head::default();
        let plan = head.read(message).ok().and_then(|()| validate(&head, message, signature, batched).ok());
        let Some(plan) = plan else { continue };
        let rows = batched.then_some(plan.rows);
        let parts = [Part { plan: &plan, message }];
        match run(worker, Batch { parts: &parts, rows }) {
            Ok(_) => ran += 1,
            Err(error) => failure = Some((version, error)),
        }
    }
    match failure {
        Some((version, error)) if ran == 0 => {
            Err(format!("it fails on every recorded request, which {version} answered: {error}"))
        }
        _ => Ok(()),
    }
}

fn measure(
    signature: &Signature,
    worker: &mut dyn Worker,
    batched: bool,
    size: u32,
    clock: &dyn Clock,
) -> Option<(u64, u64)> {
    let sample = sample(signature, batched, i64::from(size), 1)?;
    let mut best = u64::MAX;
    // One run to bind and to allocate, then the measured ones.
    for repeat in 0..=REPEATS {
        let start = clock.now();
        let parts = [Part { plan: &sample.plan, message: &sample.message }];
        run(worker, Batch { parts: &parts, rows: batched.then_some(size) }).ok()?;
        let took = clock.now() - start;
        if repeat > 0 || took > LONGEST_NS {
            best = best.min(took);
        }
        if took > LONGEST_NS {
            break;
        }
    }
    Some((sample.plan.elements, best))
}

/// Whether rows answer the same alone, together and permuted.
fn prove(signature: &Signature, worker: &mut dyn Worker) -> Result<(), String> {
    let failed = |error: String| format!("a warm-up run with generated inputs failed: {error}");
    let samples: Vec<Sample> = (0..ROWS)
        .map(|row| sample(signature, true, 1, row as u64 + 1))
        .collect::<Option<_>>()
        .ok_or("no inputs could be generated for its shapes")?;
    let mut alone = Vec::with_capacity(ROWS);
    for sample in &samples {
        let parts = [Part { plan: &sample.plan, message: &sample.message }];
        let outputs = run(worker, Batch { parts: &parts, rows: Some(1) }).map_err(failed)?;
        alone.push(keep(signature, outputs, 1, 0)?);
    }
    // Rotated and reversed, so that every row changes place and neighbours.
    for order in [[0, 1, 2, 3, 4, 5], [3, 5, 1, 0, 4, 2], [5, 4, 3, 2, 1, 0]] {
        let parts: Vec<_> =
            order.iter().map(|&row| Part { plan: &samples[row].plan, message: &samples[row].message }).collect();
        let outputs = run(worker, Batch { parts: &parts, rows: Some(ROWS as u32) }).map_err(failed)?;
        for (place, &row) in order.iter().enumerate() {
            let together = keep(signature, outputs, ROWS, place)?;
            for ((spec, before), after) in signature.outputs.iter().zip(&alone[row]).zip(&together) {
                if !alike(spec.datatype, before, after) {
                    let name = &spec.name;
                    return Err(format!(
                        "rows depend on each other: output \"{name}\" of a row changes with its neighbours"
                    ));
                }
            }
        }
    }
    Ok(())
}

fn run<'w>(worker: &'w mut dyn Worker, batch: Batch<'_>) -> Result<&'w dyn Outputs, String> {
    worker.prepare(batch)?;
    worker.run()
}

/// One row of every output, in the raw form.
fn keep(signature: &Signature, outputs: &dyn Outputs, total: usize, row: usize) -> Result<Vec<Vec<u8>>, String> {
    signature
        .outputs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            if outputs.dims(index).first() != Some(&(total as i64)) {
                return Err(format!("output \"{}\" does not have one row for each row of the inputs", spec.name));
            }
            Ok(match rows_of(outputs.elements(index), total, row, 1) {
                Elements::Fixed(bytes) => bytes.to_vec(),
                Elements::Strings { text, start, ends } => {
                    let mut raw = Vec::new();
                    let mut from = start;
                    for &end in ends {
                        raw.extend_from_slice(&(end - from).to_le_bytes());
                        raw.extend_from_slice(&text[from..end]);
                        from = end;
                    }
                    raw
                }
            })
        })
        .collect()
}

fn alike(datatype: Datatype, before: &[u8], after: &[u8]) -> bool {
    let Some(decode) = decoder(datatype) else { return before == after };
    let size = datatype.size().unwrap_or(1);
    let (before, after): (Vec<f64>, Vec<f64>) =
        (before.chunks_exact(size).map(decode).collect(), after.chunks_exact(size).map(decode).collect());
    let largest = before.iter().chain(&after).filter(|value| value.is_finite()).fold(0.0f64, |max, v| max.max(v.abs()));
    // Half-precision numbers carry three digits, so their last one may flip.
    let tolerance = if size == 2 { 4e-3 } else { TOLERANCE };
    before.len() == after.len()
        && before
            .iter()
            .zip(&after)
            .all(|(a, b)| (a.is_nan() && b.is_nan()) || a.total_cmp(b).is_eq() || (a - b).abs() <= tolerance * largest)
}

/// How to read a floating-point element; `None` for datatypes that must agree exactly.
fn decoder(datatype: Datatype) -> Option<fn(&[u8]) -> f64> {
    match datatype {
        Datatype::Fp32 => Some(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap_or_default()))),
        Datatype::Fp64 => Some(|bytes| f64::from_le_bytes(bytes.try_into().unwrap_or_default())),
        Datatype::Bf16 => Some(|bytes| widen_brain(u16::from_le_bytes([bytes[0], bytes[1]]))),
        Datatype::Fp16 => Some(|bytes| widen_half(u16::from_le_bytes([bytes[0], bytes[1]]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
