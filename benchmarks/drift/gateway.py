"""What counting costs a gateway: the same requests with drift on and off, in pairs: `python -m benchmarks.drift.gateway`.

With `--gate` both count, and one holds every row against the rules of the profile too (`gate: reject`), all of which keep
them. The model has 32 features and one prediction. Exits with 1 when the second gateway answers less than 0.95 of what the
first does in the median of ten pairs, or when what it has counted is not every row of every feature.
"""

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import h2load
from benchmarks.bench import ROOT
from benchmarks.metrics import cpu_seconds
from benchmarks.models import TINY, VERSIONS, write_repository
from benchmarks.servers import STICKY_HEADER, Tidegate, split_routes
from benchmarks.wire import METHOD, Wire
from tidegate import drift

BAR = 0.95
ROUTE = "tiny"
CONNECTIONS = 64
SECONDS = 3.0
REFERENCE_ROWS = 20_000
# The gateway takes over what its threads have counted once a second.
TAKEN_OVER_S = 3.0


def main() -> int:
    """Measure and print; 0 when the bar is reached and every row was counted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift.gateway", description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--gate", action="store_true", help="a gate that rejects beside one that observes")
    arguments = parser.parse_args()
    pairs, names = arguments.pairs, ("observe", "reject") if arguments.gate else ("off", "on")
    with tempfile.TemporaryDirectory(prefix="tidegate-drift-") as folder:
        work = Path(folder)
        write_repository(work / "models")
        _write_profiles(work / "models")
        rows = np.random.default_rng(7).normal(size=(1, TINY.widths[0])).astype(np.float32)
        message = Wire(work).request(ROUTE, rows)
        (work / "body").write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        binary, fields = ROOT / ".venv/bin/tidegate", {"routes": split_routes()}
        monitors = {"off": {}, "on": {ROUTE: {}}, "observe": {ROUTE: {}}, "reject": {ROUTE: {"gate": "reject"}}}
        documents = [{**fields, "monitors": monitors[name]} for name in names]
        with (
            Tidegate(binary, work / "models", work, name=names[0], fields=documents[0]) as off,
            Tidegate(binary, work / "models", work, name=names[1], fields=documents[1]) as on,
        ):
            for server in (off, on):
                _load(server, work, 5_000)
            requests = int(_load(off, work, 20_000) * SECONDS)
            seen = [[_measure(server, work, requests) for server in (off, on)] for _ in range(pairs)]
            counted, answered = _rows_counted(on), on.counts(ROUTE).ok
    ratios = [on_rate / off_rate for (off_rate, _), (on_rate, _) in seen]
    for at, name in enumerate(names):
        rate, cpu_us = (median(pair[at][part] for pair in seen) for part in (0, 1))
        print(f"{name:7} {rate:9,.0f} req/s  {cpu_us:5.2f} µs CPU a request")
    print(
        f"{names[1]} / {names[0]}   {median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f}) of {pairs} pairs; the bar is {BAR}"
    )
    print(f"{counted:,} rows counted of {answered:,} answered, {TINY.widths[0]} features and a prediction each")
    return 0 if median(ratios) >= BAR and counted == answered else 1


def _write_profiles(models: Path) -> None:
    """A profile of normal rows beside each version."""
    rows = np.random.default_rng(11).normal(size=(REFERENCE_ROWS, TINY.widths[0])).astype(np.float32)
    for version in VERSIONS:
        folder = models / TINY.name / str(version)
        built = drift.build_profile(rows, model=folder / "model.onnx", holdout=rows)
        (folder / "profile.json").write_text(built.text)


def _measure(server: Tidegate, work: Path, requests: int) -> tuple[float, float]:
    """Requests a second, and the server's CPU of each in microseconds."""
    before = cpu_seconds(server.pid)
    rate = _load(server, work, requests)
    return rate, (cpu_seconds(server.pid) - before) / requests * 1e6


def _load(server: Tidegate, work: Path, requests: int) -> float:
    seen = h2load.run(
        f"http://{server.grpc}{METHOD}",
        work / "body",
        headers=(*h2load.GRPC, f"{STICKY_HEADER}: user-1"),
        connections=CONNECTIONS,
        streams=1,
        requests=requests,
    )
    return seen.rate


def _rows_counted(server: Tidegate) -> int:
    """Rows of every version, once the gateway has taken them over."""
    time.sleep(TAKEN_OVER_S)
    with urllib.request.urlopen(f"http://{server.http}/drift/{ROUTE}") as answer:
        versions = json.loads(answer.read())["versions"]
    return sum(sum(found["watch"]["rows"].values()) for found in versions if found["watch"])


if __name__ == "__main__":
    sys.exit(main())
