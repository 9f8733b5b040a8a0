"""A registry with its gateway in a process of its own."""

import json
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import ROOT
from tidegate.client.registry import Registry

CONFIG = "listen: {grpc: '127.0.0.1:0', http: '127.0.0.1:0'}\ndrain_delay_ms: 0\ndrain_timeout_ms: 2000\n"
START_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where it listens, who asks it, and its process."""

    grpc: str
    http: str
    admin: str
    registry: Registry
    process: subprocess.Popen[bytes]
    folder: Path


@contextmanager
def serving(work: Path) -> Iterator[Serving]:
    """`tidegate up` for the length of the block."""
    (work / "config.yaml").write_text(CONFIG)
    data = work / "tidegate-data"
    words = ["up", "--data", data, "--admin", "127.0.0.1:0", "--config", work / "config.yaml"]
    with (work / "log").open("ab") as log:
        process = subprocess.Popen([ROOT / ".venv/bin/tidegate", *words], stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        if not ready:
            raise TimeoutError(f"tidegate up says nothing for {START_S:.0f} s: {work / 'log'}")
        addresses = json.loads(process.stdout.readline())
        with Registry(addresses["admin"], token_file=data / "owner.token", timeout=600) as registry:
            yield Serving(registry=registry, process=process, folder=data, **addresses)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def apply(registry: Registry, route: str, split: dict[str, int]) -> None:
    """Plans and applies a route."""
    registry.apply(registry.plan({"route": route, "split": split}).name, reason="benchmark")
