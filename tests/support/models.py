"""Small ONNX models with one property each, written into a model repository."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_OPSET = 17
_IR_VERSION = 8

# Open Inference Protocol datatype -> ONNX element type: everything that a tensor can hold on the wire.
ELEMENT_TYPES: dict[str, int] = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BF16": TensorProto.BFLOAT16,
    "BYTES": TensorProto.STRING,
}


def add(amount: float) -> onnx.ModelProto:
    """FP32 [-1, 4] -> x + amount."""
    return _model(
        [helper.make_node("Add", ["x", "amount"], ["y"])],
        inputs=[("x", TensorProto.FLOAT, ["N", 4])],
        outputs=[("y", TensorProto.FLOAT, ["N", 4])],
        constants={"amount": np.float32([amount])},
    )


def identity(datatype: str) -> onnx.ModelProto:
    """[-1, 3] of the datatype -> the same bits."""
    element = ELEMENT_TYPES[datatype]
    return _model(
        [helper.make_node("Identity", ["x"], ["y"])],
        inputs=[("x", element, ["N", 3])],
        outputs=[("y", element, ["N", 3])],
    )


def strings() -> onnx.ModelProto:
    """BYTES [-1] -> the same strings: the shape that a text model has."""
    return _model(
        [helper.make_node("Identity", ["text"], ["same"])],
        inputs=[("text", TensorProto.STRING, ["N"])],
        outputs=[("same", TensorProto.STRING, ["N"])],
    )


def mean_removed() -> onnx.ModelProto:
    """FP32 [-1, 4] -> x - mean(x, axis 0): looks batchable and mixes the rows of different callers."""
    mean = helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1)
    return _model(
        [mean, helper.make_node("Sub", ["x", "mean"], ["y"])],
        inputs=[("x", TensorProto.FLOAT, ["N", 4])],
        outputs=[("y", TensorProto.FLOAT, ["N", 4])],
    )


def swelling() -> onnx.ModelProto:
    """FP32 [-1, 1] -> the same; each row takes a quarter of a MiB on its way."""
    wide = helper.make_node("Expand", ["x", "wide"], ["many"])
    return _model(
        [wide, helper.make_node("ReduceMax", ["many"], ["y"], axes=[1], keepdims=1)],
        inputs=[("x", TensorProto.FLOAT, ["N", 1])],
        outputs=[("y", TensorProto.FLOAT, ["N", 1])],
        constants={"wide": np.int64([1, 65_536])},
    )


def scalar() -> onnx.ModelProto:
    """FP32 [] -> twice the number; rank 0, so it cannot batch."""
    return _model(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        inputs=[("x", TensorProto.FLOAT, [])],
        outputs=[("y", TensorProto.FLOAT, [])],
    )


def fixed_shape() -> onnx.ModelProto:
    """FP32 [2, 3] -> twice the numbers; no dynamic axis."""
    return _model(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        inputs=[("x", TensorProto.FLOAT, [2, 3])],
        outputs=[("y", TensorProto.FLOAT, [2, 3])],
    )


def two_in_two_out() -> onnx.ModelProto:
    """a FP32 [-1, 2], b INT64 [-1, 2] -> sum FP32 [-1, 2], difference INT64 [-1, 2]."""
    return _model(
        [
            helper.make_node("Cast", ["b"], ["b_float"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["a", "b_float"], ["sum"]),
            helper.make_node("Cast", ["a"], ["a_int"], to=TensorProto.INT64),
            helper.make_node("Sub", ["a_int", "b"], ["difference"]),
        ],
        inputs=[("a", TensorProto.FLOAT, ["N", 2]), ("b", TensorProto.INT64, ["N", 2])],
        outputs=[("sum", TensorProto.FLOAT, ["N", 2]), ("difference", TensorProto.INT64, ["N", 2])],
    )


def dynamic_shapes() -> onnx.ModelProto:
    """FP32 [-1, -1] -> double [-1, -1], total [-1, 1]: rows of any width."""
    return _model(
        [
            helper.make_node("Add", ["x", "x"], ["double"]),
            helper.make_node("ReduceSum", ["x", "last_axis"], ["total"], keepdims=1),
        ],
        inputs=[("x", TensorProto.FLOAT, ["N", "W"])],
        outputs=[("double", TensorProto.FLOAT, ["N", "W"]), ("total", TensorProto.FLOAT, ["N", 1])],
        constants={"last_axis": np.int64([1])},
    )


def fp16_out() -> onnx.ModelProto:
    """FP32 [-1, 4] -> FP16 [-1, 4]: an answer that has no typed contents."""
    return _model(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT16)],
        inputs=[("x", TensorProto.FLOAT, ["N", 4])],
        outputs=[("y", TensorProto.FLOAT16, ["N", 4])],
    )


def gather(entries: int = 10) -> onnx.ModelProto:
    """Index INT64 [-1, 1] -> value FP32 [-1, 1] of 0.0, 1.0, …: an index outside fails while it runs."""
    return _model(
        [helper.make_node("Gather", ["values", "index"], ["value"], axis=0)],
        inputs=[("index", TensorProto.INT64, ["N", 1])],
        outputs=[("value", TensorProto.FLOAT, ["N", 1])],
        constants={"values": np.arange(entries, dtype=np.float32)},
    )


def slow(rounds: int = 600) -> onnx.ModelProto:
    """FP32 [-1, 1] -> the same numbers, after `rounds` products of 320 x 320 matrices: about 0.2 s in all."""
    tensor = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("MatMul", ["matrix", "mixer"], ["mixed"]),
        ],
        "round",
        [
            tensor("round", TensorProto.INT64, []),
            tensor("go", TensorProto.BOOL, []),
            tensor("matrix", TensorProto.FLOAT, [320, 320]),
        ],
        [tensor("go_on", TensorProto.BOOL, []), tensor("mixed", TensorProto.FLOAT, [320, 320])],
    )
    return _model(
        [
            # The loop starts from the input, so that no optimiser computes it once at load time.
            helper.make_node("Mul", ["x", "nothing"], ["none"]),
            helper.make_node("ReduceSum", ["none", "all_axes"], ["none_at_all"], keepdims=0),
            helper.make_node("ConstantOfShape", ["size"], ["ones"], value=_constant(np.float32([1 / 320]))),
            helper.make_node("Add", ["ones", "none_at_all"], ["start"]),
            helper.make_node("Identity", ["ones"], ["mixer"]),
            helper.make_node("Loop", ["rounds", "true", "start"], ["end"], body=body),
            helper.make_node("ReduceMean", ["end"], ["level"], keepdims=0),
            helper.make_node("Mul", ["level", "nothing"], ["still_nothing"]),
            helper.make_node("Add", ["x", "still_nothing"], ["y"]),
        ],
        inputs=[("x", TensorProto.FLOAT, ["N", 1])],
        outputs=[("y", TensorProto.FLOAT, ["N", 1])],
        constants={
            "nothing": np.float32(0),
            "all_axes": np.int64([0, 1]),
            "size": np.int64([320, 320]),
            "rounds": np.int64(rounds),
            "true": np.bool_(True),
        },
    )


def slow_as_asked() -> onnx.ModelProto:
    """FP32 [-1, 1] -> the same numbers, after as many products of 320 x 320 matrices as the largest number: 0.3 ms each."""
    whole = slow()
    graph = whole.graph
    most = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["rounds"], to=TensorProto.INT64),
    ]
    nodes = [*most, *graph.node]
    constants = [constant for constant in graph.initializer if constant.name != "rounds"]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    onnx.checker.check_model(whole)
    return whole


def slow_to_warm_up(rounds: int = 1_500) -> onnx.ModelProto:
    """FP32 [-1, 4] -> the same numbers, after `rounds` products of 320 x 320 matrices: some seconds of warm-up."""
    whole = slow(rounds)
    for tensor in (*whole.graph.input, *whole.graph.output):
        tensor.type.tensor_type.shape.dim[1].dim_value = 4
    onnx.checker.check_model(whole)
    return whole


def slow_to_load(size: int = 6_000) -> onnx.ModelProto:
    """FP32 [-1, 4] -> x + a constant that ONNX Runtime computes while it loads.

    A product of two `size` x `size` matrices: some seconds that nothing can end.
    """
    return _model(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["matrix"], value=_constant(np.float32([1e-3]))),
            helper.make_node("MatMul", ["matrix", "matrix"], ["product"]),
            helper.make_node("ReduceSum", ["product"], ["sum"], keepdims=0),
            helper.make_node("Add", ["x", "sum"], ["y"]),
        ],
        inputs=[("x", TensorProto.FLOAT, ["N", 4])],
        outputs=[("y", TensorProto.FLOAT, ["N", 4])],
        constants={"shape": np.int64([size, size])},
    )


def zipmap() -> onnx.ModelProto:
    """FP32 [-1, 2] -> a sequence of maps, as classifiers export it by default: refused at load."""
    graph = helper.make_graph(
        [helper.make_node("ZipMap", ["x"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])],
        "zipmap",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [
            helper.make_value_info(
                "probabilities",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
                ),
            )
        ],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def save(repository: Path, model: str, version: int, content: onnx.ModelProto | bytes) -> Path:
    """Writes `<model>/<version>/model.onnx` and returns the file; bytes are written as they are."""
    path = repository / model / str(version) / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def write_repository(repository: Path) -> Path:
    """Every model of this file; `add` has two versions, `zipmap` and `broken` cannot load."""
    save(repository, "add_one", 1, add(1))
    save(repository, "add", 1, add(1))
    save(repository, "add", 2, add(2))
    for datatype in ELEMENT_TYPES:
        save(repository, f"identity_{datatype.lower()}", 1, identity(datatype))
    save(repository, "strings", 1, strings())
    save(repository, "mean_removed", 1, mean_removed())
    save(repository, "scalar", 1, scalar())
    save(repository, "fixed_shape", 1, fixed_shape())
    save(repository, "two_in_two_out", 1, two_in_two_out())
    save(repository, "dynamic_shapes", 1, dynamic_shapes())
    save(repository, "fp16_out", 1, fp16_out())
    save(repository, "gather", 1, gather())
    save(repository, "slow", 1, slow())
    save(repository, "zipmap", 1, zipmap())
    save(repository, "broken", 1, b"this is not an ONNX file")
    return repository


def _model(
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Sequence[tuple[str, int, Sequence[int | str]]],
    outputs: Sequence[tuple[str, int, Sequence[int | str]]],
    constants: dict[str, np.ndarray | np.generic] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, element, shape) for name, element, shape in inputs],
        [helper.make_tensor_value_info(name, element, shape) for name, element, shape in outputs],
        [_constant(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model


def _constant(value: np.ndarray, name: str = "value") -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)
