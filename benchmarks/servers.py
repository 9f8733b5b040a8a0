"""Starts and stops the servers under test and reads their counters."""

import importlib.util
import json
import select
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from benchmarks.cells import SPLIT, STICKY_HEADER
from benchmarks.metrics import requests_by_version
from benchmarks.models import MID, TINY

START_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
COUNTERS_LIMIT_S = 10.0
_ROUTES = {"tiny": TINY, "mid": MID}


class ServerError(Exception):
    """A server under test did not start, answer or stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Answered requests since the start; `by_version` is empty for a server without a split."""

    ok: int
    failed: int
    by_version: dict[str, int]

    def since(self, before: "Counts") -> "Counts":
        """What was counted after `before`."""
        by_version = Counter(self.by_version)
        by_version.subtract(before.by_version)
        return Counts(ok=self.ok - before.ok, failed=self.failed - before.failed, by_version=dict(by_version))


class Server(Protocol):
    """A running server: its name in tables, its gRPC address, its process."""

    name: str
    grpc: str
    pid: int

    def counts(self, route: str, /) -> Counts:
        """Requests counted for `route` since the start (a server without routes counts all of them)."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Process:
    """A child that prints one JSON line with its addresses and ends on SIGTERM."""

    def __init__(self, name: str, command: list[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._log = log
        if not Path(command[0]).is_file():
            raise ServerError(f"{self.name} is not built: there is no {command[0]}")
        with log.open("wb") as errors:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=env
            )
        self.pid = self._child.pid
        try:
            self._bound: dict[str, str] = json.loads(self._line(START_LIMIT_S))
        except BaseException:
            self._stop()
            raise
        self.grpc = self._bound["grpc"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            self._child.kill()
            raise ServerError(f"{self.name} did not end within {STOP_LIMIT_S:.0f} s of SIGTERM") from error

    def _line(self, limit_s: float) -> str:
        """The next line of standard output; a child that prints nothing else never leaves one in the buffer."""
        stream = _opened(self._child.stdout)
        ready, _, _ = select.select([stream], [], [], limit_s)
        line = stream.readline() if ready else ""
        if not line:
            fate = "ended" if ready else f"did not answer on its standard output within {limit_s:.0f} s"
            said = self._log.read_text(errors="replace").strip()[-2000:]
            raise ServerError(f"{self.name} {fate}: {said or 'it said nothing'}")
        return line


class Counted(_Process):
    """A server that tells its one pair of counters when its standard input says `stats`."""

    def counts(self, _route: str, /) -> Counts:
        """Requests of all models together."""
        stream = _opened(self._child.stdin)
        stream.write("stats\n")
        stream.flush()
        counted = json.loads(self._line(COUNTERS_LIMIT_S))
        return Counts(ok=counted["ok"], failed=counted["failed"], by_version={})


class Reference(Counted):
    """The C++ reference server with version 1 of both models, named as the routes are."""

    def __init__(self, binary: Path, repository: Path, work: Path, *, name: str = "cpp-reference") -> None:
        command = [str(binary), "--library", str(onnxruntime_library())]
        for named in first_versions(repository):
            command += ["--model", named]
        super().__init__(name, command, work / f"{name}.log")


class Tidegate(_Process):
    """`tidegate serve` with `fields` in its document and everything else as it comes.

    Without `fields` it has a sticky split on each route.
    """

    def __init__(
        self,
        binary: Path,
        repository: Path,
        work: Path,
        *,
        name: str = "tidegate",
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self.document = {
            "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0"},
            "repository": str(repository),
            "state_dir": str(work / f"{name}.state"),
            "drain_delay_ms": 0,
            **(fields or {"routes": split_routes()}),
        }
        path = work / f"{name}.json"
        path.write_text(json.dumps(self.document))
        super().__init__(name, [str(binary), "serve", str(path)], work / f"{name}.log")
        self.http = self._bound["http"]

    def get(self, path: str) -> str:
        """A page of its HTTP port."""
        with urllib.request.urlopen(f"http://{self._bound['http']}{path}", timeout=COUNTERS_LIMIT_S) as page:
            return str(page.read().decode())

    def counts(self, route: str, /) -> Counts:
        """Requests of `route`, from the metrics page."""
        by_outcome = requests_by_version(self.get("/metrics"), route)
        ok = {version: count for (version, code), count in by_outcome.items() if code == "OK"}
        failed = sum(count for (_, code), count in by_outcome.items() if code != "OK")
        return Counts(ok=sum(ok.values()), failed=failed, by_version=ok)


def first_versions(repository: Path) -> list[str]:
    """Version 1 of each model under the name of its route, as `NAME=PATH`."""
    return [f"{route}={repository / model.name / '1' / 'model.onnx'}" for route, model in _ROUTES.items()]


def onnxruntime_library() -> Path:
    """The shared library inside the installed onnxruntime wheel, found without importing the package."""
    spec = importlib.util.find_spec("onnxruntime")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = [path for folder in folders for path in sorted((folder / "capi").glob("libonnxruntime.so.*"))]
    if not found:
        raise ServerError("onnxruntime is not installed in this Python environment: pip install onnxruntime")
    return found[0]


def wait_until_counted(server: Server, route: str, before: Counts, expected: int) -> Counts:
    """Counters may lag behind answers by a moment; returns as soon as they agree, or what they say at the limit."""
    limit = time.monotonic() + COUNTERS_LIMIT_S
    while True:
        counted = server.counts(route).since(before)
        if counted.ok >= expected or time.monotonic() > limit:
            return counted
        time.sleep(0.05)


def sticky_route(split: Mapping[str, int], **fields: Any) -> dict[str, Any]:
    """A route that keeps the load generator's keys on their version."""
    return {"sticky": f'metadata["{STICKY_HEADER}"]', "split": dict(split), **fields}


def split_routes() -> dict[str, Any]:
    """A sticky split for each model."""
    return {
        route: sticky_route({f"{model.name}/{version}": weight for version, weight in SPLIT.items()})
        for route, model in _ROUTES.items()
    }


def _opened(stream: IO[str] | None) -> IO[str]:
    assert stream is not None, "both pipes are opened with the process"
    return stream
