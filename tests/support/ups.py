"""A registry with its gateway as a user runs them: `tidegate up` in its own process, in a folder of a test."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from support.gateway import START_LIMIT_S, STOP_LIMIT_S, TIDEGATE
from tidegate.client import Client
from tidegate.client.registry import Registry
from tidegate.errors import RequestError

CONFIG = "listen: {grpc: '127.0.0.1:0', http: '127.0.0.1:0'}\ndrain_delay_ms: 0\ndrain_timeout_ms: 5000\n"
ROW = np.zeros((1, 4), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A running registry, and callers of it."""

    process: subprocess.Popen[bytes]
    folder: Path
    grpc: str
    http: str
    admin: str
    registry: Registry
    client: Client

    @property
    def log(self) -> str:
        """Everything that it has written to stderr."""
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """Ends the process as a loss of power does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_LIMIT_S)

    def register(self, model: str, content: onnx.ModelProto | bytes) -> str:
        """Registers a model, and returns the short name of the version."""
        path = self.folder / "candidate.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return self.registry.register(model, path).version.name

    def apply(self, route: str, *arms: tuple[str, int], **more: Any) -> Any:
        """Plans and applies a route."""
        plan = self.registry.plan({"route": route, "split": dict(arms)})
        return self.registry.apply(plan.name, reason="test", **more)

    def answer(self, route: str) -> float | None:
        """What the route's model adds to nothing; None while there is no such route."""
        try:
            return float(self.client.infer(route, {"x": ROW})["y"][0, 0])
        except RequestError:
            return None


def command(*words: str | Path, most_file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; where a size is said, no file gets larger, as on a full disk."""
    under = [] if most_file_bytes is None else ["prlimit", f"--fsize={most_file_bytes}"]
    return subprocess.run(
        [*under, TIDEGATE, *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


@contextmanager
def up(folder: Path, *more: str) -> Iterator[Up]:
    """Runs `tidegate up` for the length of the block, and fails if it does not end by SIGTERM with 0."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG)
    data = folder / "tidegate-data"
    words = ["up", "--data", str(data), "--admin", "127.0.0.1:0", "--config", str(folder / "config.yaml"), *more]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([TIDEGATE, *words], stdout=subprocess.PIPE, stderr=log)
    try:
        addresses = json.loads(_first_line(process, folder))
        token_file = data / "owner.token"
        with Registry(addresses["admin"], token_file=token_file) as registry, Client(addresses["grpc"]) as client:
            yield Up(process=process, folder=folder, registry=registry, client=client, **addresses)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_LIMIT_S) == 0, (folder / "log").read_text()[-4_000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _first_line(process: subprocess.Popen[bytes], folder: Path) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_LIMIT_S)
    line = os.read(process.stdout.fileno(), 1 << 16).decode() if ready else ""
    assert line, f"it does not start: {(folder / 'log').read_text()[-4_000:]}"
    return line
