"""The same months without a gateway: what `tidegate drift compare` makes of the rows, held against what the gateway did."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tidegate import drift
from tidegate.demo.year import Replayed

SEED = 2013


def write_table(replayed: Replayed, folder: Path) -> Path:
    """What was asked and answered in a month, as a file that `tidegate drift compare` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{replayed.month.name}.parquet"
    parquet.write_table(pa.table(dict(replayed.table)), path)
    return path


def differences(gateway: drift.Report, table: drift.Report) -> list[str]:
    """Every number, share, bin and cause that a gateway and a table disagree on, as `feature.field: one, not other`."""
    found = []
    for name in sorted({*gateway, *table}):
        sides = [dict(_leaves(name, asdict(report[name]))) if name in report else {} for report in (gateway, table)]
        places = sorted({*sides[0], *sides[1]})
        unequal = [place for place in places if sides[0].get(place) != sides[1].get(place)]
        found += [
            f"{place}: {sides[0].get(place)} at the gateway, {sides[1].get(place)} in the table" for place in unequal
        ]
    return found


def compare_halves(table: Mapping[str, Any], profile: drift.Profile) -> drift.Report:
    """One half of a month's rows against the other, drawn at random, with no PSI tolerated."""
    shuffled = pa.table(dict(table))
    order = np.random.default_rng(SEED).permutation(shuffled.num_rows)
    halves = [shuffled.take(part) for part in np.array_split(order, 2)]
    settings = drift.Settings(tolerate_psi=0.0)
    return drift.compare(reference=halves[0], current=halves[1], profile=profile, settings=settings)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _leaves(f"{path}.{name}", inner)
        case list() | tuple():
            for at, inner in enumerate(value):
                yield from _leaves(f"{path}[{at}]", inner)
        case _:
            yield path, value
