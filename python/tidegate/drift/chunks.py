"""Time chunks of a reference: how far its own days lie from each other is what no alarm should be about.

A chunk is a day of the profile's time zone. A reference of less than ten days is split into hours or quarters of days
(which wander more, so that alarms come later), one of more than a hundred days into weeks or four weeks: ten chunks are the
fewest that say how much a reference wanders, and a hundred keep the profile small. A chunk with fewer than 100 rows (five
a bin) joins the one before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate import optional
from tidegate.drift.errors import ColumnsUnusable
from tidegate.drift.tables import Table, load_arrow
from tidegate.errors import Violation

FEWEST = 10
MOST = 100
FEWEST_ROWS = 100
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
_SPANS_S = (_HOUR_S, 6 * _HOUR_S, 7 * _DAY_S, 28 * _DAY_S)


def split_by_time(table: Table, name: str, timezone: str) -> npt.NDArray[np.uint32] | None:
    """Which chunk each row belongs to, counted from 0 in the order of time; None if there are fewer than ten.

    Raises:
        ColumnsUnusable: The column is missing, holds no times, or misses some.
    """
    seconds = _local_seconds(table, name, timezone)
    for span in (_DAY_S, *_SPANS_S):  # days if they will do, else the shortest span that does
        chunks = _joined(np.unique(seconds // span, return_inverse=True)[1])
        if FEWEST <= chunks.max() + 1 <= MOST:
            return chunks
    return None


def _joined(places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """The chunks without those of too few rows."""
    counts = np.bincount(places)
    numbers = np.zeros(len(counts), dtype=np.uint32)
    chunk, rows = 0, 0
    for place, count in enumerate(counts):
        if rows >= FEWEST_ROWS and count >= FEWEST_ROWS:
            chunk, rows = chunk + 1, 0
        numbers[place] = chunk
        rows += int(count)
    joined: npt.NDArray[np.uint32] = numbers[places]
    return joined


def _local_seconds(table: Table, name: str, timezone: str) -> npt.NDArray[np.int64]:
    """Seconds since 1970 as clocks of the time zone show them; times without a zone are taken as they stand."""
    arrow = load_arrow()
    compute = optional.load("pyarrow.compute", needed_for="time chunks")
    column = table.column(name)
    if column.null_count:
        reason = f"{column.null_count:,} of its times are null: leave these rows out, or build without --time"
        raise ColumnsUnusable(table.name, [Violation(name, reason)])
    try:
        if arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type):
            column = column.cast(arrow.timestamp("us", tz="UTC" if _has_zone(column) else None))
        if arrow.types.is_date(column.type):
            column = column.cast(arrow.timestamp("s"))
        if not arrow.types.is_timestamp(column.type):
            raise arrow.ArrowInvalid(f"it is a column of {column.type}")
        if column.type.tz is not None:
            column = compute.local_timestamp(column.cast(arrow.timestamp(column.type.unit, tz=timezone)))
        local: npt.NDArray[Any] = column.to_numpy().astype("datetime64[s]").astype(np.int64)
    except arrow.ArrowException as error:
        reason = f"holds no times: {str(error).splitlines()[0].rstrip('.')}"
        raise ColumnsUnusable(table.name, [Violation(name, reason)]) from None
    return local


def _has_zone(column: Any) -> bool:
    """Whether texts of time name their offset, as `…Z` and `…+01:00` do."""
    first = str(column[0].as_py()) if len(column) else ""
    return first.endswith("Z") or "+" in first or first.count("-") > 2  # noqa: PLR2004  # a date has two
