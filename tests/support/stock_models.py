"""The models that stock clients are tested with: those of Triton's own examples, and one with answers worth comparing."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from support import models as small_models

ELEMENTS = 16
FEATURES, CLASSES, HIDDEN = 8, 3, 16

DOCUMENT: dict[str, Any] = {
    "front": "native",
    "routes": {
        # An even split, so that callers who differ are told apart by their version.
        "scorer-canary": {"sticky": 'metadata["x-unit"]', "split": {"scorer/1": 1, "scorer/2": 1}},
        "scorer-closed": {"split": {"scorer/1": 1}, "pins": "deny"},
    },
    # One run of 0.2 s at a time, so that the next request waits behind it.
    "versions": {"slow/1": {"batching": "off", "instances": 1}},
}


def write(repository: Path) -> Path:
    """Every model of this file."""
    add_sub = {"INT32": TensorProto.INT32, "BYTES": TensorProto.STRING, "INT8": TensorProto.INT8}
    small_models.save(repository, "simple", 1, _sum_and_difference(add_sub["INT32"]))
    small_models.save(repository, "simple_string", 1, _sum_and_difference(add_sub["BYTES"]))
    small_models.save(repository, "simple_int8", 1, _sum_and_difference(add_sub["INT8"]))
    # Its counters are looked at: nobody else asks it.
    small_models.save(repository, "measured", 1, _sum_and_difference(add_sub["INT32"]))
    for datatype in small_models.ELEMENT_TYPES:
        small_models.save(repository, f"identity_{datatype.lower()}", 1, small_models.identity(datatype))
    for version in (1, 2):
        small_models.save(repository, "scorer", version, _scorer(version))
    small_models.save(repository, "slow", 1, small_models.slow())
    small_models.save(repository, "broken", 1, b"this is not an ONNX file")
    return repository


def answers(repository: Path) -> dict[str, Any]:
    """What ONNX Runtime itself says of `scorer`, for JSON: programs in other environments have neither it nor the models.

    `{"x": rows, "1": {"probability": rows, "label": [..]}, "2": ..}`; every FP32 survives the text.
    """
    x = np.random.default_rng(20).standard_normal((24, FEATURES), "f4")
    found: dict[str, Any] = {"x": x.tolist()}
    for version in ("1", "2"):
        session = onnxruntime.InferenceSession(
            repository / "scorer" / version / "model.onnx", providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        values = session.run(names, {"x": x})
        found[version] = {name: value.tolist() for name, value in zip(names, values, strict=True)}
    return found


def _sum_and_difference(element: int) -> onnx.ModelProto:
    """INPUT0 and INPUT1 [-1, 16] -> OUTPUT0 their sum, OUTPUT1 their difference, as Triton's `simple` models have them.

    Strings are decimal numbers; INT8 is what is left of the sum in eight bits.
    """
    node, int32 = onnx.helper.make_node, TensorProto.INT32
    return small_models._model(
        [
            *(node("Cast", [f"INPUT{number}"], [f"whole{number}"], to=int32) for number in (0, 1)),
            node("Add", ["whole0", "whole1"], ["sum"]),
            node("Sub", ["whole0", "whole1"], ["difference"]),
            node("Cast", ["sum"], ["OUTPUT0"], to=element),
            node("Cast", ["difference"], ["OUTPUT1"], to=element),
        ],
        inputs=[(f"INPUT{number}", element, ["N", ELEMENTS]) for number in (0, 1)],
        outputs=[(f"OUTPUT{number}", element, ["N", ELEMENTS]) for number in (0, 1)],
    )


def _scorer(seed: int) -> onnx.ModelProto:
    """X FP32 [-1, 8] -> probability FP32 [-1, 3], label INT64 [-1]: a small network whose weights the seed makes."""
    node, weights = onnx.helper.make_node, np.random.default_rng(seed)
    return small_models._model(
        [
            node("Gemm", ["x", "w1", "b1"], ["h"]),
            node("Relu", ["h"], ["r"]),
            node("Gemm", ["r", "w2", "b2"], ["z"]),
            node("Softmax", ["z"], ["probability"], axis=1),
            node("ArgMax", ["z"], ["label"], axis=1, keepdims=0),
        ],
        inputs=[("x", TensorProto.FLOAT, ["N", FEATURES])],
        outputs=[("probability", TensorProto.FLOAT, ["N", CLASSES]), ("label", TensorProto.INT64, ["N"])],
        constants={
            "w1": weights.standard_normal((FEATURES, HIDDEN), "f4"),
            "b1": weights.standard_normal(HIDDEN, "f4"),
            "w2": weights.standard_normal((HIDDEN, CLASSES), "f4"),
            "b2": weights.standard_normal(CLASSES, "f4"),
        },
    )
