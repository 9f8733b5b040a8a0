"""A profile written by hand, its bins counted by another way than the gateway's, and what a gateway says of a route."""

import json
import struct
import subprocess
from collections.abc import Sequence
from typing import Any

import numpy as np

from support.asking import Asker, asked
from support.gateway import TIDEGATE, Gateway
from support.waiting import until
from support.watching import read
from tidegate.inference import open_inference_pb2 as messages

DAY_S = 86_400
DAY = 15_800 * DAY_S
# A monitor of the route `sum` whose requests say when they happened.
CLOCK = {"observe": {"clock": 'metadata["x-event-time"]'}}

EDGES = [-1.0, -0.5, 0.0, 0.5, 1.0]


def feature(name: str, column: int, reference: np.ndarray) -> dict[str, Any]:
    """The part of a profile that is about one column."""
    finite = reference[np.isfinite(reference)]
    return {
        "name": name,
        "column": column,
        "weight": 1.0,
        "nullable": False,
        "kind": "numeric",
        "edges": EDGES,
        "counts": bins(reference),
        "nan": int(np.isnan(reference).sum()),
        "positive_infinite": 0,
        "negative_infinite": 0,
        "null": 0,
        "min": float(finite.min()),
        "max": float(finite.max()),
        "mean": float(finite.mean(dtype=np.float64)),
        "sd": float(finite.std(ddof=1, dtype=np.float64)),
        "sentinel": None,
        "chunks": [],
    }


def bins(values: np.ndarray) -> list[int]:
    """Right-closed bins, by another way than the gateway's."""
    finite = values[np.isfinite(values)]
    places = np.searchsorted(np.float32(EDGES), finite, side="left")
    return [int(count) for count in np.bincount(places, minlength=len(EDGES) + 1)]


def tensor(name: str, direction: str, reference: np.ndarray) -> dict[str, Any]:
    """A tensor of four columns."""
    return {
        "name": name,
        "direction": direction,
        "datatype": "FP32",
        "width": 4,
        "in_sample": False,
        "rows": len(reference),
        "features": [feature(f"{name}{column}", column, reference[:, column]) for column in range(4)],
    }


def profile(rows: int = 20_000) -> dict[str, Any]:
    """A profile of `add/1` over normal rows."""
    reference = np.random.default_rng(1).normal(size=(rows, 4)).astype(np.float32)
    tensors = [tensor("x", "input", reference), tensor("y", "output", reference + np.float32(1))]
    return {"format": "tidegate.profile/1", "rows": rows, "tensors": tensors}


def watched(gateway: Gateway, route: str = "sum") -> dict[str, Any]:
    """What the gateway knows of the versions of a route, by version."""
    versions = json.loads(read(gateway, f"/drift/{route}"))["versions"]
    return {found["version"]: found["watch"] for found in versions if found["is_served"]}


def unjudged(gateway: Gateway, version: str, rows: int, length: str = "1d", route: str = "sum") -> dict[str, Any]:
    """The cells of the features that are not judged, once so many rows are counted in the newest window of a length."""

    def counted() -> dict[str, Any] | None:
        watch = watched(gateway, route).get(version)
        cells = {each["feature"]: each["windows"].get(length) for each in watch["unjudged"]} if watch else {}
        is_whole = bool(cells) and all(cell and cell["cell"]["rows"] == rows for cell in cells.values())
        return {name: cell["cell"] for name, cell in cells.items() if cell} if is_whole else None

    return until(counted, what=f"{rows} rows") or {}


def judged_day(gateway: Gateway, day: int, version: str = "add/1") -> dict[str, Any]:
    """The features of a day, once it is judged: each finding with its cell."""

    def latest() -> Any:
        watch = watched(gateway).get(version)
        track = watch and watch["windows"].get("1d")
        return (track and track["latest"]) or {}

    until(lambda: latest().get("start_s", 0) >= day, what="a judged day")
    assert latest()["start_s"] == day
    return {found["finding"]["feature"]: found for found in latest()["features"]}


def ask(calls: Asker, inputs: dict[str, np.ndarray], at: int | None = None, route: str = "sum") -> None:
    """Asks for rows that happened at a time; the answer must come."""
    metadata = () if at is None else (("x-event-time", str(at)),)
    calls.begin(asked(route, inputs), metadata=metadata).result()


def asked_strings(route: str, name: str, values: Sequence[bytes]) -> messages.ModelInferRequest:
    """A request of a column of strings."""
    message = messages.ModelInferRequest(model_name=route)
    message.inputs.add(name=name, datatype="BYTES", shape=[len(values)])
    message.raw_input_contents.append(b"".join(struct.pack("<I", len(value)) + value for value in values))
    return message


def command(*words: str) -> tuple[int, str]:
    """What a command of tidegate prints, and its exit code."""
    done = subprocess.run([TIDEGATE, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
