"""Routing and change against their bars: `python -m benchmarks.routing [--quick] [--only NAME …]`.

Prints a table and, on a full run, keeps it in `results/`. Exits with 1 when a bar is missed. See benchmarks/README.md.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import h2load, tables
from benchmarks.bench import ROOT
from benchmarks.load import LoadError
from benchmarks.measure import MiscountError, Tools
from benchmarks.models import write_repository
from benchmarks.oracle import WrongAnswerError
from benchmarks.routing import conditions, decisions, reloads, shadows
from benchmarks.routing.admin import RefusedError
from benchmarks.routing.figure import Figure, Outcome, Row, Stage, UntrustworthyError
from benchmarks.servers import ServerError
from benchmarks.wire import Wire

FIGURES = (
    Figure(name="decision", measure=decisions.plain),
    Figure(name="missing", measure=decisions.ten_conditions),
    Figure(name="routes", measure=decisions.many_routes),
    Figure(name="conditions", measure=conditions.throughput),
    Figure(name="shadow", measure=shadows.added),
    Figure(name="reload", measure=reloads.storm),
)
TITLE = "What routing and change cost"
COLUMNS = (
    ("figure", "left"),
    ("what", "left"),
    ("bar", "left"),
    ("measured", "right"),
    ("range", "left"),
    ("passed", "left"),
)
NOTE = (
    "Times of a decision are the best of several runs, everything else is a median; the range is least to most. "
    "Client and servers share the cores; rows without a bar are shown only."
)
# Something else that runs now would be in every time that is measured.
IDLE_LOAD = 0.5


def main() -> int:
    """Measure and report; 0 when every bar is reached, 1 when one is missed, 2 when a run is not to be trusted."""
    settings = _settings()
    chosen = [figure for figure in FIGURES if not settings.only or figure.name in settings.only]
    busy = os.getloadavg()[0]
    try:
        outcomes = _measure_all(chosen, settings)
        tools = [h2load.version(), decisions.rust_version()]
    except (LoadError, MiscountError, RefusedError, ServerError, UntrustworthyError, WrongAnswerError) as error:
        print(f"The benchmark is not to be trusted: {error}", file=sys.stderr)
        return 2
    remarks = [remark for outcome in outcomes.values() for remark in outcome.remarks]
    if busy > IDLE_LOAD:
        remarks.append(f"the machine was busy when this began (load {busy:.2f}): measure again in quiet")
    table = tables.Table(title=TITLE, columns=COLUMNS, rows=_rows(outcomes), note=NOTE, lines=remarks)
    tables.show(table)
    if not settings.quick and not settings.only:
        details = _details(outcomes, remarks)
        for path in tables.keep(
            settings.results, table, details, module="benchmarks.routing", tools=tools, suffix="-routing"
        ):
            print(f"kept in {path}")
    return 0 if all(row.passed for outcome in outcomes.values() for row in outcome.rows) else 1


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs: does it run at all? Nothing kept.")
    names = [figure.name for figure in FIGURES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"only these of {', '.join(names)}")
    parser.add_argument("--tidegate", type=Path, default=ROOT / ".venv/bin/tidegate", help="the server under test")
    parser.add_argument("--built", type=Path, default=ROOT / "build/benchmarks", help="where run.sh built the tools")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results", help="where results are kept")
    return parser.parse_args()


def _measure_all(figures: list[Figure], settings: argparse.Namespace) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="tidegate-routing-") as folder, Console(stderr=True).status("") as status:
        work = Path(folder)
        repository = work / "models"
        write_repository(repository)
        stage = Stage(
            decide=settings.built / "decide",
            tidegate=settings.tidegate,
            repository=repository,
            tools=Tools(generator=settings.built / "load", wire=Wire(work), work=work),
            is_quick=settings.quick,
        )
        for figure in figures:
            status.update(figure.name)
            outcomes[figure.name] = figure.measure(stage)
    return outcomes


def _rows(outcomes: Mapping[str, Outcome]) -> list[list[str]]:
    return [
        [name, row.what, _bar(row), _amount(row, row.value), _range(row), _verdict(row)]
        for name, outcome in outcomes.items()
        for row in outcome.rows
    ]


def _bar(row: Row) -> str:
    if row.limit is None:
        return ""
    return f"{'≥' if row.limit.is_floor else '≤'} {row.limit.bound:,g}{_unit(row)}"


def _amount(row: Row, value: float) -> str:
    return f"{value:,.{row.digits}f}{_unit(row)}"


def _unit(row: Row) -> str:
    return row.unit if row.unit in ("", "x") else f" {row.unit}"


def _range(row: Row) -> str:
    return "" if row.spread is None else "-".join(f"{value:,.{row.digits}f}" for value in row.spread)


def _verdict(row: Row) -> str:
    if row.limit is None:
        return "shown"
    return "passed" if row.passed else "MISSED"


def _details(outcomes: Mapping[str, Outcome], remarks: list[str]) -> dict[str, Any]:
    figures = {
        name: {
            "rows": [{**dataclasses.asdict(row), "passed": row.passed} for row in outcome.rows],
            "details": _plain(outcome.details),
        }
        for name, outcome in outcomes.items()
    }
    return {"remarks": remarks, "figures": figures}


def _plain(value: Any) -> Any:
    """The measurements of a figure as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


if __name__ == "__main__":
    sys.exit(main())
