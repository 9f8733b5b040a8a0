"""Time chunks are days where there are enough of them, and never too small to say anything."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from tidegate.drift.chunks import FEWEST_ROWS, split_by_time
from tidegate.drift.errors import ColumnsUnusable
from tidegate.drift.tables import read_table

START = datetime(2013, 1, 1, tzinfo=UTC)


def times(days, rows_a_day=FEWEST_ROWS):
    """The same number of rows each day, not in order."""
    step = timedelta(days=1) / rows_a_day
    listed = [START + at * step for at in range(int(days * rows_a_day))]
    return list(np.random.default_rng(1).permutation(np.array(listed)))


def split(values, timezone="UTC", kind=None):
    return split_by_time(read_table(pa.table({"time": pa.array(values, kind)}), name="table"), "time", timezone)


@pytest.mark.parametrize(
    "days, chunks", [(10, 10), (100, 100), (101, 16), (365, 53), (730, 27), (9, 36), (1, 24)], ids=str
)
def test_chunks_are_days_if_that_makes_ten_to_a_hundred_of_them(days, chunks):
    rows = FEWEST_ROWS * 24 if days < 10 else FEWEST_ROWS
    assert split(times(days, rows)).max() + 1 == chunks


def test_chunks_are_numbered_in_the_order_of_time_wherever_rows_stand():
    values = times(12)
    chunks = split(values)
    assert chunks.dtype == np.uint32
    assert chunks.tolist() == [(time - START).days for time in values]


def test_fewer_than_ten_chunks_say_nothing():
    assert split(times(9, rows_a_day=8)) is None
    assert split([START]) is None


def test_a_day_of_few_rows_joins_the_one_before_it():
    values = sorted(times(12))
    without_most_of_the_third = values[: 2 * FEWEST_ROWS + 5] + values[3 * FEWEST_ROWS :]
    counts = np.bincount(split(without_most_of_the_third))
    assert counts.tolist() == [FEWEST_ROWS, FEWEST_ROWS + 5, *[FEWEST_ROWS] * 9]


@pytest.mark.parametrize("timezone, pairs", [("UTC", False), ("America/New_York", True), ("Asia/Tokyo", True)])
def test_days_begin_at_midnight_of_the_time_zone(timezone, pairs):
    # 22:00 and 1:00 UTC are of one day in New York and in Tokyo, and of two in UTC.
    evenings = [START + timedelta(days=at, hours=22) for at in range(12)]
    values = [
        time for evening in evenings for time in (evening, evening + timedelta(hours=3)) for _ in range(FEWEST_ROWS)
    ]
    whole, half = 2 * FEWEST_ROWS, FEWEST_ROWS
    assert np.bincount(split(values, timezone)).tolist() == ([whole] * 12 if pairs else [half, *[whole] * 11, half])


@pytest.mark.parametrize("kind", ["text", "text with zone", "date", "naive", "nanoseconds"])
def test_times_come_in_any_form(kind):
    days = sorted(times(12))
    values, arrow = {
        "text": ([f"{day:%Y-%m-%d %H:%M:%S}" for day in days], pa.string()),
        "text with zone": ([f"{day:%Y-%m-%dT%H:%M:%S}Z" for day in days], pa.string()),
        "date": ([day.date() for day in days], pa.date32()),
        "naive": ([day.replace(tzinfo=None) for day in days], pa.timestamp("s")),
        "nanoseconds": (days, pa.timestamp("ns", tz="UTC")),
    }[kind]
    assert split(values, kind=arrow).tolist() == [(day - START).days for day in days]


@pytest.mark.parametrize(
    "values, reason",
    [
        ([START, None], "1 of its times are null"),
        ([1, 2], "holds no times: it is a column of int64"),
        (["noon"], "holds no times"),
    ],
)
def test_a_column_of_no_times_is_refused(values, reason):
    with pytest.raises(ColumnsUnusable, match=f"time: {reason}"):
        split(values)


def test_a_missing_column_of_times_is_named():
    with pytest.raises(ColumnsUnusable, match="when: is missing; the columns are time"):
        split_by_time(read_table({"time": [START]}, name="table"), "when", "UTC")
