"""What a gateway says of itself and what the system says of it: metrics, status, memory, threads."""

import json
import math
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from support.asking import Asker, tensors
from support.gateway import Gateway

# A machine that runs tests beside the gateway is busy; what this bound must tell apart is a served client from one that
# waits until an attack is over.
SANE_P99_S = 0.5


def read(gateway: Gateway, path: str) -> str:
    """The body of an HTTP path."""
    with urllib.request.urlopen(f"http://{gateway.http_address}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def metrics(gateway: Gateway) -> dict[str, float]:
    """Every sample under `/metrics`, by its name with labels."""
    lines = (line.rpartition(" ") for line in read(gateway, "/metrics").splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def metric(gateway: Gateway, name: str, **labels: str) -> float:
    """The sum of the samples of `name` that carry the labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        value
        for sample, value in metrics(gateway).items()
        if sample.partition("{")[0] == name and all(part in sample for part in wanted)
    )


def status(gateway: Gateway) -> Any:
    """The document under `/status`."""
    return json.loads(read(gateway, "/status"))


def queue(gateway: Gateway, version: str) -> tuple[int, int]:
    """How many requests wait for a version, and how many batches of it run."""
    found = status(gateway)["versions"][version]
    return found["queue"]["requests"], found["running"]


def pss_mib(gateway: Gateway) -> float:
    """The proportional memory of the process."""
    lines = Path(f"/proc/{gateway.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def settled_pss_mib(gateway: Gateway, *, pause_s: float = 2, limit_s: float = 60) -> float:
    """The same once it stands still: the gateway gives back now and then what it took for a moment."""
    deadline = time.monotonic() + limit_s
    before = pss_mib(gateway)
    quiet = 0
    while quiet < 3:
        assert time.monotonic() < deadline, f"its memory never stands still; last {before:.1f} MiB"
        time.sleep(pause_s)
        now = pss_mib(gateway)
        quiet = quiet + 1 if abs(now - before) < 0.005 * before else 0
        before = now
    return before


class Bystander:
    """A client of another model that goes on asking while something happens to the gateway."""

    def __init__(
        self, gateway: Gateway, model: str = "add_one", credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        self.latencies_s: list[float] = []
        self._failures: list[Exception] = []
        self._is_over = threading.Event()
        self._gateway, self._model, self._credentials = gateway, model, credentials
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        rows = np.float32([[1, 2, 3, 4]])
        with Asker(self._gateway.grpc_address, self._credentials) as calls:
            while not self._is_over.is_set():
                begun = time.monotonic()
                try:
                    answer = calls.infer(self._model, {"x": rows}, timeout=20)
                    assert tensors(answer)["y"].tolist() == [[2, 3, 4, 5]]
                except Exception as error:  # noqa: BLE001  # raised again by whoever watches
                    self._failures.append(error)
                    return
                self.latencies_s.append(time.monotonic() - begun)

    def p99_s(self) -> float:
        """The latency that one in a hundred of the requests so far exceeded."""
        ordered = sorted(self.latencies_s)
        return ordered[math.ceil(len(ordered) * 0.99) - 1]

    def leave(self) -> None:
        """Stops asking; fails if a request did."""
        self._is_over.set()
        self._thread.join()
        for failure in self._failures:
            raise failure


@contextmanager
def unharmed(gateway: Gateway, *, growth_mib: float = 16, p99_s: float = SANE_P99_S) -> Iterator[Bystander]:
    """What happens in the block leaves the gateway alive, its memory where it was, and others served in time."""
    before = pss_mib(gateway)
    bystander = Bystander(gateway)
    try:
        yield bystander
    finally:
        bystander.leave()
    assert gateway.process.poll() is None, "the gateway died"
    assert bystander.latencies_s, "nobody was served meanwhile"
    assert bystander.p99_s() < p99_s
    assert pss_mib(gateway) - before < growth_mib
