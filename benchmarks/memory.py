"""Does memory stay flat? `python -m benchmarks.memory`: the size after 100,000 requests, then its slope.

Every round opens new connections and sends to both models, so that what a connection, a request or a version leaves
behind would show. Exits with 1 when a limit is passed.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import load, measure
from benchmarks.bench import ROOT
from benchmarks.cells import CELLS, STICKY_HEADER, STICKY_KEYS, Cell
from benchmarks.metrics import pss_mib
from benchmarks.models import write_repository
from benchmarks.servers import Reference, Server, Tidegate
from benchmarks.wire import Wire

SIZE_LIMIT_MIB = 120.0
SLOPE_LIMIT_MIB = 1.0  # per million requests
FIRST = 100_000
ROUND = 250_000
# One request in ten goes to the larger model, over as many connections as the widest cell has.
ROUTE_SHARES = {"tiny-64x1": 0.9, "mid-4x16": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The proportional set size after so many requests in all."""

    requests: int
    size_mib: float


def main() -> int:
    """Measure and print; 0 when both limits hold."""
    settings = _settings()
    with tempfile.TemporaryDirectory(prefix="tidegate-memory-") as folder:
        work = Path(folder)
        repository = work / "models"
        write_repository(repository)
        tools = measure.Tools(generator=settings.built / "load", wire=Wire(work), work=work)
        server: Reference | Tidegate
        if settings.reference:
            server = Reference(settings.built / "cpp-reference", repository, work)
        else:
            server = Tidegate(settings.tidegate, repository, work)
        with server:
            samples = _watch(server, tools, settings.millions)
    slope = slope_mib_per_million(samples)
    _show(server.name, samples, slope)
    return 0 if samples[0].size_mib <= SIZE_LIMIT_MIB and slope <= SLOPE_LIMIT_MIB else 1


def slope_mib_per_million(samples: list[Sample]) -> float:
    """The least-squares slope of all samples."""
    requests = np.array([sample.requests / 1e6 for sample in samples])
    sizes = np.array([sample.size_mib for sample in samples])
    return float(np.polyfit(requests, sizes, 1)[0])


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--millions", type=float, default=2.0, help="requests after the first 100,000")
    parser.add_argument("--tidegate", type=Path, default=ROOT / ".venv/bin/tidegate", help="the server under test")
    parser.add_argument("--built", type=Path, default=ROOT / "build/benchmarks", help="where run.sh built the tools")
    parser.add_argument("--reference", action="store_true", help="measure the C++ reference instead")
    return parser.parse_args()


def _watch(server: Server, tools: measure.Tools, millions: float) -> list[Sample]:
    sent = _send(server, tools, FIRST)
    samples = [Sample(requests=sent, size_mib=pss_mib(server.pid))]
    while sent < FIRST + millions * 1e6:
        sent += _send(server, tools, ROUND)
        samples.append(Sample(requests=sent, size_mib=pss_mib(server.pid)))
    return samples


def _send(server: Server, tools: measure.Tools, requests: int) -> int:
    sent = 0
    for cell in CELLS:
        share = int(requests * ROUTE_SHARES.get(cell.name, 0.0))
        if share:
            sent += _send_to(cell, server, tools, share)
    return sent


def _send_to(cell: Cell, server: Server, tools: measure.Tools, requests: int) -> int:
    report = load.run(
        tools.generator,
        target=server.grpc,
        body=measure.write_body(cell, tools),
        shape=load.Shape(connections=cell.connections, streams=cell.streams, requests=requests),
        pids=(server.pid,),
        keys=STICKY_KEYS,
        key_header=STICKY_HEADER,
    )
    return report.sent


def _show(name: str, samples: list[Sample], slope: float) -> None:
    table = Table(title=f"Memory of {name}")
    table.add_column("requests", justify="right")
    table.add_column("PSS MiB", justify="right")
    for sample in samples:
        table.add_row(f"{sample.requests:,}", f"{sample.size_mib:.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"After {samples[0].requests:,} requests {samples[0].size_mib:.1f} MiB (at most {SIZE_LIMIT_MIB:g}); "
        f"then {slope:+.3f} MiB per million (at most {SLOPE_LIMIT_MIB:g}).",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
