"""Parameters of a training as JSON, refused before it begins where they are none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.errors import Violation
from tidegate.training.errors import TrainingRefused


def json_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as JSON; numbers and arrays of numpy as those of Python.

    Raises:
        TrainingRefused: Some are no JSON; all of them are named.
    """
    faults: list[Violation] = []

    def plain(value: Any, path: str) -> Any:
        match value:
            case None | bool() | int() | str():
                return value
            case float():
                if math.isfinite(value):
                    return float(value)
                faults.append(Violation(path, f"must be finite, got {value}"))
                return None
            case Mapping():
                return {str(key): plain(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                items = sorted(value) if isinstance(value, set | frozenset) else value
                return [plain(item, f"{path}[{at}]") for at, item in enumerate(items)]
            case Path():
                return str(value)
        if hasattr(value, "tolist"):
            return plain(value.tolist(), path)
        faults.append(Violation(path, f"{type(value).__name__} is no value of JSON"))
        return None

    found = {str(name): plain(value, str(name)) for name, value in params.items()}
    if faults:
        places = "; ".join(f"{path}: {reason}" for path, reason in faults)
        raise TrainingRefused(f"These params cannot be kept: {places}.", tuple(faults))
    return found
