"""Departures made from a seed: what tests of drift compare. They fit the model of `support.flights`."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

CARRIERS = ("UA", "B6", "EV", "DL", "AA", "HA")
SHARES = (0.3, 0.25, 0.2, 0.15, 0.09, 0.01)
RUSH_HOURS = (8.0, 12.0, 17.0)
START = datetime(2013, 1, 1)  # noqa: DTZ001  # as clocks in New York show it


def departures(rows: int = 4_000, *, seed: int = 1, days: int = 20) -> pa.Table:
    """Rows that are evenly spread over days, a quarter of them at rush hours."""
    rng = np.random.default_rng(seed)
    hours = rng.normal(13.5, 4, rows).clip(5, 23.9)
    is_rush = rng.random(rows) < 0.25
    hours[is_rush] = rng.choice(RUSH_HOURS, is_rush.sum())
    times = [START + timedelta(days=days * at / rows) for at in range(rows)]
    return pa.table(
        {
            "time_hour": pa.array(times, pa.timestamp("s")),
            "carrier": rng.choice(CARRIERS, rows, p=SHARES),
            "dep_hour": hours,
            "late": rng.random(rows) < 0.3,
        }
    )


def with_column(table: pa.Table, name: str, values: object) -> pa.Table:
    """The table with other values in one column."""
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))
