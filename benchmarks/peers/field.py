"""Starts the servers that are measured beside each other and says why others are not among them."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.cells import Cell
from benchmarks.measure import Effort, Tools
from benchmarks.peers.catalog import Entry, Stage
from benchmarks.peers.environments import EnvironmentNotMadeError, versions
from benchmarks.peers.rounds import measure_rounds
from benchmarks.servers import Server, ServerError

# To see which of two ways to run a server is the faster.
HEAT = Effort(pairs=1, seconds=2.0, warm_up_s=1.0)
_LONGEST_REASON = 240


@dataclass(slots=True, kw_only=True)
class Field:
    """The servers that run, why others do not, what is installed for each, and sentences for the reader."""

    servers: list[Server] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    installed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@contextlib.contextmanager
def started(entries: Sequence[Entry], stage: Stage, tools: Tools, heat: Cell) -> Iterator[Field]:
    """All servers, up for the whole time; of those that stand for each other the one that is faster in the cell `heat`.

    Raises ServerError or EnvironmentNotMadeError when one that must run does not.
    """
    found = Field()
    with contextlib.ExitStack() as stack:
        for entry in entries:
            try:
                if entry.packages:
                    present = versions(entry.interpreter(), entry.packages)
                    found.installed.append(f"{entry.name}: {' '.join(present)}")
                server = entry.start(stage, entry.name)
            except (ServerError, EnvironmentNotMadeError) as error:
                if not entry.may_fail:
                    raise
                found.missing[entry.name] = _one_line(str(error))
                continue
            stack.callback(_end, found, server)
            found.servers.append(server)
        for group in sorted({entry.instead for entry in entries if entry.instead}):
            names = {entry.name for entry in entries if entry.instead == group}
            _keep_fastest([server for server in found.servers if server.name in names], found, tools, heat)
        yield found


def _keep_fastest(rivals: Sequence[Server], found: Field, tools: Tools, heat: Cell) -> None:
    if len(rivals) < 2:
        return
    contest = measure_rounds(heat, rivals, rivals[0].name, tools, HEAT)
    rates = {standing.server: standing.runs[0].rate for standing in contest.standings}
    fastest = max(rates, key=lambda name: rates[name])
    for rival in rivals:
        if rival.name != fastest:
            _end(found, rival)
            found.remarks.append(
                f"{rival.name} had {rates[rival.name]:,.0f} req/s in {heat.name} where {fastest} had "
                f"{rates[fastest]:,.0f}, and was left out"
            )


def _end(found: Field, server: Server) -> None:
    """End a server once."""
    if server in found.servers:
        found.servers.remove(server)
        server.__exit__(None, None, None)


def _one_line(reason: str) -> str:
    words = " ".join(reason.split()).replace("|", "/")
    return words if len(words) <= _LONGEST_REASON else f"… {words[-_LONGEST_REASON:]}"
