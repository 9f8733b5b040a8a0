"""The tables of the servers beside each other: all figures, and the short one of the README."""

import dataclasses
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.cells import CELLS
from benchmarks.measure import Ratio
from benchmarks.peers.rounds import Contest, Standing
from benchmarks.tables import Table

COLUMNS = (
    ("cell", "left"),
    ("server", "left"),
    ("req/s", "right"),
    ("times plain grpc.aio", "right"),
    ("CPU µs/request", "right"),
    ("times less CPU", "right"),
    ("p50 ms", "right"),
    ("p99 ms", "right"),
    ("bar", "left"),
)
NOTE = (
    "Figures are medians; ratios are medians of the rounds' ratios to the plain server of the same round (least to most). "
    "CPU is that of all processes of a server. Client and servers share the cores; the loop is closed."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How many times the yardstick's rate the `server` must have in every cell."""

    server: str
    ratio: float

    def holds(self, standing: Standing) -> bool:
        """Whether it has."""
        return standing.throughput.median >= self.ratio


def table(
    title: str, contests: Sequence[Contest], bar: Bar, missing: Mapping[str, str], remarks: Sequence[str]
) -> Table:
    """A row for each server of each cell, and one for each that does not run."""
    rows = [_row(contest, standing, bar) for contest in contests for standing in contest.standings]
    rows += [["", name, f"does not run here: {reason}", *[""] * (len(COLUMNS) - 3)] for name, reason in missing.items()]
    return Table(title=title, columns=COLUMNS, rows=rows, note=NOTE, lines=remarks)


def short(contests: Sequence[Contest], missing: Mapping[str, str]) -> str:
    """The table of the README in Markdown: rates of every cell, CPU and latencies of the first."""
    first = contests[0]
    names = [*(f"{_in_words(contest.cell)}" for contest in contests), "CPU µs/request", "p50 · p99 ms"]
    lines = [
        "| req/s (times plain grpc.aio) | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for standing in first.standings:
        cells = [_rate(contest.of(standing.server)) for contest in contests]
        cells += [f"{_middle(standing, 'cpu_us'):,.0f}", f"{_ms(standing, 'p50_us')} · {_ms(standing, 'p99_us')}"]
        lines.append(f"| {standing.server} | " + " | ".join(cells) + " |")
    lines += [f"| {name} | does not run here: {reason} |" + " |" * (len(names) - 1) for name, reason in missing.items()]
    return "\n".join(lines)


def details(contests: Sequence[Contest], missing: Mapping[str, str], remarks: Sequence[str]) -> dict[str, Any]:
    """Every run of every server."""
    cells = [dataclasses.asdict(contest) for contest in contests]
    return {"remarks": list(remarks), "missing": dict(missing), "cells": cells}


def _row(contest: Contest, standing: Standing, bar: Bar) -> list[str]:
    verdict = ""
    if standing.server == bar.server:
        verdict = f"≥ {bar.ratio:g}x: {'passed' if bar.holds(standing) else 'MISSED'}"
    return [
        contest.cell,
        standing.server,
        f"{_middle(standing, 'rate'):,.0f}",
        _ratio(standing.throughput),
        f"{_middle(standing, 'cpu_us'):,.1f}",
        _ratio(standing.cpu),
        _ms(standing, "p50_us"),
        _ms(standing, "p99_us"),
        verdict,
    ]


def _in_words(name: str) -> str:
    cell = next(cell for cell in CELLS if cell.name == name)
    return f"{cell.route}, {cell.connections} x {cell.streams}"


def _rate(standing: Standing) -> str:
    ratio = standing.throughput.median
    return f"{_middle(standing, 'rate'):,.0f} ({ratio:.{0 if ratio >= 10 else 2}f})"


def _ms(standing: Standing, field: str) -> str:
    value = _middle(standing, field) / 1000
    return f"{value:.{1 if value >= 10 else 2}f}"


def _middle(standing: Standing, field: str) -> float:
    return median(getattr(run, field) for run in standing.runs)


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.median:.2f} ({ratio.least:.2f}-{ratio.most:.2f})"
