//! Files that are no models, models that cannot be served, libraries that are none.

use crate::runtime::artifact::Artifact;
use crate::runtime::onnx::OnnxRuntime;
use crate::runtime::{LoadOptions, Runtime as _};
use crate::testing::onnx::{FLOAT, Graph, add, add_to, axes, floats, node, sequence, value};
use crate::testing::runtime::{Folder, floats as raw, library, run_alone, runtime, try_load};
use std::path::Path;
use tidegate_core::document::VersionSettings;

#[track_caller]
fn refused(model: &[u8], part: &str) {
    let reason = try_load(model).err().expect("the file is refused");
    assert!(reason.contains(part), "{reason}");
}

/// A graph from `x` to `y`, rows of two numbers, with these operators between.
fn graph(nodes: Vec<Vec<u8>>) -> Graph {
    let (inputs, outputs) = (vec![value("x", FLOAT, &axes(&[-1, 2]))], vec![value("y", FLOAT, &axes(&[-1, 2]))]);
    Graph { nodes, inputs, outputs, ..Graph::default() }
}

#[test]
fn what_is_no_model_is_refused() {
    refused(b"", "not an ONNX model");
    refused(b"PK\x03\x04 a zip file", "not an ONNX model");
    refused(&[0xff; 64], "not an ONNX model");
}

#[test]
fn a_model_that_was_cut_anywhere_is_refused() {
    let model = add();
    try_load(&model).expect("the whole one loads");
    for length in 0..model.len() {
        assert!(try_load(&model[..length]).is_err(), "cut at {length} of {}", model.len());
    }
}

#[test]
fn an_unknown_operator_or_operator_set_is_refused_by_its_name() {
    refused(&graph(vec![node("Frobnicate", &["x"], &["y"], &[])]).model(), "Frobnicate");
    refused(&add_to(floats("c", &[1.0, 2.0])).model_of_opset(9_999), "9999");
}

#[test]
fn a_cycle_or_an_input_from_nowhere_is_refused() {
    let cycle = [node("Add", &["x", "b"], &["a"], &[]), node("Add", &["x", "a"], &["b"], &[])];
    let end = node("Identity", &["b"], &["y"], &[]);
    assert!(try_load(&graph([&cycle[..], &[end]].concat()).model()).is_err());
    refused(&graph(vec![node("Add", &["x", "nowhere"], &["y"], &[])]).model(), "nowhere");
}

#[test]
fn a_constant_that_does_not_fit_its_operator_is_refused_or_fails_its_run() {
    let model = add_to(floats("c", &[1.0, 2.0, 3.0])).model();
    if let Ok(model) = try_load(&model) {
        assert!(run_alone(model.as_ref(), model.worker().as_mut(), &[1, 2], &raw(&[1.0, 2.0])).is_err());
    }
}

#[test]
fn a_sequence_is_refused_with_the_advice_to_export_without() {
    let outputs = vec![sequence("y")];
    let made = Graph { outputs, ..graph(vec![node("SequenceConstruct", &["x"], &["y"], &[])]) };
    refused(&made.model(), "output \"y\" is a sequence or a map");
    let made = Graph { outputs: vec![sequence("y")], ..graph(vec![node("SequenceConstruct", &["x"], &["y"], &[])]) };
    refused(&made.model(), "zipmap");
}

#[test]
fn a_refused_model_leaves_the_runtime_usable() {
    assert!(try_load(&graph(vec![node("Frobnicate", &["x"], &["y"], &[])]).model()).is_err());
    let model = try_load(&add()).expect("a good one loads");
    let answer = run_alone(model.as_ref(), model.worker().as_mut(), &[1, 2], &raw(&[1.0, 2.0]));
    assert_eq!(answer, Ok((vec![1, 2], raw(&[11.0, 22.0]))));
}

#[test]
fn a_model_with_several_threads_a_run_shares_the_pool_and_answers_the_same() {
    let artifact = Artifact::read(Folder::of_model(&add()).path()).expect("a model");
    let model = runtime()
        .load(&artifact, LoadOptions { intra_op_threads: 2, ..LoadOptions::of(&VersionSettings::default()) })
        .expect("it loads");
    let answer = run_alone(model.as_ref(), model.worker().as_mut(), &[1, 2], &raw(&[1.0, 2.0]));
    assert_eq!(answer, Ok((vec![1, 2], raw(&[11.0, 22.0]))));
}

#[test]
fn a_library_that_is_missing_or_none_is_one_sentence() {
    let open = |path: &Path| OnnxRuntime::open(path, 1).err().expect("it is refused");
    let folder = Folder::new();
    folder.write("text.so", "no library");
    let missing = open(&folder.path().join("missing.so"));
    assert!(missing.contains("missing.so") && missing.ends_with("install tidegate[serve]"), "{missing}");
    let text = open(&folder.path().join("text.so"));
    assert!(text.contains("text.so") && text.ends_with("install tidegate[serve]"), "{text}");
    let other = open(Path::new("libm.so.6"));
    assert_eq!(other, "libm.so.6 is not ONNX Runtime: it exports no OrtGetApiBase");
}

#[test]
fn the_library_says_its_version() {
    let name = library().file_name().expect("a file").to_string_lossy().into_owned();
    assert!(name.ends_with(&runtime().version), "{name} calls itself {}", runtime().version);
}
