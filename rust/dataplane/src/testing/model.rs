//! A model whose runs are a closure of the test's.

use crate::runtime::{Batch, Model, Outputs, Worker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::{Signature, TensorSpec};

/// Longer than anything takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One run as the model saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// The first axis, if the version is batched.
    pub(crate) rows: Option<u32>,
    /// The shape of each request.
    pub(crate) shapes: Vec<Vec<i64>>,
    pub(crate) values: Vec<f32>,
}

impl Seen {
    pub(crate) fn columns(&self) -> i64 {
        self.shapes[0][1]
    }

    /// What an honest model answers: twice each value, plus one.
    pub(crate) fn doubled(&self) -> Made {
        let rows = self.rows.map_or(self.shapes[0][0], i64::from);
        Made { dims: vec![rows, self.columns()], values: self.values.iter().map(|value| doubled(*value)).collect() }
    }
}

pub(crate) fn doubled(value: f32) -> f32 {
    value * 2.0 + 1.0
}

/// What the model answers: `y` as it is, and `label` with each number written out.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) dims: Vec<i64>,
    pub(crate) values: Vec<f32>,
}

type Script = dyn Fn(&Seen) -> Result<Made, String> + Send + Sync;

/// `x` FP32 [-1,-1] in, `y` FP32 [-1,-1] and `label` BYTES [-1,-1] out.
#[derive(Clone)]
pub(crate) struct Scripted {
    signature: Arc<Signature>,
    script: Arc<Script>,
    runs: Arc<Mutex<Vec<Seen>>>,
    /// Whether somebody asked the runs to end; a script looks at it if it wants to obey.
    pub(crate) is_terminated: Arc<AtomicBool>,
}

pub(crate) fn spec(name: &str, datatype: Datatype, dims: &[i64]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), datatype, dims: dims.to_vec(), axes: vec![String::new(); dims.len()] }
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&Seen) -> Result<Made, String> + Send + Sync + 'static) -> Self {
        let signature = Signature {
            inputs: vec![spec("x", Datatype::Fp32, &[-1, -1])],
            outputs: vec![spec("y", Datatype::Fp32, &[-1, -1]), spec("label", Datatype::Bytes, &[-1, -1])],
        };
        Self {
            signature: Arc::new(signature),
            script: Arc::new(script),
            runs: Arc::default(),
            is_terminated: Arc::default(),
        }
    }

    /// A model that answers twice each value, plus one.
    pub(crate) fn honest() -> Self {
        Self::new(|seen| Ok(seen.doubled()))
    }

    /// Everything that ran so far, in the order it began.
    pub(crate) fn runs(&self) -> Vec<Seen> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Model for Scripted {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Actor { part: self.clone(), prepared: None, said: Said::default() })
    }

    fn set_shrinking(&self, _: bool) {}

    fn terminate(&self) {
        self.is_terminated.store(true, Ordering::SeqCst);
    }
}

struct Actor {
    part: Scripted,
    prepared: Option<Seen>,
    said: Said,
}

impl Worker for Actor {
    fn prepare(&mut self, batch: Batch<'_>) -> Result<(), String> {
        let mut seen = Seen { rows: batch.rows, shapes: Vec::new(), values: Vec::new() };
        for part in batch.parts {
            let tensor = &part.plan.tensors[0];
            seen.shapes.push(part.plan.dims(tensor).to_vec());
            let raw = part.plan.data(tensor, part.message).chunks_exact(4);
            seen.values.extend(raw.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))));
        }
        self.prepared = Some(seen);
        Ok(())
    }

    fn run(&mut self) -> Result<&dyn Outputs, String> {
        let seen = self.prepared.take().ok_or("nothing was prepared")?;
        self.part.runs.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        let Made { dims, values } = (self.part.script)(&seen)?;
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for value in &values {
            text.extend_from_slice(value.to_string().as_bytes());
            ends.push(text.len());
        }
        let numbers = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.said = Said { dims, numbers, text, ends };
        Ok(&self.said)
    }
}

#[derive(Default)]
struct Said {
    dims: Vec<i64>,
    numbers: Vec<u8>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Outputs for Said {
    fn dims(&self, _index: usize) -> &[i64] {
        &self.dims
    }

    fn elements(&self, index: usize) -> Elements<'_> {
        match index {
            0 => Elements::Fixed(&self.numbers),
            _ => Elements::Strings { text: &self.text, start: 0, ends: &self.ends },
        }
    }
}

/// Holds runs at a gate until the test lets them go.
pub(crate) struct Gate {
    /// Gets a message from each run that reaches the gate.
    arrived: Receiver<Seen>,
    release: Sender<()>,
}

impl Gate {
    /// A gate, and a model whose every run waits at it and then answers honestly.
    pub(crate) fn and_model() -> (Self, Scripted) {
        let (arrive, arrived) = channel();
        let (release, released) = channel();
        let released = Mutex::new(released);
        let model = Scripted::new(move |seen| {
            // The test may be over, and its ends of the channels gone.
            drop(arrive.send(seen.clone()));
            let _ = released.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE);
            Ok(seen.doubled())
        });
        (Self { arrived, release }, model)
    }

    /// Waits for the next run to reach the gate.
    pub(crate) fn wait(&self) -> Seen {
        self.arrived.recv_timeout(PATIENCE).expect("a run reaches the gate")
    }

    /// Lets one run go, the one that waits or the next that comes.
    pub(crate) fn open(&self) {
        self.release.send(()).expect("the model is loaded");
    }
}
