"""Libraries that a caller may have: loaded when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any


def load(library: str, *, needed_for: str) -> Any:
    """The library.

    Raises:
        ModuleNotFoundError: It is not installed; the sentence says how to.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as absent:
        if absent.name != library:  # it is there, and misses something itself
            raise
        raise ModuleNotFoundError(f"{needed_for} needs {library}: pip install {library}", name=library) from None
