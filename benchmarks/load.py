"""Runs the load generator and reads its report."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The generator waits ten seconds for late answers; what is still running this long after that hangs.
GRACE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much to send: `connections` x `streams` at once, for `seconds` after `warm_up_s`, or `requests` in all.

    With a `rate` the loop is open: so many requests are due a second, whatever comes back, and `connections` x
    `streams` is the most that are under way. `core` is the one core that the generator runs on; None leaves it to the scheduler.
    """

    connections: int
    streams: int
    warm_up_s: float = 0.0
    seconds: float = 0.0
    requests: int = 0
    rate: float = 0.0
    core: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it. `sent` counts warm-up and tail too; rates and latencies are of the measured window alone.

    In an open loop latencies count from the time at which a request was due, `lateness_p99_us` is how late the
    generator itself sent it, and `unsent` counts what was due and never sent.
    """

    sent: int
    unsent: int
    ok: int
    failed: dict[str, int]
    bytes_least: int
    bytes_most: int
    requests: int
    seconds: float
    cpu_seconds: tuple[float, ...]
    other_cpu_seconds: float
    p50_us: float
    p99_us: float
    p999_us: float
    lateness_p99_us: float

    @property
    def lost(self) -> int:
        """Requests that were due and did not get an OK answer."""
        return self.sent - self.ok + self.unsent

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per request in the first watched process: the server that was loaded."""
        return self.cpu_seconds[0] / self.requests * 1e6


class LoadError(Exception):
    """The load generator could not do its work, or an answer was not as it must be."""


def run(
    generator: Path,
    *,
    target: str,
    body: Path,
    shape: Shape,
    pids: tuple[int, ...],
    keys: int,
    key_header: str,
    may_lose: bool = False,
) -> Report:
    """Load `target`; the CPU time of `pids` is read at both ends of the window.

    Raises LoadError when the generator cannot do its work and, unless it `may_lose` some, when a request was lost.
    """
    command = [str(generator), "--target", target, "--body", str(body), "--keys", str(keys)]
    command += ["--key-header", key_header]
    command += ["--connections", str(shape.connections), "--streams", str(shape.streams)]
    if shape.requests:
        command += ["--requests", str(shape.requests)]
    else:
        command += ["--warm-up", str(shape.warm_up_s), "--seconds", str(shape.seconds), "--rate", str(shape.rate)]
    if shape.core is not None:
        command += ["--core", str(shape.core)]
    for pid in pids:
        command += ["--pid", str(pid)]
    # Two million requests at a thousand a second, the slowest server worth measuring.
    limit_s = shape.requests / 1000 + shape.warm_up_s + shape.seconds + GRACE_S
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"the load generator did not end within {limit_s:.0f} s: answers are missing") from error
    if done.returncode != 0:
        raise LoadError(f"the load generator stopped: {done.stderr.strip()}")
    report = _parse(json.loads(done.stdout))
    if report.lost and not may_lose:
        raise LoadError(
            f"{report.lost} of {report.sent + report.unsent} requests were not answered OK: "
            f"{report.failed}, {report.unsent} never sent for want of a free stream"
        )
    return report


def _parse(document: dict[str, Any]) -> Report:
    latency = document["latency_us"]
    return Report(
        sent=document["sent"],
        unsent=document["unsent"],
        ok=document["ok"],
        failed=document["failed"],
        bytes_least=document["bytes_least"],
        bytes_most=document["bytes_most"],
        requests=document["requests"],
        seconds=document["seconds"],
        cpu_seconds=tuple(document["cpu_seconds"]),
        other_cpu_seconds=document["other_cpu_seconds"],
        p50_us=latency["p50"],
        p99_us=latency["p99"],
        p999_us=latency["p999"],
        lateness_p99_us=document["lateness_us"]["p99"],
    )
