"""A model of any number of columns with a profile of twenty bins each."""

import json
from pathlib import Path

import numpy as np

from support import models, row_models

BINS = 20
EDGES = [round(-2 + 4 * at / (BINS - 2), 3) for at in range(BINS - 1)]


def repository(folder: Path, width: int) -> Path:
    """A repository of such a model, `wide/1`."""
    reference = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    counts = np.bincount(np.searchsorted(np.float32(EDGES), reference), minlength=BINS)
    numeric = {
        "kind": "numeric",
        "edges": EDGES,
        "counts": counts.tolist(),
        "min": float(reference.min()),
        "max": float(reference.max()),
        "mean": float(reference.mean()),
        "sd": float(reference.std()),
    }
    features = [{"name": f"f{column}", "column": column, **numeric} for column in range(width)]
    tensor = {"name": "x", "direction": "input", "datatype": "FP32", "width": width, "features": features}
    models.save(folder, "wide", 1, row_models.wide(width))
    document = {"format": "tidegate.profile/1", "rows": 2_000, "tensors": [tensor]}
    (folder / "wide/1/profile.json").write_text(json.dumps(document))
    return folder
