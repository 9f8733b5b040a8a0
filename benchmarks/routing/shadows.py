"""What a shadow of 20 % costs those who are answered: CPU per primary, and the slowest of a hundred.

Two servers in turn, with and without the shadow, in an open loop: a closed one would hide what the copies displace,
because it slows down with the server, and would leave so little processor time over that most copies are dropped.
"""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks import load, measure
from benchmarks.cells import STICKY_HEADER, STICKY_KEYS, Bar, Cell
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
CLOSED = Cell(
    name="shadow-closed", route="tiny", model=TINY, connections=64, streams=1, bar=Bar.NONE, is_apart=True
)
# 64 callers; more requests of one than this under way are a server that cannot keep up.
OPEN = replace(CLOSED, name="shadow-open", streams=16)
# Copies that were sampled may wait, run and be compared this long after the last primary.
SETTLE_LIMIT_S = 10.0

PRIMARY, SECONDARY = f"{TINY.name}/1", f"{TINY.name}/2"


def added(stage: Stage) -> Outcome:
    """CPU per primary and p99 with a shadow of 20 % against none."""
    # Both have both versions in memory, and answer with the first alone.
    versions = {SECONDARY: {}}
    bare = {"versions": versions, "routes": {"tiny": sticky_route({PRIMARY: 1})}}
    shadow = [{"to": SECONDARY, "share_bp": SHARE_BP}]
    shadowed = {"versions": versions, "routes": {"tiny": sticky_route({PRIMARY: 1}, shadow=shadow)}}
    work = stage.tools.work
    with (
        Tidegate(stage.tidegate, stage.repository, work, name="shadow", fields=shadowed) as subject,
        Tidegate(stage.tidegate, stage.repository, work, name="no-shadow", fields=bare) as reference,
    ):
        closed = measure.measure(CLOSED, subject, reference, stage.tools, replace(stage.effort, pairs=1))
        capacity = median(run.rate for run in closed.theirs())
        rate = round(capacity * LOAD)
        before, cpu_before = _settled(subject), threads_cpu_seconds(subject.pid, "tidegate-shadow")
        result = measure.measure(replace(OPEN, rate=rate), subject, reference, stage.tools, stage.effort)
        copies = {name: count - before.get(name, 0) for name, count in _settled(subject).items()}
        cpu_of_copies = threads_cpu_seconds(subject.pid, "tidegate-shadow") - cpu_before
    run_us = _own_run_us(stage, rate * SHARE)
    remarks = [*measure.disturbances(result), *_remarks(result, rate, copies)]
    details = {"closed": closed.runs, "open": result.runs, "rate": rate, "copies": copies, "own_run_us": run_us}
    copy_us = cpu_of_copies / max(1, copies.get("compared", 0)) * 1e6
    return Outcome(rows=_rows(result, closed, run_us, copy_us), remarks=remarks, details=details)


def _rows(result: measure.Result, closed: measure.Result, run_us: float, copy_us: float) -> list[Row]:
    pairs = list(zip(result.mine(), result.theirs(), strict=True))
    more = [mine.cpu_us - theirs.cpu_us for mine, theirs in pairs]
    # A run that waits for nobody is woken for each request, a copy for several at once: no more than a copy took itself
    # is taken off.
    beyond = [value - SHARE * min(run_us, copy_us) for value in more]
    slower = [mine.p99_us / theirs.p99_us for mine, theirs in pairs]
    closed_more = closed.mine()[0].cpu_us - closed.theirs()[0].cpu_us
    theirs, mine = ([run.p99_us for run in runs] for runs in (result.theirs(), result.mine()))
    return [
        Row(what="CPU added to a primary, all of it", value=median(more), unit="µs", digits=2, spread=spread(more)),
        Row(what="CPU of a copy on its threads", value=copy_us, unit="µs", digits=2),
        Row(what="CPU of a run of that version alone", value=run_us, unit="µs", digits=2),
        Row(
            what="CPU added beyond 20 % of the lesser",
            value=median(beyond),
            unit="µs",
            digits=2,
            spread=spread(beyond),
            limit=ADDED_CPU_US,
        ),
        Row(what="p99 without a shadow", value=median(theirs), unit="µs", digits=0, spread=spread(theirs)),
        Row(what="p99 with a shadow", value=median(mine), unit="µs", digits=0, spread=spread(mine)),
        Row(
            what="p99, with / without", value=median(slower), unit="x", digits=2, spread=spread(slower), limit=ADDED_P99
        ),
        Row(what="closed loop: CPU added to a primary", value=closed_more, unit="µs", digits=2),
        Row(what="closed loop: req/s, with / without", value=closed.throughput.median, unit="x", digits=2),
    ]


def _remarks(result: measure.Result, rate: float, copies: dict[str, int]) -> list[str]:
    sampled, compared = sum(copies.values()), copies.get("compared", 0)
    dropped = ", ".join(f"{count:,} {name}" for name, count in sorted(copies.items()) if name != "compared" and count)
    kept = f"{sampled:,} copies, {compared / max(1, sampled):.2%} compared; dropped: {dropped or 'none'}"
    late_us = [max(run.lateness_p99_us for run in runs) for runs in (result.mine(), result.theirs())]
    late = f"{late_us[0]:,.0f} µs with a shadow and {late_us[1]:,.0f} µs without"
    return [
        f"shadow: at {rate:,.0f} req/s {kept}",
        f"shadow: p99 of the generator's own lateness, in the latencies above: up to {late}",
    ]


def _settled(server: Tidegate) -> dict[str, int]:
    """The copies by what became of them, once none is under way."""
    limit = time.monotonic() + SETTLE_LIMIT_S
    while True:
        copies, in_flight = shadow_copies(server.get("/metrics"), "tiny")
        if in_flight == 0:
            return copies
        if time.monotonic() > limit:
            raise UntrustworthyError(f"{in_flight} copies are still under way after {SETTLE_LIMIT_S:g} s")
        time.sleep(0.05)


def _own_run_us(stage: Stage, rate: float) -> float:
    """CPU of the compute threads for a request of the shadow's version, at the rate at which copies come."""
    fields = {"routes": {"tiny": sticky_route({SECONDARY: 1})}, "inline_budget_us": 0}
    with Tidegate(stage.tidegate, stage.repository, stage.tools.work, name="alone", fields=fields) as server:
        body: Path = measure.write_body(OPEN, stage.tools)
        shape = load.Shape(
            connections=OPEN.connections,
            streams=OPEN.streams,
            warm_up_s=stage.effort.warm_up_s,
            seconds=stage.effort.seconds,
            rate=rate,
        )
        before = threads_cpu_seconds(server.pid, "tidegate-run")
        seen = load.run(
            stage.tools.generator,
            target=server.grpc,
            body=body,
            shape=shape,
            pids=(server.pid,),
            keys=STICKY_KEYS,
            key_header=STICKY_HEADER,
        )
        return (threads_cpu_seconds(server.pid, "tidegate-run") - before) / seen.sent * 1e6
