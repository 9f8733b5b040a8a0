"""Another reference for a profile: its bins, and the counts of another table in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidegate.core.profiles import Profile, parse_profile
from tidegate.drift.counting import count, counted_tensors
from tidegate.drift.progress import Progress
from tidegate.drift.tables import Table

_TAKEN = (
    "counts",
    "nan",
    "positive_infinite",
    "negative_infinite",
    "null",
    "min",
    "max",
    "mean",
    "sd",
    "other",
    "new",
    "min_length",
    "max_length",
)


def with_counts_of(profile: Profile, table: Table, *, progress: Progress | None = None) -> Profile:
    """The profile as if `table` had been its reference, in the bins that it has.

    Its time chunks are gone, for they are of the old reference; so is what the table has no columns for.

    Raises:
        ProfileMisfit: A column of an input is missing.
        ColumnsUnusable: A column holds what its tensor cannot.
        TableUnreadable: It has no rows.
    """
    cells = count(profile, table, progress=progress).cells()
    kept = {(tensor.direction, tensor.name) for tensor in counted_tensors(profile, table)}
    document = json.loads(profile.text)
    tensors = []
    at = 0
    for tensor in document["tensors"]:
        own = cells[at : at + len(tensor["features"])]
        at += len(own)
        if (tensor["direction"], tensor["name"]) in kept:
            features = [_recounted(feature, cell) for feature, cell in zip(tensor["features"], own, strict=True)]
            tensors.append({**tensor, "rows": table.rows, "features": features})
    return parse_profile(json.dumps({**document, "rows": table.rows, "tensors": tensors}, ensure_ascii=False))


def _recounted(feature: Mapping[str, Any], cell: Mapping[str, Any]) -> dict[str, Any]:
    return {**feature, "chunks": [], **{name: cell[name] for name in _TAKEN if name in cell}}
