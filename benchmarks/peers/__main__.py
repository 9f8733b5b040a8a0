"""Tidegate beside the field: `python -m benchmarks.peers [--quick] [--beside NAME …]`.

Prints tables and, on a full run, keeps them in `results/` and draws the picture of the README. Exits with 1 when the
front in Python is slower than the plain grpc.aio server. See benchmarks/README.md.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import tables
from benchmarks.bench import FULL, QUICK
from benchmarks.cells import CELLS
from benchmarks.load import LoadError
from benchmarks.measure import MiscountError, Tools
from benchmarks.metrics import cpu_name
from benchmarks.models import write_repository
from benchmarks.oracle import WrongAnswerError
from benchmarks.peers import catalog, figure, report
from benchmarks.peers.environments import ROOT, EnvironmentNotMadeError
from benchmarks.peers.field import Field, started
from benchmarks.peers.rounds import Contest, disturbances, measure_rounds
from benchmarks.servers import ServerError
from benchmarks.wire import Wire

TITLE = "Tidegate beside the field"
BAR = report.Bar(server=catalog.PYTHON_FRONT, ratio=1.0)
MEASURED = [cell for cell in CELLS if cell.name in ("tiny-64x1", "tiny-4x16", "mid-4x16")]
# Whatever else is asked for, these are what the bar is about.
ALWAYS = (catalog.PYTHON_FRONT, catalog.PLAIN)


def main() -> int:
    """Measure and report; 0 when the bar is reached, 1 when it is missed, 2 when a run is not to be trusted."""
    settings = _settings()
    load = os.getloadavg()[0]
    try:
        contests, field = _measure_all(settings)
    except (EnvironmentNotMadeError, LoadError, MiscountError, ServerError, WrongAnswerError) as error:
        # The end of a server may fail because of what failed before.
        why = f"{error.__context__}; then {error}" if error.__context__ else str(error)
        print(f"The benchmark is not to be trusted: {why}", file=sys.stderr)
        return 2
    remarks = [f"load average of the machine when this began: {load:.2f}", *field.remarks]
    remarks += [remark for contest in contests for remark in disturbances(contest)]
    table = report.table(TITLE, contests, BAR, field.missing, remarks)
    short = report.short(contests, field.missing)
    tables.show(table)
    print(f"\n{short}\n")
    if not settings.quick and settings.beside is None:
        _keep(settings, table, short, contests, field)
    return 0 if all(BAR.holds(contest.of(BAR.server)) for contest in contests) else 1


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all? Nothing kept.")
    others = [entry.name for entry in catalog.ENTRIES if entry.name not in ALWAYS]
    parser.add_argument(
        "--beside",
        nargs="*",
        choices=others,
        metavar="NAME",
        help=f"beside the front in Python and the plain server only these of: {'; '.join(others)}. Nothing kept.",
    )
    parser.add_argument("--tidegate", type=Path, default=ROOT / ".venv/bin/tidegate", help="the gateway under test")
    parser.add_argument("--built", type=Path, default=ROOT / "build/benchmarks", help="where run.sh built the tools")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results", help="where results are kept")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/peers.png", help="what is drawn for the README")
    return parser.parse_args()


def _measure_all(settings: argparse.Namespace) -> tuple[list[Contest], Field]:
    chosen = [entry for entry in catalog.ENTRIES if _is_chosen(entry.name, settings.beside)]
    effort = QUICK if settings.quick else FULL
    with tempfile.TemporaryDirectory(prefix="tidegate-peers-") as folder, Console(stderr=True).status("") as status:
        work = Path(folder)
        write_repository(work / "models")
        tools = Tools(generator=settings.built / "load", wire=Wire(work), work=work)
        stage = catalog.Stage(
            tidegate=settings.tidegate, repository=work / "models", work=work, first=_first_requests(tools.wire)
        )
        status.update("starting the servers (the first time their environments are made)")
        with started(chosen, stage, tools, heat=MEASURED[0]) as field:
            contests: list[Contest] = []
            for cell in MEASURED:
                status.update(f"{cell.name}: {effort.pairs} rounds of {len(field.servers)} x {effort.seconds:g} s")
                contests.append(measure_rounds(cell, field.servers, catalog.PLAIN, tools, effort))
            return contests, field


def _is_chosen(name: str, beside: Sequence[str] | None) -> bool:
    return beside is None or name in ALWAYS or name in beside


def _first_requests(wire: Wire) -> dict[str, bytes]:
    models = {cell.route: cell.model for cell in MEASURED}
    return {route: wire.request(route, np.zeros((1, model.widths[0]), np.float32)) for route, model in models.items()}


def _keep(
    settings: argparse.Namespace, table: tables.Table, short: str, contests: Sequence[Contest], field: Field
) -> None:
    details = report.details(contests, field.missing, table.lines)
    machine_readable, readable = tables.keep(
        settings.results, table, details, module="benchmarks.peers", tools=field.installed, suffix="-peers"
    )
    with readable.open("a") as file:
        file.write(f"\n## In short\n\n{short}\n")
    day = datetime.now(UTC).date().isoformat()
    effort = f"{FULL.pairs} rounds of {FULL.seconds:g} s"
    figure.draw(
        contests, f"requests per second, {effort}, {cpu_name()}, {os.cpu_count()} cores, {day}", settings.picture
    )
    for path in (machine_readable, readable, settings.picture):
        print(f"kept in {path}")


if __name__ == "__main__":
    sys.exit(main())
