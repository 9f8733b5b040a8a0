"""Measures a cell on several servers in rounds: each has a run in each, and is compared with the yardstick's of the same round."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import load, oracle
from benchmarks.cells import Cell
from benchmarks.measure import IDLE_CORES, OTHER_CORES, Effort, Ratio, Run, Tools, lanes_of, run_once, write_body
from benchmarks.servers import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A server's runs, one a round, and how many times the yardstick's rate it had and its CPU per request it spared."""

    server: str
    runs: tuple[Run, ...]
    throughput: Ratio
    cpu: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What became of a cell."""

    cell: str
    standings: tuple[Standing, ...]

    def of(self, server: str) -> Standing:
        """The standing of a server that was measured."""
        return next(standing for standing in self.standings if standing.server == server)


def measure_rounds(cell: Cell, servers: Sequence[Server], yardstick: str, tools: Tools, effort: Effort) -> Contest:
    """Rounds of one cell, between two checks of a thousand distinct answers on each server."""
    body = write_body(cell, tools)
    before = {server.name: oracle.check(server.grpc, cell, tools.wire, seed=1) for server in servers}
    lanes = lanes_of(servers, before)
    shape = load.Shape(
        connections=cell.connections, streams=cell.streams, warm_up_s=effort.warm_up_s, seconds=effort.seconds
    )
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    for _ in range(effort.pairs):
        for lane in lanes:
            runs[lane.server.name].append(run_once(cell, lane, body, tools, shape)[0])
    for server in servers:
        oracle.check_sticky(before[server.name], oracle.check(server.grpc, cell, tools.wire, seed=2))
    return compare(cell.name, runs, yardstick)


def compare(cell: str, runs: dict[str, list[Run]], yardstick: str) -> Contest:
    """Every server beside the yardstick, round by round."""
    theirs = runs[yardstick]
    standings = [
        Standing(
            server=server,
            runs=tuple(mine),
            throughput=Ratio.of([run.rate / other.rate for run, other in zip(mine, theirs, strict=True)]),
            cpu=Ratio.of([other.cpu_us / run.cpu_us for run, other in zip(mine, theirs, strict=True)]),
        )
        for server, mine in runs.items()
    ]
    return Contest(cell=cell, standings=tuple(standings))


def disturbances(contest: Contest) -> list[str]:
    """What else took processor time meanwhile, a sentence each."""
    runs = [run for standing in contest.standings for run in standing.runs]
    idle, other = max(runs, key=lambda run: run.idle_cores), max(run.other_cores for run in runs)
    found: list[str] = []
    # Each of those that wait may have its own small business.
    if idle.idle_cores > IDLE_CORES * (len(contest.standings) - 1):
        found.append(
            f"{contest.cell}: while {idle.server} was loaded, the servers that waited took {idle.idle_cores:.2f} cores"
        )
    if other > OTHER_CORES:
        found.append(f"{contest.cell}: other work took up to {other:.2f} cores of the machine: measure again in quiet")
    return found
