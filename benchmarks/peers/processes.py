"""Servers that others wrote: a tree of processes on ports that were free, ready when it answers, counted by its own metrics."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from benchmarks.metrics import total
from benchmarks.servers import COUNTERS_LIMIT_S, STOP_LIMIT_S, Counts, ServerError
from benchmarks.wire import METHOD

START_LIMIT_S = 60.0
HOST = "127.0.0.1"
_LAST_WORDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Where a server counts: a page in the Prometheus text format, and what `label` names a model there.

    `failed` may be less those that are counted as `ok`.
    """

    url: str
    label: str
    ok: str
    failed: str
    failed_has_ok: bool = False


class Foreign:
    """A server that does not know of the benchmark; ended with all its children."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        counters: Counters,
        first: Mapping[str, bytes],
        folder: Path,
        env: Mapping[str, str],
    ) -> None:
        """Start it in `folder` and wait until it answers each of the requests `first`, which are by their model.

        Raises ServerError with its last words when it ends or does not answer in time.
        """
        self.name = name
        self.grpc = f"{HOST}:{port}"
        self._counters = counters
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [*command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(env),
                start_new_session=True,
            )
        self.pid = self._child.pid
        try:
            for model, request in first.items():
                self._wait_for(model, request)
        except BaseException:
            self._stop()
            raise

    def counts(self, route: str, /) -> Counts:
        """Requests of the model that is named as the route."""
        counters = self._counters
        with urllib.request.urlopen(counters.url, timeout=COUNTERS_LIMIT_S) as answer:
            page = answer.read().decode()
        ok = total(page, counters.ok, **{counters.label: route})
        failed = total(page, counters.failed, **{counters.label: route})
        return Counts(ok=ok, failed=failed - ok if counters.failed_has_ok else failed, by_version={})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _wait_for(self, model: str, request: bytes) -> None:
        limit = time.monotonic() + START_LIMIT_S
        with grpc.insecure_channel(self.grpc) as channel:
            ask = channel.unary_unary(METHOD)
            while True:
                try:
                    ask(request, timeout=1.0, wait_for_ready=True)
                    return
                except grpc.RpcError as error:
                    refusal = f"{error.code().name} {error.details()}"
                if self._child.poll() is not None:
                    raise ServerError(f"{self.name} ended with {self._child.returncode}: {self._last_words()}")
                if time.monotonic() > limit:
                    raise ServerError(f"{self.name} does not answer for {model}: {refusal}; {self._last_words()}")
                time.sleep(0.1)

    def _last_words(self) -> str:
        said = " ".join(self._log.read_text(errors="replace").split())
        return said[-_LAST_WORDS:] or "it said nothing"

    def _stop(self) -> None:
        """End the process as an operator would, and then whatever of its group is left."""
        self._child.terminate()
        try:
            self._child.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        finally:
            _end_group(self.pid)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nothing listens on; somebody could still take one before it is used."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing is left, as it ought to be
