"""The protocol over HTTP beside gRPC, both on one gateway: `python -m benchmarks.rest [--pairs N]`.

h2load sends the same row over HTTP/2 and, as binary data and as JSON, over HTTP/1, in turn. Exits with 1 when binary data
reaches less than 0.6 of gRPC's requests a second in the median pair.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.bench import ROOT
from benchmarks.load import LoadError
from benchmarks.models import TINY, write_repository
from benchmarks.servers import STICKY_HEADER, Tidegate
from benchmarks.wire import METHOD, Wire

BAR = 0.6
CONNECTIONS = 64
SECONDS = 3.0
LIMIT_S = 120.0
KEY = f"{STICKY_HEADER}: user-1"
JSON_LENGTH = "inference-header-content-length"
_RATE = re.compile(r"finished in [\d.]+\w+, ([\d.]+) req/s")
_SUCCEEDED = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to ask: what is sent where, and the headers that go with it."""

    name: str
    url: str
    body: Path
    headers: tuple[str, ...]
    is_http1: bool


def main() -> int:
    """Measure and print; 0 when the bar is reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rest", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory(prefix="tidegate-rest-") as folder:
        work = Path(folder)
        write_repository(work / "models")
        with Tidegate(ROOT / ".venv/bin/tidegate", work / "models", work) as server:
            ways = _ways(server, work)
            for way in ways:
                _load(way, 2_000)
            rates: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
            for _ in range(pairs):
                for way in ways:
                    rates[way.name].append(_rate(server, way))
    grpc = rates[ways[0].name]
    for name, seen in rates.items():
        ratios = [mine[0] / theirs[0] for mine, theirs in zip(seen, grpc, strict=True)]
        cpu = [mine[1] for mine in seen]
        print(
            f"{name:12} {median(rate for rate, _ in seen):8,.0f} req/s  {median(cpu):5.1f} µs CPU  "
            f"{median(ratios):.2f} of gRPC ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    reached = median(mine[0] / theirs[0] for mine, theirs in zip(rates["REST binary"], grpc, strict=True))
    return 0 if reached >= BAR else 1


def _ways(server: Tidegate, work: Path) -> tuple[Way, Way, Way]:
    rows = np.random.default_rng(7).uniform(-1, 1, (1, TINY.widths[0])).astype(np.float32)
    message = Wire(work).request("tiny", rows)
    given = {"name": "x", "datatype": "FP32", "shape": list(rows.shape)}
    head = json.dumps(
        {
            "inputs": [{**given, "parameters": {"binary_data_size": rows.nbytes}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    text = json.dumps({"inputs": [{**given, "data": rows.tolist()}]}).encode()
    bodies = {"grpc": b"\0" + len(message).to_bytes(4, "big") + message, "binary": head + rows.tobytes(), "json": text}
    for name, body in bodies.items():
        (work / name).write_bytes(body)
    http = f"http://{server.http}/v2/models/tiny/infer"
    binary = (KEY, f"{JSON_LENGTH}: {len(head)}")
    _compare_answers(http, bodies["binary"], len(head), bodies["json"])
    grpc = ("content-type: application/grpc", "te: trailers", KEY)
    return (
        Way(name="gRPC", url=f"http://{server.grpc}{METHOD}", body=work / "grpc", headers=grpc, is_http1=False),
        Way(name="REST binary", url=http, body=work / "binary", headers=binary, is_http1=True),
        Way(name="REST JSON", url=http, body=work / "json", headers=(KEY,), is_http1=True),
    )


def _compare_answers(url: str, binary: bytes, head: int, text: bytes) -> None:
    """Both forms are answered with the same numbers."""
    with urllib.request.urlopen(urllib.request.Request(url, binary, {JSON_LENGTH: str(head)})) as answer:
        body, length = answer.read(), int(answer.headers[JSON_LENGTH])
    numbers = np.frombuffer(body[length:], np.float32)
    with urllib.request.urlopen(urllib.request.Request(url, text)) as answer:
        said = json.loads(answer.read())["outputs"][0]["data"]
    np.testing.assert_allclose(numbers, said, rtol=1e-6)


def _rate(server: Tidegate, way: Way) -> tuple[float, float]:
    """Requests a second, and the server's CPU of each in microseconds."""
    guess = _load(way, 5_000)[0]
    requests = int(guess * SECONDS)
    before = _cpu_s(server.pid)
    rate, done = _load(way, requests)
    return rate, (_cpu_s(server.pid) - before) / done * 1e6


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _load(way: Way, requests: int) -> tuple[float, int]:
    command = ["h2load", "-n", str(requests), "-c", str(CONNECTIONS), "-m", "1", "-t", "1", "-d", str(way.body)]
    command += ["--h1"] if way.is_http1 else []
    for header in way.headers:
        command += ["-H", header]
    said = subprocess.run([*command, way.url], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    rate, outcome = _RATE.search(said), _SUCCEEDED.search(said)
    if rate is None or outcome is None or int(outcome[1]) != requests:
        raise LoadError(f"h2load said something else than expected: {said[-500:]}")
    return float(rate[1]), requests


if __name__ == "__main__":
    sys.exit(main())
