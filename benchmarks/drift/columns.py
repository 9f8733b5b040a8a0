"""The columns that every library is given: normal numbers, some of them heavy values, and categories."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SEED = 2013
CATEGORIES = 16


def floats(rows: int, columns: int, seed: int = SEED) -> dict[str, Any]:
    """Columns `x0` … of FP32; a tenth of each is zero, as in counts and amounts."""
    rng = np.random.default_rng(seed)
    made = {f"x{at}": rng.normal(at, 1 + at, rows).astype(np.float32) for at in range(columns)}
    for values in made.values():
        values[rng.random(rows) < 0.1] = 0
    return made


def texts(rows: int, columns: int, seed: int = SEED) -> dict[str, Any]:
    """Columns `c0` … of text with two letters, some frequent and some not."""
    rng = np.random.default_rng(seed)
    names = np.array([f"{chr(65 + at)}{chr(90 - at)}" for at in range(CATEGORIES)])
    shares = 1 / np.arange(1, CATEGORIES + 1)
    return {f"c{at}": rng.choice(names, rows, p=shares / shares.sum()) for at in range(columns)}


def save(columns: Mapping[str, Any], path: Path) -> Path:
    """The columns as a file that every environment can read."""
    np.savez(path, **columns)
    return path
