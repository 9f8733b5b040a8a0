"""How long a rollback takes under load: from the call to the last answer by what was rolled back."""

import subprocess
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks import h2load
from benchmarks.models import TINY, write_repository
from benchmarks.registry.serving import Serving, apply, serving
from benchmarks.wire import METHOD, Wire
from tidegate.client import Client

ROLLBACKS = 200
LOAD = 0.6
BAR_MS = 50.0
CONNECTIONS = 16
ROUTE = "tiny"


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    write_repository(work / "models")
    rows = np.random.default_rng(7).normal(size=(1, TINY.widths[0])).astype(np.float32)
    message = Wire(work).request(ROUTE, rows)
    (work / "body").write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    with serving(work) as running:
        for version in (1, 2):
            running.registry.register("tiny", work / "models" / TINY.name / str(version) / "model.onnx")
        apply(running.registry, ROUTE, {"tiny/1": 1})
        apply(running.registry, ROUTE, {"tiny/2": 1})
        rate = _capacity(running, work) * LOAD
        with _under_load(running, work, rate):
            took_ms = sorted(_rollbacks(running, rows))
    p50, p99 = (took_ms[int(len(took_ms) * share)] for share in (0.5, 0.99))
    print(
        f"rollback under {rate:,.0f} req/s ({LOAD:.0%} of what it can): p50 {p50:.1f} ms, p99 {p99:.1f} ms of {ROLLBACKS}; "
        f"the bar is {BAR_MS:.0f} ms"
    )
    return p99 <= BAR_MS


def _capacity(running: Serving, work: Path) -> float:
    headers = h2load.GRPC
    url = f"http://{running.grpc}{METHOD}"
    return h2load.run(url, work / "body", headers=headers, connections=CONNECTIONS, streams=1, requests=40_000).rate


class _under_load:  # noqa: N801  # reads as what it is where it is used
    def __init__(self, running: Serving, work: Path, rate: float) -> None:
        words = ["h2load", f"--rps={rate / CONNECTIONS:.0f}", "-c", str(CONNECTIONS), "-m", "1", "-t", "1", "-D", "600"]
        headers = [word for header in h2load.GRPC for word in ("-H", header)]
        self._words = [*words, *headers, "-d", str(work / "body"), f"http://{running.grpc}{METHOD}"]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL)
        time.sleep(1.0)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _rollbacks(running: Serving, rows: np.ndarray) -> list[float]:
    """Milliseconds of each: an upper bound, for the last answer by the old version is timed when it comes."""
    answers: list[tuple[float, str]] = []
    is_over = threading.Event()

    def ask() -> None:
        with Client(running.grpc) as client:
            while not is_over.is_set():
                version = client.infer(ROUTE, {"x": rows}).version
                answers.append((time.perf_counter(), version))

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for caller in callers:
        caller.start()
    took_ms = []
    for number in range(ROLLBACKS):
        revision = 1 + number % 2
        old = f"tiny/{3 - revision}"
        begun = time.perf_counter()
        running.registry.rollback(ROUTE, to=revision, reason="benchmark")
        # Everything by the old version comes within this time, or the measure says so.
        time.sleep(0.15)
        last = max((at for at, version in answers if version == old and at >= begun), default=begun)
        took_ms.append((last - begun) * 1e3)
        answers.clear()
    is_over.set()
    for caller in callers:
        caller.join()
    return took_ms
