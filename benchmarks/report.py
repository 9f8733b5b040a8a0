"""The table of a benchmark of cells."""

import dataclasses
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.cells import Bar, Cell
from benchmarks.measure import Ratio, Result, Run, asked_share
from benchmarks.tables import Table

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


def table(title: str, cells: Sequence[Cell], results: Sequence[Result], remarks: Sequence[str]) -> Table:
    """One row a cell, then the shares that the versions answered, then the remarks."""
    return Table(title=title, columns=COLUMNS, rows=_rows(cells, results), note=NOTE, lines=[*_arms(results), *remarks])


def details(results: Sequence[Result], remarks: Sequence[str]) -> dict[str, Any]:
    """Every run of every cell."""
    return {"remarks": list(remarks), "cells": [dataclasses.asdict(result) for result in results]}


def _rows(cells: Sequence[Cell], results: Sequence[Result]) -> list[list[str]]:
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


def _arms(results: Sequence[Result]) -> list[str]:
    """For each cell with a split, the share of requests that each version answered beside the asked share."""
    lines: list[str] = []
    for result in results:
        total = sum(result.arms.values())
        for name, count in sorted(result.arms.items()):
            lines.append(f"{result.cell}: {name} answered {count / total:.2%}, asked {asked_share(name):.0%}")
    return lines


def _verdict(cell: Cell, result: Result) -> str:
    if cell.bar is Bar.NONE:
        return Bar.NONE.value
    sign = "≤" if cell.bar is Bar.LATENCY else "≥"
    return f"{sign} {cell.ratio:g}x: {'passed' if result.passed else 'MISSED'}"


def _middle(runs: Sequence[Run], field: str, digits: int) -> str:
    return f"{median(getattr(run, field) for run in runs):,.{digits}f}"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.median:.2f} ({ratio.least:.2f}-{ratio.most:.2f})"
