"""A model of every kind of feature, a profile of it, and rows that keep or break the profile's rules."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from support import models as small_models
from support.calls import request
from tidegate import drift
from tidegate.inference import open_inference_pb2 as oip

ROWS = 400
KINDS = {
    "hour": (TensorProto.FLOAT, 2),
    "fare": (TensorProto.DOUBLE, 1),
    "age": (TensorProto.INT64, 1),
    "carrier": (TensorProto.STRING, 1),
}
USUAL: dict[str, Any] = {"hour[0]": 12.5, "hour[1]": 1.0, "fare": 2.5, "age": 30, "carrier": "UA"}
"""A row that keeps every rule."""


def reference() -> dict[str, Any]:
    """Hours of which the second may be missing, fares that may be infinitely large, ages, and many carriers."""
    rng = np.random.default_rng(3)
    hours = rng.uniform(5, 23.5, size=(ROWS, 2)).astype(np.float32)
    hours[0], hours[1] = 5, 23.5
    hours[2:9, 1] = np.nan
    hours[:, 1] /= 10
    fares = rng.uniform(1, 4, size=ROWS)
    fares[:2] = (np.inf, 4)
    # More than have a bin of their own.
    carriers = ["UA", "B6", *(f"C{at:03d}" for at in range(ROWS - 2))]
    return {
        "hour[0]": hours[:, 0],
        "hour[1]": hours[:, 1],
        "fare": fares,
        "age": np.arange(ROWS, dtype=np.int64) % 50 + 20,
        "carrier": carriers,
    }


def write(repository: Path) -> Path:
    """`gated/1` with a profile, `gated/2` without one."""
    for version in (1, 2):
        path = small_models.save(repository, "gated", version, _model())
    path = repository / "gated/1/model.onnx"
    choices = drift.Choices(sentinels={"age": -1, "carrier": "missing"})
    profile = drift.build_profile(reference(), model=path, choices=choices)
    path.with_name("profile.json").write_text(profile.text)
    return repository


def profile(repository: Path) -> Any:
    """The profile of `gated/1`."""
    return drift.read_profile(repository / "gated/1/profile.json")


def rows(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """A usual row for each of these changes to it."""
    return [USUAL | change for change in changes]


def columns(given: list[dict[str, Any]]) -> dict[str, Any]:
    """The same rows as a table."""
    dtypes = {"hour[0]": np.float32, "hour[1]": np.float32, "fare": np.float64, "age": np.int64}
    table = {name: np.array([row[name] for row in given], dtype=dtype) for name, dtype in dtypes.items()}
    return {**table, "carrier": [row["carrier"] for row in given]}


def message(given: list[dict[str, Any]], model: str = "gate", **fields: Any) -> oip.ModelInferRequest:
    """A raw request of these rows; its inputs do not come in the order of the model."""
    table, count = columns(given), len(given)
    hours = np.stack([table["hour[0]"], table["hour[1]"]], axis=1)
    texts = [row["carrier"].encode() for row in given]
    return request(
        model,
        ("carrier", "BYTES", [count, 1], b"".join(len(text).to_bytes(4, "little") + text for text in texts)),
        ("hour", "FP32", [count, 2], hours.tobytes()),
        ("fare", "FP64", [count, 1], table["fare"].tobytes()),
        ("age", "INT64", [count, 1], table["age"].tobytes()),
        **fields,
    )


def _model() -> onnx.ModelProto:
    """Every input comes back."""
    inputs = [helper.make_tensor_value_info(name, kind, ["N", width]) for name, (kind, width) in KINDS.items()]
    outputs = [
        helper.make_tensor_value_info(f"{name}_out", kind, ["N", width]) for name, (kind, width) in KINDS.items()
    ]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in KINDS]
    graph = helper.make_graph(nodes, "gated", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
