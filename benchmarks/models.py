"""The two models that every server under test answers with, made from a fixed seed.

`python -m benchmarks.models FOLDER` lays them out as a repository: `<model>/<version>/model.onnx`. Each has two
versions with different weights, so that a split can be configured and an answer shows which version gave it.
"""

import functools
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Layer: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]

VERSIONS = (1, 2)
OPSET = 17
# The oldest file format that carries the operator set, so that older runtimes can be measured too.
IR_VERSION = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A perceptron with ReLU between its layers; `widths` runs from the input to the output."""

    name: str
    widths: tuple[int, ...]
    seed: int


TINY = Model(name="tiny-mlp", widths=(32, 64, 1), seed=20130101)
MID = Model(name="mid-mlp", widths=(256, 1024, 1024, 16), seed=20130401)
MODELS = (TINY, MID)


@functools.cache
def layers(model: Model, version: int) -> tuple[Layer, ...]:
    """Weights [in, out] and bias [out] of each layer; the same for the same arguments on every machine."""
    rng = np.random.Generator(np.random.PCG64([model.seed, version]))
    made: list[Layer] = []
    for fan_in, fan_out in zip(model.widths, model.widths[1:], strict=False):
        weight = rng.uniform(-1.0, 1.0, (fan_in, fan_out)) * np.sqrt(3.0 / fan_in)
        bias = rng.uniform(-0.1, 0.1, fan_out)
        made.append((weight.astype(np.float32), bias.astype(np.float32)))
    return tuple(made)


def forward(model: Model, version: int, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The right answer [rows, outputs], computed by numpy in double precision, without ONNX Runtime."""
    values = rows.astype(np.float64)
    stack = layers(model, version)
    for index, (weight, bias) in enumerate(stack):
        values = values @ weight.astype(np.float64) + bias.astype(np.float64)
        if index + 1 < len(stack):
            values = np.maximum(values, 0.0)
    return values


def graph(model: Model, version: int) -> onnx.ModelProto:
    """The model as ONNX: input `x` [batch, in], output `y` [batch, out], both FP32."""
    stack = layers(model, version)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    value = "x"
    for index, (weight, bias) in enumerate(stack):
        is_last = index + 1 == len(stack)
        weights += [numpy_helper.from_array(weight, f"w{index}"), numpy_helper.from_array(bias, f"b{index}")]
        result = "y" if is_last else f"h{index}"
        nodes.append(helper.make_node("Gemm", [value, f"w{index}", f"b{index}"], [result], name=f"gemm{index}"))
        if not is_last:
            value = f"r{index}"
            nodes.append(helper.make_node("Relu", [result], [value], name=f"relu{index}"))
    made = helper.make_model(
        helper.make_graph(
            nodes,
            model.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", model.widths[0]])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", model.widths[-1]])],
            weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tidegate-benchmarks",
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def write_repository(folder: Path) -> None:
    """Write every version of every model below `folder`, replacing what is there."""
    for model in MODELS:
        write_versions(folder, model, VERSIONS)


def write_versions(folder: Path, model: Model, versions: Iterable[int]) -> None:
    """Write versions of a model below `folder`; each has weights of its own."""
    for version in versions:
        path = folder / model.name / str(version) / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(graph(model, version).SerializeToString(deterministic=True))


if __name__ == "__main__":
    write_repository(Path(sys.argv[1]))
