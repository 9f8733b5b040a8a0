"""The models that docs/client.md asks: delays of flights, and a scorer whose features have no names."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from support import models as small_models

DOCUMENT: dict[str, Any] = {
    "routes": {
        "flight-delay": {
            "sticky": 'metadata["x-unit"]',
            "split": {"flight-delay/1": 90, "flight-delay/2": 10},
        }
    }
}


def write(repository: Path) -> Path:
    """Both models; `flight-delay` has two versions."""
    for version in (1, 2):
        small_models.save(repository, "flight-delay", version, _delay(0.1 * version))
    small_models.save(repository, "scorer", 1, small_models.identity("FP32"))
    return repository


def _delay(steepness: float) -> onnx.ModelProto:
    """Carrier BYTES [-1, 1], dep_hour FP32 [-1, 1] -> probability FP32 [-1, 1]."""
    column = ["N", 1]
    graph = helper.make_graph(
        [
            helper.make_node(
                "LabelEncoder",
                ["carrier"],
                ["code"],
                domain="ai.onnx.ml",
                keys_strings=["AA", "B6", "HA"],
                values_floats=[0.2, 0.5, -1.0],
                default_float=0.0,
            ),
            helper.make_node("Mul", ["dep_hour", "steepness"], ["later"]),
            helper.make_node("Add", ["code", "later"], ["score"]),
            helper.make_node("Sigmoid", ["score"], ["probability"]),
        ],
        "delay",
        [
            helper.make_tensor_value_info("carrier", TensorProto.STRING, column),
            helper.make_tensor_value_info("dep_hour", TensorProto.FLOAT, column),
        ],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, column)],
        [numpy_helper.from_array(np.float32([steepness]), "steepness")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model
