"""A profile written by hand, and its bins counted by another way than the gateway's."""

from typing import Any

import numpy as np

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
