"""Counting and comparing tables: `python -m benchmarks.drift [--quick]`.

Prints a table and, on a full run, keeps it in `results/`. Exits with 1 when counting misses its bar. See
benchmarks/README.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import tables
from benchmarks.drift import columns
from benchmarks.peers.environments import ROOT, EnvironmentNotMadeError, clean, interpreter
from tidegate.drift import build_profile, compare
from tidegate.drift.counting import count
from tidegate.drift.tables import read_table

HERE = Path(__file__).parent
TITLE = "Counting and comparing tables"
COLUMNS = (
    ("what", "left"),
    ("values", "right"),
    ("million values/s/core", "right"),
    ("range", "left"),
    ("bar", "left"),
)
NOTE = (
    "CPU seconds of the whole process, imports left out; medians of interleaved rounds, with the least and the most. "
    "Evidently compares two frames, so both are counted as its values, as they are for compare."
)
BAR = 100.0
# A report of Evidently over all rows would take longer than all the others together.
EVIDENTLY_SHARE = 10
PEER_LIMIT_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Something that counts, how many values each of its rounds has, and its bar if it has one."""

    name: str
    values: int
    run: Callable[[], float]
    bar: float | None = None


def main() -> int:
    """Measure and report; 0 when the bar is reached."""
    settings = _settings()
    rows, width, rounds = (100_000, 5, 2) if settings.quick else (1_000_000, 20, 5)
    remarks = [f"load average of the machine when this began: {os.getloadavg()[0]:.2f}"]
    remarks.append(f"{rows:,} rows; {width} columns of FP32, FP64 and INT64, 4 of text; rounds: {rounds}")
    with tempfile.TemporaryDirectory(prefix="tidegate-drift-") as folder:
        contenders, installed, missing = _contenders(Path(folder), rows, width)
        speeds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        for _ in range(rounds):
            for contender in contenders:
                speeds[contender.name].append(contender.values / contender.run() / 1e6)
    table = tables.Table(
        title=TITLE,
        columns=COLUMNS,
        rows=[_row(contender, speeds[contender.name]) for contender in contenders],
        note=NOTE,
        lines=[*remarks, *missing],
    )
    tables.show(table)
    if not settings.quick:
        details = {"speeds": speeds, "remarks": table.lines}
        for path in tables.keep(
            settings.results, table, details, module="benchmarks.drift", tools=installed, suffix="-drift"
        ):
            print(f"kept in {path}")
    medians = {contender: statistics.median(speeds[contender.name]) for contender in contenders}
    return 0 if all(contender.bar is None or median >= contender.bar for contender, median in medians.items()) else 1


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small tables: does it run at all? Nothing kept.")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results", help="where results are kept")
    return parser.parse_args()


def _contenders(work: Path, rows: int, width: int) -> tuple[list[Contender], list[str], list[str]]:
    """Who takes part, what is installed for the others, and who is missing and why."""
    before, now = columns.floats(rows, width, seed=1), columns.floats(rows, width, seed=2)
    texts = columns.texts(rows, 4)
    wide = {name: values.astype(np.float64) for name, values in now.items()}
    whole = {name: (1000 * values).astype(np.int64) for name, values in now.items()}
    contenders = [
        Contender(name="counting FP32", values=rows * width, run=_counting(now), bar=BAR),
        Contender(name="counting FP64", values=rows * width, run=_counting(wide), bar=BAR),
        Contender(name="counting INT64", values=rows * width, run=_counting(whole), bar=BAR),
        Contender(name="counting text", values=rows * len(texts), run=_counting(texts)),
        Contender(name="compare, bins and laws included", values=2 * rows * width, run=lambda: _comparing(before, now)),
    ]
    few = rows // EVIDENTLY_SHARE
    files = {
        "now": columns.save(now, work / "now.npz"),
        "few before": columns.save({name: values[:few] for name, values in before.items()}, work / "few-before.npz"),
        "few now": columns.save({name: values[:few] for name, values in now.items()}, work / "few-now.npz"),
    }
    peers = {
        "whylogs": ("with_whylogs.py", [files["now"]], rows * width),
        "evidently": ("with_evidently.py", [files["few before"], files["few now"]], 2 * few * width),
    }
    installed, missing = [], []
    for name, (script, arguments, values) in peers.items():
        try:
            python = interpreter(name)
            first = _peer(python, script, arguments)
        except EnvironmentNotMadeError as error:
            missing.append(f"{name} is missing: {error}")
            continue
        installed.append(f"{name} {first['version']}")
        contenders.append(Contender(name=name, values=values, run=partial(_seconds, python, script, arguments)))
    return contenders, installed, missing


def _counting(data: dict[str, Any]) -> Callable[[], float]:
    """Counts an Arrow table in the bins of its own profile; what was counted is looked at after the clock has stopped."""
    table = read_table(pa.table(data), name="table")
    profile = build_profile(pa.table(data).slice(0, 50_000))

    def run() -> float:
        begin = time.process_time()
        counts = count(profile, table)
        seconds = time.process_time() - begin
        for cell in counts.cells():
            counted = sum(cell["counts"]) + sum(cell.get(name, 0) for name in ("other", "new", "null", "nan"))
            if counted != table.rows:
                raise AssertionError(f"{counted} of {table.rows} rows were counted")
        return seconds

    return run


def _comparing(before: dict[str, Any], now: dict[str, Any]) -> float:
    begin = time.process_time()
    compare(reference=pa.table(before), current=pa.table(now))
    return time.process_time() - begin


def _peer(python: Path, script: str, arguments: Sequence[Path]) -> dict[str, Any]:
    command = [str(python), str(HERE / script), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PEER_LIMIT_S, env=clean(), check=False)
    if ended.returncode != 0:
        raise EnvironmentNotMadeError((ended.stderr or ended.stdout).strip()[-500:])
    said: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return said


def _seconds(python: Path, script: str, arguments: Sequence[Path]) -> float:
    return float(_peer(python, script, arguments)["seconds"])


def _row(contender: Contender, speeds: Sequence[float]) -> list[str]:
    spread = f"{min(speeds):,.3g} to {max(speeds):,.3g}"
    bar = "" if contender.bar is None else f"≥ {contender.bar:g}"
    return [contender.name, f"{contender.values:,}", f"{statistics.median(speeds):,.3g}", spread, bar]


if __name__ == "__main__":
    sys.exit(main())
