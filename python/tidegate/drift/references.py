"""Profiles and tables made to fit each other: what both have, with predictions, with the counts of another reference."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from tidegate.core.profiles import Profile, parse_profile
from tidegate.drift.counting import count, counted_tensors
from tidegate.drift.errors import NothingToCompare, ProfileMisfit
from tidegate.drift.models import Model, predictions
from tidegate.drift.progress import Progress
from tidegate.drift.signatures import bind
from tidegate.drift.tables import Table
from tidegate.errors import DocumentRefused

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


def narrowed(profile: Profile, table: Table, *, exclude: Collection[str] = ()) -> Profile:
    """The part of a profile that a table has the columns of: all inputs, and the predictions that it holds.

    Raises:
        ProfileMisfit: A column of an input is missing.
        NothingToCompare: Nothing is left.
    """
    kept = {(tensor.direction, tensor.name) for tensor in counted_tensors(profile, table, exclude=exclude)}
    document = json.loads(profile.text)
    tensors = [tensor for tensor in document["tensors"] if (tensor["direction"], tensor["name"]) in kept]
    for tensor in tensors:
        tensor["features"] = [feature for feature in tensor["features"] if feature["name"] not in exclude]
    document["tensors"] = [tensor for tensor in tensors if tensor["features"]]
    if not document["tensors"]:
        raise NothingToCompare(f"{table.name} has nothing of the profile that is to be compared.")
    return parse_profile(json.dumps(document, ensure_ascii=False))


def with_predictions(table: Table, profile: Profile, model: Model, *, progress: Progress) -> Table:
    """The table with the predictions that a model makes of its rows, under the names that a profile has for them.

    Raises:
        ProfileMisfit: The model is not the profile's, or the table has no column for one of its inputs.
        ModelUnusable: It cannot be run on these rows.
    """
    try:
        profile.bind(model.signature.to_document())
    except DocumentRefused as refused:
        raise ProfileMisfit([violation.reason for violation in refused.violations]) from None
    whole = [tensor for tensor in profile.tensors if len(tensor.features) == tensor.width]
    columns = {
        tensor.name: [feature.name for feature in tensor.features] for tensor in whole if tensor.direction == "input"
    }
    bound = bind(model.signature, table, columns)
    answers = model.predict(table, bound, advance=progress.begin(f"predicting {table.name}", table.rows))
    predicted, _ = predictions(answers, str(model.path))

    def read(name: str) -> Any:
        return predicted.read(name) if name in predicted.columns else table.read(name)

    columns_of_both = {**table.columns, **predicted.columns}
    return Table(
        name=table.name, columns=columns_of_both, rows=table.rows, read=read, predicted=frozenset(predicted.columns)
    )


def with_counts_of(profile: Profile, table: Table, *, progress: Progress | None = None) -> Profile:
    """The profile as if `table`, which has all of its columns, had been its reference, in the bins that it has.

    Its time chunks are gone, for they are of the old reference.

    Raises:
        ProfileMisfit: A column of an input is missing.
        ColumnsUnusable: A column holds what its tensor cannot.
    """
    cells = count(profile, table, progress=progress).cells()
    document = json.loads(profile.text)
    counted = iter(cells)
    for tensor in document["tensors"]:
        tensor["rows"] = table.rows
        tensor["features"] = [_recounted(feature, next(counted)) for feature in tensor["features"]]
    return parse_profile(json.dumps({**document, "rows": table.rows}, ensure_ascii=False))


def _recounted(feature: Mapping[str, Any], cell: Mapping[str, Any]) -> dict[str, Any]:
    return {**feature, "chunks": [], **{name: cell[name] for name in _TAKEN if name in cell}}
