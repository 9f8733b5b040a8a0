"""What a shadow of 20 % costs those who are answered: CPU per primary, and the slowest of a hundred.

Two servers in turn, with and without the shadow: CPU in a closed loop, p99 in an open one at a part of what the closed
one reached. Server and load generator have a core each, and the servers are started with one: otherwise who shares a
core with whom changes from run to run, and costs more than the shadow.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from benchmarks import cores, load, measure
from benchmarks.cells import STICKY_HEADER, STICKY_KEYS, Bar, Cell
from benchmarks.measure import Effort
from benchmarks.metrics import shadow_copies, threads_cpu_seconds
from benchmarks.models import TINY
from benchmarks.routing.figure import Limit, Outcome, Row, Stage, UntrustworthyError, spread
from benchmarks.servers import Tidegate, sticky_route

SHARE_BP = 2_000
SHARE = SHARE_BP / 10_000
ADDED_CPU_US = Limit(bound=3.0)
ADDED_P99 = Limit(bound=1.5)
# Of what the closed loop reaches without a shadow.
LOAD = 0.4
CLOSED = Cell(name="shadow-closed", route="tiny", model=TINY, connections=64, streams=1, bar=Bar.NONE, is_apart=True)
# 64 callers; if more requests of one than this are under way, the server cannot keep up.
OPEN = replace(CLOSED, name="shadow-open", streams=16)
# Many short pairs: what the host of a virtual machine takes away for milliseconds hits a part of them.
CLOSED_EFFORT = Effort(pairs=10, seconds=2.0, warm_up_s=0.5)
OPEN_EFFORT = Effort(pairs=20, seconds=2.0, warm_up_s=0.5)
QUICK = Effort(pairs=2, seconds=1.0, warm_up_s=0.3)
# A closed loop that leaves no time for copies would show how cheap it is to drop them.
LEAST_COMPARED = 0.9
# Copies that were sampled wait, run and are compared for at most so long after the last primary.
SETTLE_LIMIT_S = 10.0

PRIMARY, SECONDARY = f"{TINY.name}/1", f"{TINY.name}/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Copies by what became of them, and the processor time of the threads that ran and compared them."""

    outcomes: Mapping[str, int]
    cpu_s: float

    def since(self, before: "Copies") -> "Copies":
        """What came after `before`."""
        outcomes = {name: count - before.outcomes.get(name, 0) for name, count in self.outcomes.items()}
        return Copies(outcomes=outcomes, cpu_s=self.cpu_s - before.cpu_s)

    @property
    def compared(self) -> int:
        """Those that were not dropped."""
        return self.outcomes.get("compared", 0)

    @property
    def compared_share(self) -> float:
        """Their share of all."""
        return self.compared / max(1, sum(self.outcomes.values()))

    @property
    def cpu_us(self) -> float:
        """Processor time of one."""
        return self.cpu_s / max(1, self.compared) * 1e6

    def __str__(self) -> str:
        dropped = {name: count for name, count in self.outcomes.items() if name != "compared" and count}
        why = ", ".join(f"{count:,} {name}" for name, count in sorted(dropped.items()))
        return f"{sum(self.outcomes.values()):,} copies, {self.compared_share:.2%} compared; dropped: {why or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Both loops, with and without the shadow in turn, and a run of the shadow's version alone."""

    closed: measure.Result
    open: measure.Result
    closed_copies: Copies
    open_copies: Copies
    rate: float
    run_us: float


def added(stage: Stage) -> Outcome:
    """CPU per primary and p99 with a shadow of 20 % against none."""
    shadow = [{"to": SECONDARY, "share_bp": SHARE_BP}]
    with (
        _serving(stage, "shadow", sticky_route({PRIMARY: 1}, shadow=shadow)) as subject,
        _serving(stage, "no-shadow", sticky_route({PRIMARY: 1})) as reference,
    ):
        start = _copies(subject)
        effort = QUICK if stage.is_quick else CLOSED_EFFORT
        closed = measure.measure(CLOSED, subject, reference, stage.tools, effort)
        between = _copies(subject)
        rate = round(median(run.rate for run in closed.theirs()) * LOAD)
        effort = QUICK if stage.is_quick else OPEN_EFFORT
        result = measure.measure(replace(OPEN, rate=rate), subject, reference, stage.tools, effort)
        end = _copies(subject)
    seen = Seen(
        closed=closed,
        open=result,
        closed_copies=between.since(start),
        open_copies=end.since(between),
        rate=rate,
        run_us=_run_us(stage),
    )
    if seen.closed_copies.compared_share < LEAST_COMPARED:
        raise UntrustworthyError(f"in the closed loop there were {seen.closed_copies}: their cost is not in the figure")
    return Outcome(rows=_rows(seen), remarks=_remarks(seen), details={"seen": seen})


def _rows(seen: Seen) -> list[Row]:
    closed, opened = (list(zip(loop.mine(), loop.theirs(), strict=True)) for loop in (seen.closed, seen.open))
    more = [mine.cpu_us - theirs.cpu_us for mine, theirs in closed]
    copy_us = seen.closed_copies.cpu_us
    # Threads that share nothing with the front may be woken more often than those of a shadow: no more than a copy took
    # itself is taken off.
    beyond = [value - SHARE * min(seen.run_us, copy_us) for value in more]
    slower = [mine.p99_us / theirs.p99_us for mine, theirs in opened]
    return [
        _row("CPU of a primary without a shadow", [theirs.cpu_us for _, theirs in closed], "µs"),
        _row("CPU added to it, all of it", more, "µs"),
        _row("CPU of a copy on its threads", [copy_us], "µs"),
        _row("CPU of a run of that version alone", [seen.run_us], "µs"),
        _row("CPU added beyond 20 % of the lesser", beyond, "µs", ADDED_CPU_US),
        _row("req/s, with / without", [mine.rate / theirs.rate for mine, theirs in closed], "x"),
        _row("open loop: p99 without a shadow", [theirs.p99_us for _, theirs in opened], "µs"),
        _row("open loop: p99 with a shadow", [mine.p99_us for mine, _ in opened], "µs"),
        _row("open loop: p99, with / without", slower, "x", ADDED_P99),
        _row("open loop: CPU added", [mine.cpu_us - theirs.cpu_us for mine, theirs in opened], "µs"),
    ]


def _row(what: str, values: list[float], unit: str, limit: Limit | None = None) -> Row:
    is_several = len(values) > 1
    return Row(
        what=what,
        value=median(values),
        unit=unit,
        digits=2,
        spread=spread(values) if is_several else None,
        limit=limit,
    )


def _remarks(seen: Seen) -> list[str]:
    late = [median(run.lateness_p99_us for run in runs) for runs in (seen.open.mine(), seen.open.theirs())]
    return [
        *measure.disturbances(seen.closed),
        *measure.disturbances(seen.open),
        f"shadow: in the closed loop {seen.closed_copies}",
        f"shadow: at {seen.rate:,.0f} req/s {seen.open_copies}",
        f"shadow: median p99 of the generator's own lateness, in the latencies: {late[0]:,.0f} and {late[1]:,.0f} µs",
    ]


@contextlib.contextmanager
def _serving(stage: Stage, name: str, route: dict[str, Any], **fields: Any):
    """A server on one core, with both versions in memory."""
    fields = {"versions": {PRIMARY: {}, SECONDARY: {}}, "routes": {"tiny": route}, **fields}
    with cores.first_alone():
        server = Tidegate(stage.tidegate, stage.repository, stage.tools.work, name=name, fields=fields)
    with server:
        yield server


def _copies(server: Tidegate) -> Copies:
    """The copies until now, once none is under way."""
    limit = time.monotonic() + SETTLE_LIMIT_S
    while True:
        outcomes, in_flight = shadow_copies(server.get("/metrics"), "tiny")
        if in_flight == 0:
            return Copies(outcomes=outcomes, cpu_s=threads_cpu_seconds(server.pid, "tidegate-shadow"))
        if time.monotonic() > limit:
            raise UntrustworthyError(f"{in_flight} copies are still under way after {SETTLE_LIMIT_S:g} s")
        time.sleep(0.05)


def _run_us(stage: Stage) -> float:
    """CPU of the compute threads for a request of the shadow's version alone, in the closed loop, nothing inline."""
    with (
        _serving(stage, "alone", sticky_route({SECONDARY: 1}), inline_budget_us=0) as server,
        cores.apart([server.pid]) as core,
    ):
        shape = load.Shape(
            connections=CLOSED.connections,
            streams=CLOSED.streams,
            warm_up_s=stage.effort.warm_up_s,
            seconds=stage.effort.seconds,
            core=core,
        )
        before = threads_cpu_seconds(server.pid, "tidegate-run")
        seen = load.run(
            stage.tools.generator,
            target=server.grpc,
            body=measure.write_body(CLOSED, stage.tools),
            shape=shape,
            pids=(server.pid,),
            keys=STICKY_KEYS,
            key_header=STICKY_HEADER,
        )
        return (threads_cpu_seconds(server.pid, "tidegate-run") - before) / seen.sent * 1e6
