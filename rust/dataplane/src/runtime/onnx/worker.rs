//! What one thread binds and keeps to run a model: one set of tensors per shape, over buffers that all shapes share.

use super::{Binding, Bound, Buffer, ModelCore, Results, bytes_of, run};
use crate::runtime::{Batch, Outputs, Worker};
use std::collections::HashMap;
use std::sync::Arc;
use tidegate_core::oip::answer::LARGEST;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::Signature;

/// Bindings that one worker keeps; beyond that it starts afresh, so that odd shapes cannot fill the memory.
pub(super) const KEPT_BINDINGS: usize = 256;
/// Bytes of buffers that one worker keeps: what a larger batch needed goes with the next shape.
pub(super) const KEPT_BYTES: usize = 32 << 20;
/// Bytes of a batch up to which its string tensors are kept for the next one of its shape.
pub(super) const KEPT_STRINGS: usize = 64 << 10;

/// One thread's tensors of one model.
pub(super) struct OnnxWorker {
    pub(super) core: Arc<ModelCore>,
    pub(super) signature: Arc<Signature>,
    /// By shape. Dropped before the buffers they lie over.
    pub(super) bindings: HashMap<Vec<i64>, Binding>,
    /// One per input, then one per output: all shapes share them, for only one batch runs at a time.
    pub(super) buffers: Vec<Buffer>,
    /// The shape that was prepared.
    pub(super) shape: Vec<i64>,
    pub(super) takes_strings: bool,
    /// Whether what was prepared holds more string bytes than are worth keeping.
    pub(super) has_long_strings: bool,
    pub(super) results: Results,
}

impl Worker for OnnxWorker {
    fn prepare(&mut self, batch: Batch<'_>) -> Result<(), String> {
        // The library's string tensors keep the room of the longest strings they ever held, and callers' data with it.
        if self.has_long_strings {
            self.bindings.remove(&self.shape);
        }
        shape_of(batch, &mut self.shape);
        let bytes: usize = batch.parts.iter().map(|part| part.message.len()).sum();
        self.has_long_strings = self.takes_strings && bytes > KEPT_STRINGS;
        if !self.bindings.contains_key(&self.shape) {
            let binding = self.bind(batch)?;
            self.bindings.insert(self.shape.clone(), binding);
        }
        let binding = self.bindings.get_mut(&self.shape).expect("inserted above");
        for (index, input) in binding.inputs.iter_mut().enumerate() {
            input.fill(index, batch, &mut self.buffers[index])?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<&dyn Outputs, String> {
        let binding = self.bindings.get_mut(&self.shape).ok_or("nothing was prepared")?;
        self.results = run(&self.core, binding, &self.signature, &self.buffers)?;
        Ok(&self.results)
    }
}

impl OnnxWorker {
    pub(super) fn new(core: &Arc<ModelCore>, signature: &Arc<Signature>) -> Self {
        Self {
            core: Arc::clone(core),
            signature: Arc::clone(signature),
            bindings: HashMap::new(),
            buffers: Vec::new(),
            shape: Vec::new(),
            takes_strings: signature.inputs.iter().any(|spec| spec.datatype == Datatype::Bytes),
            has_long_strings: false,
            results: Results::default(),
        }
    }

    fn bind(&mut self, batch: Batch<'_>) -> Result<Binding, String> {
        let plan = batch.parts[0].plan;
        let with_rows = |mut dims: Vec<i64>| {
            if let (Some(rows), Some(first)) = (batch.rows, dims.first_mut()) {
                *first = i64::from(rows);
            }
            dims
        };
        let inputs: Vec<Vec<i64>> = plan.tensors.iter().map(|tensor| with_rows(plan.dims(tensor).to_vec())).collect();
        let outputs: Vec<Option<Vec<i64>>> = self
            .signature
            .outputs
            .iter()
            .map(|spec| {
                let dims = with_rows(spec.dims.clone());
                let is_known = !dims.is_empty() && dims.iter().all(|&dim| dim >= 0) && spec.datatype.size().is_some();
                is_known.then_some(dims)
            })
            .collect();
        let specs = self.signature.inputs.iter().chain(&self.signature.outputs);
        let shapes = inputs.iter().map(Some).chain(outputs.iter().map(Option::as_ref));
        let needed: Vec<usize> = specs
            .zip(shapes)
            .map(|(spec, dims)| dims.and_then(|dims| bytes_of(spec.datatype, dims)).unwrap_or(0))
            .collect();
        // A short request may ask for long outputs: more than an answer can carry is not worth the memory.
        if let Some(length) = needed.iter().find(|&&length| length > LARGEST) {
            return Err(format!("a tensor would have {length} bytes, more than an answer can carry"));
        }
        self.make_room(&needed)?;
        let shared = &self.core.session.shared;
        let (ins, outs) = self.buffers.split_at(inputs.len());
        let specs = self.signature.inputs.iter().zip(&inputs).zip(ins);
        let inputs = specs.map(|((spec, dims), buffer)| Bound::new(shared, spec.datatype, dims, buffer));
        let specs = self.signature.outputs.iter().zip(&outputs).zip(outs);
        let outputs = specs.map(|((spec, dims), buffer)| {
            dims.as_ref().map(|dims| Bound::new(shared, spec.datatype, dims, buffer)).transpose()
        });
        Ok(Binding { inputs: inputs.collect::<Result<_, _>>()?, outputs: outputs.collect::<Result<_, _>>()? })
    }

    /// Makes every buffer hold at least so many bytes. Nothing is bound to a buffer that goes.
    fn make_room(&mut self, needed: &[usize]) -> Result<(), String> {
        if self.buffers.is_empty() {
            self.buffers =
                needed.iter().map(|&length| Buffer::new(length.next_power_of_two())).collect::<Result<_, _>>()?;
        }
        let held: usize = self.buffers.iter().map(|buffer| buffer.length).sum();
        let fits = self.buffers.iter().zip(needed).all(|(buffer, &needed)| needed <= buffer.length);
        if fits && held <= KEPT_BYTES && self.bindings.len() < KEPT_BINDINGS {
            return Ok(());
        }
        self.bindings.clear();
        let shrinks = held > KEPT_BYTES;
        for (buffer, &needed) in self.buffers.iter_mut().zip(needed) {
            if shrinks || needed > buffer.length {
                *buffer = Buffer::new(needed.next_power_of_two())?;
            }
        }
        Ok(())
    }
}

/// The shape of every input of the whole batch, ranks included: what bindings are kept by.
fn shape_of(batch: Batch<'_>, shape: &mut Vec<i64>) {
    let plan = batch.parts[0].plan;
    shape.clear();
    for tensor in &plan.tensors {
        let dims = plan.dims(tensor);
        shape.push(dims.len() as i64);
        let start = shape.len();
        shape.extend_from_slice(dims);
        if let (Some(rows), Some(first)) = (batch.rows, shape.get_mut(start)) {
            *first = i64::from(rows);
        }
    }
}
