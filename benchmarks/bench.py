"""Tidegate beside the C++ reference: `python -m benchmarks.bench [--quick]`.

Prints a table of ratios and, on a full run, keeps it in `results/`. Exits with 1 when a bar is missed. See README.md.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from benchmarks import h2load, report, tables
from benchmarks.cells import CELLS, Cell
from benchmarks.cores import TooFewCoresError
from benchmarks.load import LoadError
from benchmarks.measure import Effort, MiscountError, Result, Tools, disturbances, measure, second_opinion
from benchmarks.models import write_repository
from benchmarks.oracle import WrongAnswerError
from benchmarks.servers import Reference, Server, ServerError, Tidegate
from benchmarks.wire import Wire

ROOT = Path(__file__).parent.parent
FULL = Effort(pairs=5, seconds=6.0, warm_up_s=1.0)
QUICK = Effort(pairs=1, seconds=1.0, warm_up_s=0.3)
# h2load runs about this long in each of its two layouts.
SECOND_OPINION_S = 4.0
SECOND_OPINION_CELLS = ("tiny-64x1", "tiny-4x16")


def main() -> int:
    """Measure and report; 0 when every bar is reached, 1 when one is missed, 2 when a run is not to be trusted."""
    settings = _settings()
    chosen = [cell for cell in CELLS if not settings.cell or cell.name in settings.cell]
    try:
        with _stage(settings) as (subject, reference, tools):
            results, remarks = _measure_all(chosen, subject, reference, tools, settings)
            title = f"{subject.name} beside {reference.name}"
    except (LoadError, MiscountError, ServerError, TooFewCoresError, WrongAnswerError) as error:
        print(f"The benchmark is not to be trusted: {error}", file=sys.stderr)
        return 2
    table = report.table(title, chosen, results, remarks)
    tables.show(table)
    if not settings.quick and not settings.cell:
        details = report.details(results, remarks)
        tools = [h2load.version()]
        for path in tables.keep(settings.results, table, details, module="benchmarks.bench", tools=tools):
            print(f"kept in {path}")
    return 0 if all(result.passed for result in results) or settings.against_itself else 1


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short pair a cell: does it run at all? Nothing kept.")
    parser.add_argument("--cell", action="append", choices=[cell.name for cell in CELLS], help="only this cell")
    parser.add_argument("--pairs", type=int, default=0, help="pairs a cell, instead of 5 (1 with --quick)")
    parser.add_argument("--seconds", type=float, default=0.0, help="seconds a run, instead of 6 (1 with --quick)")
    parser.add_argument("--tidegate", type=Path, default=ROOT / ".venv/bin/tidegate", help="the server under test")
    parser.add_argument("--built", type=Path, default=ROOT / "build/benchmarks", help="where run.sh built the tools")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results", help="where results are kept")
    parser.add_argument(
        "--against-itself", action="store_true", help="a second C++ reference as the server under test: shows the noise"
    )
    return parser.parse_args()


@contextlib.contextmanager
def _stage(settings: argparse.Namespace) -> Iterator[tuple[Server, Server, Tools]]:
    """Both servers, up for the whole benchmark, and a folder for what the runs leave behind."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        work = Path(folder)
        repository = work / "models"
        write_repository(repository)
        binary = settings.built / "cpp-reference"
        tools = Tools(generator=settings.built / "load", wire=Wire(work), work=work)
        start: Callable[[], Reference | Tidegate]
        if settings.against_itself:
            start = lambda: Reference(binary, repository, work, name="cpp-reference again")  # noqa: E731
        else:
            start = lambda: Tidegate(settings.tidegate, repository, work)  # noqa: E731
        with start() as subject, Reference(binary, repository, work) as reference:
            yield subject, reference, tools


def _measure_all(
    cells: list[Cell], subject: Server, reference: Server, tools: Tools, settings: argparse.Namespace
) -> tuple[list[Result], list[str]]:
    usual = QUICK if settings.quick else FULL
    effort = Effort(
        pairs=settings.pairs or usual.pairs, seconds=settings.seconds or usual.seconds, warm_up_s=usual.warm_up_s
    )
    results: list[Result] = []
    remarks: list[str] = []
    with Console(stderr=True).status("") as status:
        for cell in cells:
            status.update(f"{cell.name}: {effort.pairs} pairs of {effort.seconds:g} s")
            result = measure(cell, subject, reference, tools, effort)
            results.append(result)
            remarks += disturbances(result)
            if cell.name in SECOND_OPINION_CELLS and not settings.quick:
                status.update(f"{cell.name}: h2load")
                remarks.append(_second_opinion(cell, subject, reference, tools, result))
    return results, remarks


def _second_opinion(cell: Cell, subject: Server, reference: Server, tools: Tools, result: Result) -> str:
    rates = [
        second_opinion(cell, server, tools, requests=int(run.rate * SECOND_OPINION_S))
        for server, run in ((subject, result.runs[-2]), (reference, result.runs[-1]))
    ]
    return (
        f"{cell.name}: h2load, with one sticky key, sees {rates[0]:,.0f} and {rates[1]:,.0f} req/s "
        f"({rates[0] / rates[1]:.2f}x)"
    )


if __name__ == "__main__":
    sys.exit(main())
