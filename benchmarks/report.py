"""How a benchmark's results are shown and kept."""

import dataclasses
import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import h2load
from benchmarks.cells import Bar, Cell
from benchmarks.measure import Ratio, Result, Run, asked_share
from benchmarks.metrics import cpu_name

COLUMNS = (
    ("cell", "left"),
    ("req/s", "right"),
    ("reference", "right"),
    ("ratio", "right"),
    ("CPU µs/request", "right"),
    ("reference", "right"),
    ("ratio", "right"),
    ("p50 µs", "right"),
    ("reference", "right"),
    ("ratio", "right"),
    ("p99 µs", "right"),
    ("reference", "right"),
    ("bar", "left"),
)
NOTE = (
    "Ratios are medians of the pairs' ratios (least to most); CPU ratios say how many times less CPU a request takes. "
    "Client and servers share the cores; the loop is closed."
)


def rows(cells: Sequence[Cell], results: Sequence[Result]) -> list[list[str]]:
    """One row a cell, in the order of COLUMNS."""
    made: list[list[str]] = []
    for cell, result in zip(cells, results, strict=True):
        mine, theirs = result.mine(), result.theirs()
        made.append(
            [
                cell.name,
                _middle(mine, "rate", 0),
                _middle(theirs, "rate", 0),
                _ratio(result.throughput),
                _middle(mine, "cpu_us", 1),
                _middle(theirs, "cpu_us", 1),
                _ratio(result.cpu),
                _middle(mine, "p50_us", 0),
                _middle(theirs, "p50_us", 0),
                _ratio(result.p50),
                _middle(mine, "p99_us", 0),
                _middle(theirs, "p99_us", 0),
                _verdict(cell, result),
            ]
        )
    return made


def arms(results: Sequence[Result]) -> list[str]:
    """For each cell with a split, the share of requests that each version answered beside the asked share."""
    lines: list[str] = []
    for result in results:
        total = sum(result.arms.values())
        for name, count in sorted(result.arms.items()):
            lines.append(f"{result.cell}: {name} answered {count / total:.2%}, asked {asked_share(name):.0%}")
    return lines


def show(title: str, cells: Sequence[Cell], results: Sequence[Result], remarks: Sequence[str]) -> None:
    """Print the table and the remarks."""
    # Wide enough for every column even where the output is a file.
    console = Console(width=max(190, Console().width))
    table = Table(title=title, caption=NOTE, caption_justify="left")
    for name, side in COLUMNS:
        table.add_column(name, justify="right" if side == "right" else "left", no_wrap=True)
    for row in rows(cells, results):
        table.add_row(*row)
    console.print(table)
    for line in [*arms(results), *remarks]:
        console.print(line, highlight=False, markup=False)


def keep(
    folder: Path, title: str, cells: Sequence[Cell], results: Sequence[Result], remarks: Sequence[str]
) -> tuple[Path, Path]:
    """Write `<date>-<cpu>.json` with every run and `.md` with the table; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    surroundings = _surroundings()
    stem = f"{surroundings['date'][:10]}-{_slug(surroundings['cpu'])}"
    document = {
        "title": title,
        **surroundings,
        "remarks": list(remarks),
        "cells": [dataclasses.asdict(result) for result in results],
    }
    machine_readable, readable = folder / f"{stem}.json", folder / f"{stem}.md"
    machine_readable.write_text(json.dumps(document, indent=1) + "\n")
    lines = [f"# {title}", ""]
    lines += [f"- {name}: {value}" for name, value in surroundings.items()]
    lines += ["", "| " + " | ".join(name for name, _ in COLUMNS) + " |"]
    lines += ["|" + "|".join("---:" if side == "right" else "---" for _, side in COLUMNS) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows(cells, results)]
    lines += ["", NOTE, ""] + [f"- {line}" for line in [*arms(results), *remarks]]
    readable.write_text("\n".join(lines) + "\n")
    return machine_readable, readable


def _verdict(cell: Cell, result: Result) -> str:
    if cell.bar is Bar.NONE:
        return Bar.NONE.value
    sign = "≤" if cell.bar is Bar.LATENCY else "≥"
    return f"{sign} {cell.ratio:g}x: {'passed' if result.passed else 'MISSED'}"


def _surroundings() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "command": " ".join(["python -m benchmarks.bench", *sys.argv[1:]]),
        "versions": ", ".join([f"Python {platform.python_version()}", *_versions(), h2load.version()]),
    }


def _versions() -> list[str]:
    found: list[str] = []
    for package in ("tidegate", "onnxruntime", "grpcio", "numpy"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return found


def _middle(runs: Sequence[Run], field: str, digits: int) -> str:
    return f"{median(getattr(run, field) for run in runs):,.{digits}f}"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.median:.2f} ({ratio.least:.2f}-{ratio.most:.2f})"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", text.lower())).strip("-")
