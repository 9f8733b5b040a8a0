"""What a tensor is declared to be; nothing here knows numpy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output as the model declares it; -1 in the shape where any size goes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
