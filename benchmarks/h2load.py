"""A second opinion on the load generator: the same load from nghttp2's h2load, which cannot vary the sticky key."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import LoadError
from benchmarks.wire import METHOD

LIMIT_S = 120.0
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


def run(target: str, body: Path, *, header: str, connections: int, streams: int, requests: int) -> Seen:
    """Send exactly `requests`; `body` is a file with the gRPC prefix. Raises LoadError unless all succeed."""
    command = ["h2load", "-n", str(requests), "-c", str(connections), "-m", str(streams), "-t", "1", "-d", str(body)]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers", "-H", header, f"http://{target}{METHOD}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    rate, outcome, data = _RATE.search(said), _SUCCEEDED.search(said), _DATA.search(said)
    if rate is None or outcome is None or data is None:
        raise LoadError(f"h2load said something else than expected: {said[-500:]}")
    succeeded, *unlucky = (int(count) for count in outcome.groups())
    if any(unlucky) or succeeded != requests:
        raise LoadError(f"h2load: {outcome.group(0)} of {requests}")
    return Seen(succeeded=succeeded, rate=float(rate.group(1)), data_bytes=int(data.group(1)))
