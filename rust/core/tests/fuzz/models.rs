//! A small ONNX file that has everything the reader of model files looks at, made by hand and broken.

use super::mutate;
use super::rng::Rng;
use super::tree::{Node, write};

/// The file with a few mutations.
pub(crate) fn mutated(rng: &mut Rng) -> Vec<u8> {
    mutate::mutated(rng, model())
}

/// A tensor that says its data lies in `location`.
fn tensor(field: u32, location: &str) -> Node {
    let entry = |key, value| Node::message(13, vec![Node::text(1, key), Node::text(2, value)]);
    Node::message(field, vec![Node::varint(2, 1), entry("location", location), entry("offset", "0")])
}

/// A node with one attribute.
fn node(field: u32, attribute: Node) -> Node {
    Node::message(field, vec![Node::text(4, "Constant"), Node::message(5, vec![Node::text(1, "value"), attribute])])
}

/// A `ModelProto`: weights, a sparse weight, constants in a node, in a subgraph and in a function.
fn model() -> Vec<Node> {
    let subgraph = Node::message(6, vec![tensor(5, "branch.bin")]);
    let sparse = Node::message(15, vec![tensor(1, "values.bin"), tensor(2, "indices.bin")]);
    let graph = vec![
        node(1, tensor(5, "constant.bin")),
        node(1, subgraph),
        tensor(5, "weights.bin"),
        tensor(5, "weights.bin"),
        sparse,
    ];
    vec![
        Node::varint(1, 10),
        Node::text(2, "by hand"),
        Node::message(8, vec![Node::varint(2, 21)]),
        Node::message(8, vec![Node::text(1, "ai.onnx.ml"), Node::varint(2, 3)]),
        Node::message(7, graph),
        Node::message(25, vec![node(7, tensor(10, "function.bin"))]),
    ]
}

#[test]
fn the_model_made_by_hand_says_what_was_put_in() {
    let file = tidegate_core::onnx::read(&write(&model())).expect("a model");
    assert_eq!((file.ir_version, file.producer.as_str()), (10, "by hand"));
    assert_eq!(file.opsets, [(String::new(), 21), ("ai.onnx.ml".to_owned(), 3)]);
    let expected = ["branch", "constant", "function", "indices", "values", "weights"].map(|name| format!("{name}.bin"));
    assert_eq!(file.external, expected);
}
