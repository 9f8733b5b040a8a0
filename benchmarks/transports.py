"""Other ways to ask beside gRPC in plain text: TLS, and HTTP/1 with binary data and JSON: `python -m benchmarks.transports`.

h2load sends the same row each way in turn. Exits with 1 when a way reaches less of gRPC's requests a second than its bar
in the median pair: 0.75 over TLS, 0.6 with binary data. Everything about TLS is as it comes on both sides.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import h2load
from benchmarks.bench import ROOT
from benchmarks.metrics import cpu_seconds
from benchmarks.models import TINY, write_repository
from benchmarks.servers import STICKY_HEADER, Tidegate, split_routes
from benchmarks.wire import METHOD, Wire

BARS = {"gRPC over TLS": 0.75, "REST binary": 0.6}
CONNECTIONS = 64
SECONDS = 3.0
KEY = f"{STICKY_HEADER}: user-1"
JSON_LENGTH = "inference-header-content-length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to ask: what is sent where, and the headers that go with it."""

    name: str
    server: Tidegate
    url: str
    body: Path
    headers: tuple[str, ...]
    is_http1: bool


def main() -> int:
    """Measure and print; 0 when the bar is reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transports", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory(prefix="tidegate-transports-") as folder:
        work = Path(folder)
        write_repository(work / "models")
        binary, tls = ROOT / ".venv/bin/tidegate", _certificate(work)
        fields = {"routes": split_routes(), "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", "tls": tls}}
        with (
            Tidegate(binary, work / "models", work) as plain,
            Tidegate(binary, work / "models", work, name="tidegate-tls", fields=fields) as secured,
        ):
            ways = _ways(plain, secured, work)
            for way in ways:
                _load(way, 2_000)
            rates: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
            for _ in range(pairs):
                for way in ways:
                    rates[way.name].append(_rate(way))
    grpc, is_reached = rates[ways[0].name], True
    for name, seen in rates.items():
        ratios = [mine[0] / theirs[0] for mine, theirs in zip(seen, grpc, strict=True)]
        cpu = [mine[1] for mine in seen]
        print(
            f"{name:14} {median(rate for rate, _ in seen):8,.0f} req/s  {median(cpu):5.1f} µs CPU  "
            f"{median(ratios):.2f} of gRPC ({min(ratios):.2f}-{max(ratios):.2f})"
        )
        is_reached &= median(ratios) >= BARS.get(name, 0)
    return 0 if is_reached else 1


def _certificate(work: Path) -> dict[str, str]:
    """A certificate that nobody trusts but whoever asks nobody, as h2load does."""
    files = {"cert_file": str(work / "tls.crt"), "key_file": str(work / "tls.key")}
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-out", files["cert_file"], "-keyout", files["key_file"]]
    subprocess.run(command, capture_output=True, check=True)
    return files


def _ways(server: Tidegate, secured: Tidegate, work: Path) -> tuple[Way, ...]:
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
    grpc = (*h2load.GRPC, KEY)
    plain, tls = f"http://{server.grpc}{METHOD}", f"https://{secured.grpc}{METHOD}"
    return (
        Way(name="gRPC", server=server, url=plain, body=work / "grpc", headers=grpc, is_http1=False),
        Way(name="gRPC over TLS", server=secured, url=tls, body=work / "grpc", headers=grpc, is_http1=False),
        Way(name="REST binary", server=server, url=http, body=work / "binary", headers=binary, is_http1=True),
        Way(name="REST JSON", server=server, url=http, body=work / "json", headers=(KEY,), is_http1=True),
    )


def _compare_answers(url: str, binary: bytes, head: int, text: bytes) -> None:
    """Both forms are answered with the same numbers."""
    with urllib.request.urlopen(urllib.request.Request(url, binary, {JSON_LENGTH: str(head)})) as answer:
        body, length = answer.read(), int(answer.headers[JSON_LENGTH])
    numbers = np.frombuffer(body[length:], np.float32)
    with urllib.request.urlopen(urllib.request.Request(url, text)) as answer:
        said = json.loads(answer.read())["outputs"][0]["data"]
    np.testing.assert_allclose(numbers, said, rtol=1e-6)


def _rate(way: Way) -> tuple[float, float]:
    """Requests a second, and the server's CPU of each in microseconds; handshakes count."""
    requests = int(_load(way, 5_000) * SECONDS)
    before = cpu_seconds(way.server.pid)
    rate = _load(way, requests)
    return rate, (cpu_seconds(way.server.pid) - before) / requests * 1e6


def _load(way: Way, requests: int) -> float:
    """Requests a second."""
    seen = h2load.run(
        way.url,
        way.body,
        headers=way.headers,
        connections=CONNECTIONS,
        streams=1,
        requests=requests,
        is_http1=way.is_http1,
    )
    return seen.rate


if __name__ == "__main__":
    sys.exit(main())
