//! The memory of a worker: it grows with what comes, goes again, and never changes an answer.

use super::super::worker::{KEPT_BINDINGS, KEPT_BYTES, OnnxWorker};
use super::super::{ALIGNMENT, ModelCore, OnnxModel, RunOptions, Session};
use super::super::{Buffer, TensorSpec};
use super::contents;
use crate::runtime::artifact::Artifact;
use crate::runtime::{LoadOptions, Model as _};
use crate::testing::onnx::{FLOAT, identity};
use crate::testing::runtime::{Asked, Folder, run, runtime};
use proptest::prelude::*;
use std::ffi::CString;
use std::sync::Arc;
use tidegate_core::document::{Arena, VersionSettings};
use tidegate_core::oip::datatype::Datatype;

const UINT8: u64 = 2;
/// Bytes in a row of the wide model.
const WIDE: usize = 1_024;

/// A model whose workers show what they hold.
fn open(model: &[u8]) -> OnnxModel {
    let artifact = Artifact::read(Folder::of_model(model).path()).expect("the file is a model");
    let session =
        Session::create(&runtime().shared, &artifact, LoadOptions::of(&VersionSettings::default())).expect("it loads");
    let signature = session.signature().expect("it has one");
    let names = |specs: &[TensorSpec]| {
        specs.iter().map(|spec| CString::new(spec.name.as_str()).expect("a short name")).collect::<Vec<_>>()
    };
    let (inputs, outputs) = (names(&signature.inputs), names(&signature.outputs));
    let options = RunOptions::create(&runtime().shared, Arena::default()).expect("options");
    OnnxModel { core: Arc::new(ModelCore { session, options, inputs, outputs }), signature: Arc::new(signature) }
}

fn worker(model: &OnnxModel) -> OnnxWorker {
    OnnxWorker::new(&model.core, &model.signature)
}

fn held(worker: &OnnxWorker) -> usize {
    worker.buffers.iter().map(|buffer| buffer.length).sum()
}

/// Runs one batch and holds its answer against the request.
fn check(model: &OnnxModel, worker: &mut OnnxWorker, rows: usize, columns: usize) {
    let datatype = model.signature().inputs[0].datatype;
    let (shape, raw) = (vec![rows as i64, columns as i64], contents(datatype, rows * columns));
    let asked = Asked::new(model.signature(), true, &shape, &raw);
    let (dims, answer) = run(worker, Some(rows as u32), &[&asked]).expect("it runs");
    assert_eq!(dims, shape);
    // Comparing with `assert_eq!` would print megabytes.
    assert!(answer == raw, "another answer for {shape:?}");
}

#[test]
fn what_a_large_batch_needed_goes_with_the_next_shape() {
    let model = open(&identity(UINT8, &[-1, WIDE as i64]));
    let mut worker = worker(&model);
    let large = KEPT_BYTES / WIDE + 1;
    for (rows, most) in [(1, 4 * WIDE), (8, 16 * WIDE), (large, usize::MAX), (2, 4 * WIDE), (64, 128 * WIDE)] {
        check(&model, &mut worker, rows, WIDE);
        let held = held(&worker);
        assert!(held <= most, "{rows} rows: {held} bytes");
        assert!(held >= 2 * rows * WIDE, "input and output lie in the buffers");
    }
}

#[test]
fn bindings_are_kept_for_a_bounded_number_of_shapes() {
    let model = open(&identity(FLOAT, &[-1, 2]));
    let mut worker = worker(&model);
    for rows in (1..=KEPT_BINDINGS + 40).chain(1..40) {
        check(&model, &mut worker, rows, 2);
        assert!((1..=KEPT_BINDINGS).contains(&worker.bindings.len()));
    }
}

#[test]
fn a_shape_that_comes_again_is_bound_once() {
    let model = open(&identity(FLOAT, &[-1, 2]));
    let mut worker = worker(&model);
    // The largest first: a buffer that must grow drops what was bound to it.
    for rows in [8, 3, 8, 1, 3, 8] {
        check(&model, &mut worker, rows, 2);
    }
    assert_eq!(worker.bindings.len(), 3);
}

#[test]
fn buffers_are_aligned_for_the_kernels() {
    for length in [0, 1, 63, 64, 65, 4_097] {
        let mut buffer = Buffer::new(length).expect("there is memory for that");
        assert_eq!(buffer.at.as_ptr() as usize % ALIGNMENT, 0);
        assert_eq!(buffer.bytes_mut().len(), length);
        assert!(buffer.bytes().iter().all(|byte| *byte == 0), "nobody's old memory");
    }
}

proptest! {
    // Without the library every case fails, and no such case is worth a file.
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_shapes_gives_every_batch_its_own_answer(
        shapes in prop::collection::vec((0usize..40, 0usize..40), 1..60),
    ) {
        let model = open(&identity(FLOAT, &[-1, -1]));
        prop_assert_eq!(model.signature().inputs[0].datatype, Datatype::Fp32);
        let mut worker = worker(&model);
        for (rows, columns) in shapes {
            check(&model, &mut worker, rows, columns);
        }
    }
}
