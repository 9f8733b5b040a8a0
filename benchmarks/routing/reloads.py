"""Does a change cost anybody anything? Documents that drop one version and load another, under a steady load.

First a storm, two documents a second at fixed times, with every request counted and latencies beside those of the same
load before. Then reload after reload, each waited for until the version that went is out of memory, with the size of
the process after each.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import load, measure
from benchmarks.cells import STICKY_HEADER, STICKY_KEYS, Bar, Cell
from benchmarks.metrics import pss_mib
from benchmarks.models import TINY, write_versions
from benchmarks.routing.admin import apply, loads
from benchmarks.routing.figure import Limit, Outcome, Row, Stage, UntrustworthyError, spread
from benchmarks.servers import Tidegate, sticky_route

LOST = Limit(bound=0)
SLOPE_KIB = Limit(bound=20.0)
# Far below what the machine can do: a request lost is lost at any rate, and loading takes processor time too.
RATE = 5_000.0
CELL = Cell(name="reload", route="tiny", model=TINY, connections=64, streams=16, bar=Bar.NONE, rate=RATE)
STORM_HZ = 2.0
STABLE = 1
# The memory of a version that went may be given back this long after the document is settled.
GONE_LIMIT_S = 30.0
# One run of the load generator while memory is watched; another follows, on new connections.
WATCHED_RUN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long the storm lasts, how many reloads follow, and from which on their memory counts."""

    storm_s: float
    reloads: int
    counted_from: int

    @property
    def storm(self) -> int:
        """Documents of the storm."""
        return round(self.storm_s * STORM_HZ)


FULL = Plan(storm_s=60.0, reloads=200, counted_from=50)
QUICK = Plan(storm_s=10.0, reloads=40, counted_from=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a plan: the same load before and during the storm and while memory was watched, and the reloads."""

    before: load.Report
    during: load.Report
    watched: list[load.Report]
    settled_s: list[float]
    pss_mib: list[float]

    def all_loads(self) -> list[load.Report]:
        """Every run of the load generator."""
        return [self.before, self.during, *self.watched]


def storm(stage: Stage) -> Outcome:
    """Lost requests and p99 during the storm, and the slope of memory over the reloads after it."""
    plan = QUICK if stage.is_quick else FULL
    repository = stage.tools.work / "storm-models"
    # Every document brings a version that was never seen before: what is kept of each would add up.
    versions = range(STABLE + 1, STABLE + 2 + plan.storm + plan.reloads)
    write_versions(repository, TINY, (STABLE, *versions))
    with Tidegate(stage.tidegate, repository, stage.tools.work, name="reload", fields=_routes(versions[0])) as server:
        before = _load(stage, server, plan.storm_s / 2)
        with ThreadPoolExecutor(max_workers=1) as pool:
            running = pool.submit(_load, stage, server, plan.storm_s)
            settled_s = _storm(server, versions[1 : plan.storm + 1])
            during = running.result()
        with _steady_load(stage, server) as watched:
            pss_mib = _watch(server, versions[plan.storm + 1 :])
    seen = Seen(before=before, during=during, watched=watched, settled_s=settled_s, pss_mib=pss_mib)
    # The first reloads still fill what is bounded: a short run says nothing of the slope.
    slope_limit = None if stage.is_quick else SLOPE_KIB
    return Outcome(rows=_rows(plan, seen, slope_limit), remarks=_remarks(plan, seen), details={"seen": seen})


def _rows(plan: Plan, seen: Seen, slope_limit: Limit | None) -> list[Row]:
    counted = seen.pss_mib[plan.counted_from - 1 :]
    settled = seen.settled_s
    lost = sum(report.lost for report in seen.all_loads())
    return [
        Row(what="lost requests", value=lost, unit="", digits=0, limit=LOST),
        Row(what="p99 before the storm", value=seen.before.p99_us, unit="µs", digits=0),
        Row(what="p99 during the storm", value=seen.during.p99_us, unit="µs", digits=0),
        Row(what="a document, until served", value=median(settled), unit="s", digits=3, spread=spread(settled)),
        Row(what="memory after each reload", value=median(counted), unit="MiB", digits=1, spread=spread(counted)),
        Row(
            what=f"its slope, reloads {plan.counted_from} to {plan.reloads}",
            value=slope_kib(counted),
            unit="KiB/reload",
            limit=slope_limit,
        ),
    ]


def _remarks(plan: Plan, seen: Seen) -> list[str]:
    sent = sum(report.sent for report in seen.all_loads())
    late_us = (seen.before.lateness_p99_us, seen.during.lateness_p99_us)
    changed = f"{plan.storm} documents in {plan.storm_s:g} s, then {plan.reloads} reloads"
    late = f"{late_us[0]:,.0f} µs before and {late_us[1]:,.0f} µs during the storm"
    found = [
        f"reload: {sent:,} requests at {RATE:,.0f} a second; {changed}",
        f"reload: p99 of the generator's own lateness, in the latencies above: {late}",
    ]
    slow = sum(value > 1 / STORM_HZ for value in seen.settled_s)
    if slow:
        found.append(f"reload: {slow} documents of the storm took longer than the {1 / STORM_HZ:g} s between two")
    return found


def slope_kib(sizes_mib: list[float]) -> float:
    """The least-squares slope of sizes after one reload each, in KiB a reload."""
    return float(np.polyfit(np.arange(len(sizes_mib)), np.array(sizes_mib) * 1024, 1)[0])


def _routes(version: int) -> dict[str, object]:
    return {"routes": {"tiny": sticky_route({f"{TINY.name}/{STABLE}": 90, f"{TINY.name}/{version}": 10})}}


def _storm(server: Tidegate, versions: range) -> list[float]:
    """Brings a document at each of fixed times; how long each took until it was served."""
    begin = time.monotonic()
    settled_s: list[float] = []
    for index, version in enumerate(versions):
        time.sleep(max(0.0, begin + index / STORM_HZ - time.monotonic()))
        asked = time.monotonic()
        apply(server, _routes(version))
        settled_s.append(time.monotonic() - asked)
    return settled_s


def _watch(server: Tidegate, versions: range) -> list[float]:
    """Reloads one version after the other; the proportional set size after each, in MiB."""
    sizes: list[float] = []
    for version in versions:
        apply(server, _routes(version))
        limit = time.monotonic() + GONE_LIMIT_S
        while loads(server) > 2:
            if time.monotonic() > limit:
                raise UntrustworthyError(f"a dropped version was still in memory after {GONE_LIMIT_S:g} s")
            time.sleep(0.02)
        sizes.append(pss_mib(server.pid))
    return sizes


@contextmanager
def _steady_load(stage: Stage, server: Tidegate) -> Iterator[list[load.Report]]:
    """Keeps loading the server for as long as the block lasts; the list is complete after it."""
    reports: list[load.Report] = []
    is_over = threading.Event()

    def keep_loading() -> None:
        while not is_over.is_set():
            reports.append(_load(stage, server, WATCHED_RUN_S))

    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(keep_loading)
        try:
            yield reports
        finally:
            is_over.set()
        running.result()


def _load(stage: Stage, server: Tidegate, seconds: float) -> load.Report:
    body: Path = measure.write_body(CELL, stage.tools)
    shape = load.Shape(connections=CELL.connections, streams=CELL.streams, seconds=seconds, rate=RATE)
    return load.run(
        stage.tools.generator,
        target=server.grpc,
        body=body,
        shape=shape,
        pids=(server.pid,),
        keys=STICKY_KEYS,
        key_header=STICKY_HEADER,
        may_lose=True,
    )
