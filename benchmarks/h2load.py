"""A second opinion on the load generator: the same load from nghttp2's h2load, which cannot vary the sticky key."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import LoadError

LIMIT_S = 120.0
# What makes a request one of gRPC; its body has gRPC's prefix.
GRPC = ("content-type: application/grpc", "te: trailers")
_RATE = re.compile(r"finished in [\d.]+\w+, ([\d.]+) req/s")
_SUCCEEDED = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_DATA = re.compile(r"\((\d+)\) data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What h2load saw of `succeeded` requests."""

    succeeded: int
    rate: float
    data_bytes: int


def version() -> str:
    """The program's own words, such as `h2load nghttp2/1.52.0`."""
    return subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def run(
    url: str,
    body: Path,
    *,
    headers: Sequence[str],
    connections: int,
    streams: int,
    requests: int,
    is_http1: bool = False,
) -> Seen:
    """Send the file `body` exactly `requests` times. Raises LoadError unless all succeed."""
    command = ["h2load", "-n", str(requests), "-c", str(connections), "-m", str(streams), "-t", "1", "-d", str(body)]
    command += ["--h1"] if is_http1 else []
    for header in headers:
        command += ["-H", header]
    said = subprocess.run([*command, url], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    rate, outcome, data = _RATE.search(said), _SUCCEEDED.search(said), _DATA.search(said)
    if rate is None or outcome is None or data is None:
        raise LoadError(f"h2load said something else than expected: {said[-500:]}")
    succeeded, *unlucky = (int(count) for count in outcome.groups())
    if any(unlucky) or succeeded != requests:
        raise LoadError(f"h2load: {outcome.group(0)} of {requests}")
    return Seen(succeeded=succeeded, rate=float(rate.group(1)), data_bytes=int(data.group(1)))
