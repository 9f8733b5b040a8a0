"""Counting a table by a profile: the same bins and the same code as in the gateway, one column at a time."""

from __future__ import annotations

from collections.abc import Collection

from tidegate.core.profiles import Counts, Profile, ProfileTensor
from tidegate.drift.columns import read_values
from tidegate.drift.errors import ProfileMisfit
from tidegate.drift.progress import Progress, Silent
from tidegate.drift.tables import Table


def count(profile: Profile, table: Table, *, progress: Progress | None = None) -> Counts:
    """What lies in the bins of a profile.

    Features are columns of their names, in any order. A tensor of predictions is counted if the table has all of its columns, as
    a log of answers does.

    Raises:
        ProfileMisfit: A column of an input is missing.
        ColumnsUnusable: A column holds what its tensor cannot.
    """
    tensors = counted_tensors(profile, table)
    advance = (progress or Silent()).begin(f"counting {table.name}", sum(len(tensor.features) for tensor in tensors))
    counts = profile.counts()
    for tensor in tensors:
        for feature in tensor.features:
            for values in read_values(table, feature.name, tensor.datatype, feature.sentinel):
                counts.add(tensor, feature, values)
            advance(1)
    return counts


def counted_tensors(profile: Profile, table: Table, *, exclude: Collection[str] = ()) -> list[ProfileTensor]:
    """The tensors whose columns a table has.

    Raises:
        ProfileMisfit: A column of an input is missing.
    """
    tensors, absent = [], []
    for tensor in profile.tensors:
        names = [feature.name for feature in tensor.features if feature.name not in exclude]
        missing = [name for name in names if name not in table.columns]
        if tensor.direction == "input":
            absent += missing
        # The label of a table is what happened, unless a model has just predicted it.
        is_label = tensor.direction == "output" and profile.label in names and profile.label not in table.predicted
        if not missing and not is_label:
            tensors.append(tensor)
    if absent:
        reasons = [f"{table.name} has no column {', '.join(absent)}"]
        raise ProfileMisfit(reasons, profile=[feature.name for feature in profile.features], table=table.columns)
    return tensors
