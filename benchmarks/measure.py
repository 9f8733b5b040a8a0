"""Measures one cell on two servers in interleaved pairs, and refuses to report a run whose answers are not right."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import cores, h2load, load, oracle
from benchmarks.cells import SPLIT, STICKY_HEADER, STICKY_KEYS, THROUGHPUT_TOLERANCE, Bar, Cell
from benchmarks.metrics import process_tree
from benchmarks.servers import Counts, Server, wait_until_counted
from benchmarks.wire import METHOD, Wire

GRPC_PREFIX_BYTES = 5
BODY_SEED = 7
# A server that is not loaded but takes more of a core than this disturbs the other's run, and is named; so is the rest
# of the machine, which has its own small business.
IDLE_CORES = 0.01
OTHER_CORES = 0.05


class MiscountError(Exception):
    """The server's counters or the size of its answers disagree with what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a measurement needs from the outside."""

    generator: Path
    wire: Wire
    work: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to look: `pairs` of runs of `seconds` each, after `warm_up_s`."""

    pairs: int
    seconds: float
    warm_up_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run on one server.

    `lateness_p99_us` is how late the generator sent what was due in an open loop. `idle_cores` is what the other servers
    took meanwhile, `other_cores` what the rest of the machine took; both ought to be nothing. A server is a process with
    all that descend from it.
    """

    server: str
    rate: float
    cpu_us: float
    p50_us: float
    p99_us: float
    p999_us: float
    lateness_p99_us: float
    requests: int
    answer_bytes: int
    idle_cores: float
    other_cores: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The median over the pairs of (server under test / reference), and the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> "Ratio":
        """From one value a pair."""
        return cls(median=median(values), least=min(values), most=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A cell's runs in the order they were made, subject and reference in turn, and what follows from them."""

    cell: str
    runs: tuple[Run, ...]
    throughput: Ratio
    cpu: Ratio
    p50: Ratio
    arms: dict[str, int]
    passed: bool

    def mine(self) -> tuple[Run, ...]:
        """The runs of the server under test."""
        return self.runs[0::2]

    def theirs(self) -> tuple[Run, ...]:
        """The runs of the reference."""
        return self.runs[1::2]


def measure(cell: Cell, subject: Server, reference: Server, tools: Tools, effort: Effort) -> Result:
    """Five pairs or so of one cell, between two checks of a thousand distinct answers on each server."""
    body = write_body(cell, tools)
    servers = (subject, reference)
    before = {server.name: oracle.check(server.grpc, cell, tools.wire, seed=1) for server in servers}
    lanes = lanes_of(servers, before)
    runs: list[Run] = []
    arms: Counter[str] = Counter()
    with cores.apart([server.pid for server in servers]) if cell.is_apart else contextlib.nullcontext() as core:
        shape = load.Shape(
            connections=cell.connections,
            streams=cell.streams,
            warm_up_s=effort.warm_up_s,
            seconds=effort.seconds,
            rate=cell.rate,
            core=core,
        )
        for _ in range(effort.pairs):
            for lane in lanes:
                run, by_version = run_once(cell, lane, body, tools, shape)
                runs.append(run)
                arms.update(by_version)
    for server in servers:
        after = oracle.check(server.grpc, cell, tools.wire, seed=2)
        oracle.check_sticky(before[server.name], after)
    return _judge(cell, runs, dict(arms))


def second_opinion(cell: Cell, server: Server, tools: Tools, *, requests: int) -> float:
    """The rate that h2load sees in the same layout with one sticky key, with the same checks."""
    message = write_body(cell, tools).read_bytes()
    body = tools.work / f"{cell.route}.grpc"
    body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    size = _answer_bytes(server.name, oracle.check(server.grpc, cell, tools.wire, seed=3))
    before = server.counts(cell.route)
    # One key for all: h2load cannot vary it, and an answer without one is longer by the word that says so.
    seen = h2load.run(
        f"http://{server.grpc}{METHOD}",
        body,
        headers=(*h2load.GRPC, f"{STICKY_HEADER}: user-1"),
        connections=cell.connections,
        streams=cell.streams,
        requests=requests,
    )
    _compare_counters(server, cell.route, before, seen.succeeded)
    if seen.data_bytes != requests * size:
        raise MiscountError(f"{server.name}: {seen.data_bytes / requests:.2f} bytes an answer instead of {size}")
    return seen.rate


def disturbances(result: Result) -> list[str]:
    """What else took processor time meanwhile, a sentence each."""
    idle = max(run.idle_cores for run in result.runs)
    other = max(run.other_cores for run in result.runs)
    found: list[str] = []
    if idle > IDLE_CORES:
        found.append(f"{result.cell}: the server that waited took up to {idle:.2f} cores")
    if other > OTHER_CORES:
        found.append(f"{result.cell}: other work took up to {other:.2f} cores of the machine: measure again in quiet")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A server, those that wait meanwhile, and the size that each answer must have."""

    server: Server
    idle: tuple[Server, ...]
    answer_bytes: int


def lanes_of(servers: Sequence[Server], answered: Mapping[str, oracle.Answered]) -> list[Lane]:
    """One lane a server, from what the check of its answers saw."""
    return [
        Lane(
            server=server,
            idle=tuple(other for other in servers if other is not server),
            answer_bytes=_answer_bytes(server.name, answered[server.name]),
        )
        for server in servers
    ]


def run_once(cell: Cell, lane: Lane, body: Path, tools: Tools, shape: load.Shape) -> tuple[Run, dict[str, int]]:
    """One run with all its checks, and how many requests each version answered."""
    server, size = lane.server, lane.answer_bytes
    pids = process_tree(server.pid)
    before = server.counts(cell.route)
    report = load.run(
        tools.generator,
        target=server.grpc,
        body=body,
        shape=shape,
        pids=(*pids, *(pid for other in lane.idle for pid in process_tree(other.pid))),
        keys=STICKY_KEYS,
        key_header=STICKY_HEADER,
    )
    by_version = _compare_counters(server, cell.route, before, report.sent)
    if not report.bytes_least == report.bytes_most == size:
        raise MiscountError(
            f"{server.name}: answers of {report.bytes_least} to {report.bytes_most} bytes, each must have {size}"
        )
    cpu_seconds = sum(report.cpu_seconds[: len(pids)])
    if cpu_seconds <= 0:
        raise MiscountError(f"{server.name}: process {server.pid} took no CPU time, so it is not the one that answers")
    run = Run(
        server=server.name,
        rate=report.rate,
        cpu_us=cpu_seconds / report.requests * 1e6,
        p50_us=report.p50_us,
        p99_us=report.p99_us,
        p999_us=report.p999_us,
        lateness_p99_us=report.lateness_p99_us,
        requests=report.requests,
        answer_bytes=size,
        idle_cores=sum(report.cpu_seconds[len(pids) :]) / report.seconds,
        other_cores=report.other_cpu_seconds / report.seconds,
    )
    return run, by_version


def _compare_counters(server: Server, route: str, before: Counts, sent: int) -> dict[str, int]:
    counted = wait_until_counted(server, route, before, sent)
    if counted.ok != sent or counted.failed != 0:
        raise MiscountError(f"{server.name} counted {counted.ok} OK and {counted.failed} others of {sent} requests")
    return counted.by_version


def _answer_bytes(name: str, answered: oracle.Answered) -> int:
    if len(answered.message_bytes) != 1:
        raise MiscountError(f"{name}: one-row answers differ in size: {sorted(answered.message_bytes)}")
    return next(iter(answered.message_bytes)) + GRPC_PREFIX_BYTES


def write_body(cell: Cell, tools: Tools) -> Path:
    """The one-row request that the load generator repeats, as a file."""
    rows = np.random.default_rng(BODY_SEED).uniform(-1, 1, (1, cell.model.widths[0])).astype(np.float32)
    path = tools.work / f"{cell.route}.message"
    path.write_bytes(tools.wire.request(cell.route, rows))
    return path


def _judge(cell: Cell, runs: list[Run], arms: dict[str, int]) -> Result:
    pairs = list(zip(runs[0::2], runs[1::2], strict=True))
    throughput = Ratio.of([mine.rate / theirs.rate for mine, theirs in pairs])
    # How many times less CPU a request takes, so that more is better, as with the rate.
    cpu = Ratio.of([theirs.cpu_us / mine.cpu_us for mine, theirs in pairs])
    p50 = Ratio.of([mine.p50_us / theirs.p50_us for mine, theirs in pairs])
    if cell.bar is Bar.LATENCY:
        passed = p50.median <= cell.ratio
    elif cell.bar is Bar.NONE:
        passed = True
    else:
        passed = cpu.median >= cell.ratio and throughput.median >= cell.ratio * THROUGHPUT_TOLERANCE
    return Result(cell=cell.name, runs=tuple(runs), throughput=throughput, cpu=cpu, p50=p50, arms=arms, passed=passed)


def asked_share(version: str) -> float:
    """The share of requests that the split gives to `version`, which may be written `model/3` or `3`."""
    return SPLIT[int(version.rpartition("/")[2])] / sum(SPLIT.values())
