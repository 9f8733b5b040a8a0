"""Versions `add/N` that add their own number, and what a route over them answers."""

from pathlib import Path

import numpy as np

from support import models as small_models
from support.asking import Asker, tensors

ROW = {"x": np.float32([[1, 2, 3, 4]])}


def write(repository: Path) -> Path:
    """Three versions that add their own number, `add/8` that is no model, `add/9` that takes something else."""
    for version in (1, 2, 3):
        small_models.save(repository, "add", version, small_models.add(version))
    small_models.save(repository, "add", 8, b"torn")
    small_models.save(repository, "add", 9, small_models.two_in_two_out())
    return repository


def route(*versions: int, **more):
    """A route that deals evenly between versions."""
    return {"split": {f"add/{version}": 1 for version in versions}, **more}


def added(calls: Asker, name: str = "sum") -> float:
    """What the version that answers adds."""
    return float(tensors(calls.infer(name, ROW))["y"][0, 0] - 1)
