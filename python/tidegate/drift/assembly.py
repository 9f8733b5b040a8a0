"""A profile, put together from its tensors and the tables that their columns are in."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.core.profiles import Profile, build_feature, parse_profile
from tidegate.datatypes import BYTES, FLOATS
from tidegate.drift.columns import read_whole
from tidegate.drift.errors import ColumnsUnusable, ProfileMisfit
from tidegate.drift.progress import Progress
from tidegate.drift.signatures import BoundTensor
from tidegate.drift.tables import Table
from tidegate.errors import Violation

FORMAT = "tidegate.profile/1"
BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may say of features, by their names."""

    bins: int = BINS
    exclude: Collection[str] = ()
    """Features that are not watched."""
    weights: Mapping[str, float] = field(default_factory=dict)
    sentinels: Mapping[str, float | str] = field(default_factory=dict)
    """Values that stand for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A tensor and the table that its columns are in."""

    table: Table = field(kw_only=False)
    tensor: BoundTensor = field(kw_only=False)
    direction: str = "input"
    in_sample: bool = False
    chunks: npt.NDArray[np.uint32] | None = None
    """The time chunk of each row."""


def assemble(sources: Sequence[Source], head: Mapping[str, Any], choices: Choices, progress: Progress) -> Profile:
    """The profile of these tensors.

    Args:
        sources: The tensors.
        head: What the document says of the whole: `rows`, `timezone`, `label`.
        choices: Bins, weights, sentinels, and features to leave out.
        progress: Who shows how far it is.

    Raises:
        ProfileMisfit: A choice names no feature.
        ColumnsUnusable: A column holds what its tensor cannot.
        DocumentRefused: What comes out is no profile, as when an input and an output have a feature of the same name.
    """
    _check_names(choices, sources)
    advance = progress.begin("counting", sum(len(source.tensor.columns) for source in sources))
    tensors = [_tensor(source, choices, advance) for source in sources]
    watched = [tensor for tensor in tensors if tensor["features"]]
    return parse_profile(
        json.dumps({"format": FORMAT, **head, "tensors": watched}, allow_nan=False, ensure_ascii=False)
    )


def _tensor(source: Source, choices: Choices, advance: Callable[[int], None]) -> dict[str, Any]:
    """A tensor of the document, with the features that are watched."""
    tensor = source.tensor
    features = []
    for at, name in enumerate(tensor.columns):
        if name not in choices.exclude:
            features.append(_feature(source, at, name, choices))
        advance(1)
    return {
        "name": tensor.name,
        "direction": source.direction,
        "datatype": tensor.datatype,
        "width": len(tensor.columns),
        "in_sample": source.in_sample,
        "rows": source.table.rows,
        "features": features,
    }


def _feature(source: Source, at: int, name: str, choices: Choices) -> dict[str, Any]:
    datatype = source.tensor.datatype
    sentinel = _sentinel(choices.sentinels.get(name), datatype, name, source.table)
    values = read_whole(source.table, name, datatype, sentinel)
    settings = {"name": name, "column": at, "datatype": datatype, "bins": choices.bins, "sentinel": sentinel}
    feature = build_feature({**settings, "weight": choices.weights.get(name, 1.0)}, values, source.chunks)
    return {**feature, "nullable": feature.get("nan", 0) + feature["null"] > 0}


def _sentinel(said: float | str | None, datatype: str, name: str, table: Table) -> float | str | None:
    """The value that stands for nothing, in the kind of the tensor: what is typed is always text."""
    if said is None or (datatype == BYTES) == isinstance(said, str):
        return said
    try:
        if datatype != BYTES:
            return float(said) if datatype in FLOATS else int(said)
    except ValueError:
        pass
    raise ColumnsUnusable(table.name, [Violation(name, f"{said!r} cannot stand for nothing in {datatype}")])


def _check_names(choices: Choices, sources: Sequence[Source]) -> None:
    """A name that is misspelt must not silently mean nothing."""
    known = [name for source in sources for name in source.tensor.columns]
    columns = {name for source in sources for name in source.table.columns}
    reasons = [
        f"{name} is to be left out, and is no feature" for name in choices.exclude if name not in columns | {*known}
    ]
    for what, names in (("a weight", choices.weights), ("a sentinel", choices.sentinels)):
        reasons += [f"{name} has {what}, and is no feature" for name in names if name not in known]
    if reasons:
        raise ProfileMisfit(reasons, profile=known)
