//! ONNX files written byte by byte: the few fields of onnx.proto that tiny models need.

/// Element types of onnx.proto.
pub(crate) const FLOAT: u64 = 1;
pub(crate) const INT64: u64 = 7;
pub(crate) const STRING: u64 = 8;

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, field << 3);
    varint(&mut out, value);
    out
}

fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, field << 3 | 2);
    varint(&mut out, value.as_ref().len() as u64);
    out.extend_from_slice(value.as_ref());
    out
}

/// An axis of a tensor.
#[derive(Clone, Copy)]
pub(crate) enum Axis {
    Of(u64),
    Named(&'static str),
}

/// Axes as the tests write them: −1 is dynamic, with a name of its own for each place.
pub(crate) fn axes(dims: &[i64]) -> Vec<Axis> {
    let names = ["N", "M", "K"];
    dims.iter().zip(names).map(|(&dim, name)| u64::try_from(dim).map_or(Axis::Named(name), Axis::Of)).collect()
}

/// A named tensor of a graph (`ValueInfoProto`).
pub(crate) fn value(name: &str, element: u64, axes: &[Axis]) -> Vec<u8> {
    let shape = axes.iter().map(|axis| match axis {
        Axis::Of(extent) => bytes(1, number(1, *extent)),
        Axis::Named(name) => bytes(1, bytes(2, name)),
    });
    let shape = shape.collect::<Vec<_>>().concat();
    let tensor = [number(1, element), bytes(2, shape)].concat();
    [bytes(1, name), bytes(2, bytes(1, tensor))].concat()
}

/// A value that is a sequence of tensors, which no answer can carry.
pub(crate) fn sequence(name: &str) -> Vec<u8> {
    let tensor = bytes(1, number(1, FLOAT));
    [bytes(1, name), bytes(2, bytes(4, bytes(1, tensor)))].concat()
}

/// An operator (`NodeProto`).
pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().map(|name| bytes(1, name));
    let outputs = outputs.iter().map(|name| bytes(2, name));
    let attributes = attributes.iter().map(|attribute| bytes(5, attribute));
    inputs.chain(outputs).chain([bytes(4, operator)]).chain(attributes).collect::<Vec<_>>().concat()
}

/// A list of integers as an attribute.
pub(crate) fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let values = values.iter().map(|value| number(8, *value));
    [bytes(1, name)].into_iter().chain(values).chain([number(20, 7)]).collect::<Vec<_>>().concat()
}

/// A constant of numbers (`TensorProto`).
pub(crate) fn floats(name: &str, values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [number(1, values.len() as u64), number(2, FLOAT), bytes(8, name), bytes(9, raw)].concat()
}

/// A constant of `count` numbers that lies in another file.
pub(crate) fn external(name: &str, count: u64, location: &str) -> Vec<u8> {
    let entry = [bytes(1, "location"), bytes(2, location)].concat();
    [number(1, count), number(2, FLOAT), bytes(8, name), bytes(13, entry), number(14, 1)].concat()
}

/// The parts of a graph.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Vec<u8>>,
    pub(crate) constants: Vec<Vec<u8>>,
    pub(crate) inputs: Vec<Vec<u8>>,
    pub(crate) outputs: Vec<Vec<u8>>,
}

impl Graph {
    /// A model file of operator set 17.
    pub(crate) fn model(self) -> Vec<u8> {
        self.model_of_opset(17)
    }

    pub(crate) fn model_of_opset(self, opset: u64) -> Vec<u8> {
        let graph = [
            self.nodes.iter().map(|part| bytes(1, part)).collect::<Vec<_>>().concat(),
            bytes(2, "tiny"),
            self.constants.iter().map(|part| bytes(5, part)).collect::<Vec<_>>().concat(),
            self.inputs.iter().map(|part| bytes(11, part)).collect::<Vec<_>>().concat(),
            self.outputs.iter().map(|part| bytes(12, part)).collect::<Vec<_>>().concat(),
        ];
        let opset = [bytes(1, ""), number(2, opset)].concat();
        [number(1, 8), bytes(2, "tests"), bytes(7, graph.concat()), bytes(8, opset)].concat()
    }
}

/// `y = x`, of any element type and shape.
pub(crate) fn identity(element: u64, dims: &[i64]) -> Vec<u8> {
    let (inputs, outputs) = (vec![value("x", element, &axes(dims))], vec![value("y", element, &axes(dims))]);
    Graph { nodes: vec![node("Identity", &["x"], &["y"], &[])], inputs, outputs, ..Graph::default() }.model()
}

/// `y = x + c` with `c` = (10, 20), over rows of two numbers.
pub(crate) fn add() -> Vec<u8> {
    add_to(floats("c", &[10.0, 20.0])).model()
}

/// As [`add`], with a constant of one's own.
pub(crate) fn add_to(constant: Vec<u8>) -> Graph {
    Graph {
        nodes: vec![node("Add", &["x", "c"], &["y"], &[])],
        constants: vec![constant],
        inputs: vec![value("x", FLOAT, &axes(&[-1, 2]))],
        outputs: vec![value("y", FLOAT, &axes(&[-1, 2]))],
    }
}

/// `y = x − mean(x, axis 0)`: it looks like any other model of rows and mixes them.
pub(crate) fn centred() -> Vec<u8> {
    Graph {
        nodes: vec![
            node("ReduceMean", &["x"], &["m"], &[integers("axes", &[0])]),
            node("Sub", &["x", "m"], &["y"], &[]),
        ],
        inputs: vec![value("x", FLOAT, &axes(&[-1, 2]))],
        outputs: vec![value("y", FLOAT, &axes(&[-1, 2]))],
        ..Graph::default()
    }
    .model()
}

/// `y = gather(table, i)`: refuses an index beyond its four entries while it runs.
pub(crate) fn lookup() -> Vec<u8> {
    Graph {
        nodes: vec![node("Gather", &["table", "i"], &["y"], &[])],
        constants: vec![floats("table", &[5.0, 6.0, 7.0, 8.0])],
        inputs: vec![value("i", INT64, &axes(&[-1]))],
        outputs: vec![value("y", FLOAT, &axes(&[-1]))],
    }
    .model()
}
