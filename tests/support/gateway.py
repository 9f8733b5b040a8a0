"""A gateway as a user runs it: `tidegate serve` in its own process, on ports of its own choice."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Cold start of every model of the shared repository on two busy cores, with room.
START_LIMIT_S = 90
# Longer than the longest drain a test asks for.
STOP_LIMIT_S = 45

LOG_TAIL_CHARACTERS = 8_000

TIDEGATE = str(Path(sys.executable).with_name("tidegate"))


# Who reads requests from the wire in gateways that are started now.
_front = "native"


@contextmanager
def fronted_by(front: str) -> Iterator[None]:
    """For the length of the block, gateways are started with this front unless their document names one."""
    global _front  # noqa: PLW0603  # starts are written in a hundred places, and none of them is about the front
    before, _front = _front, front
    try:
        yield
    finally:
        _front = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway: where it listens, and the process that is it."""

    grpc_address: str
    http_address: str
    process: subprocess.Popen[bytes]
    log_path: Path
    repository: Path
    document_path: Path
    state_dir: Path

    @property
    def pid(self) -> int:
        """The process id, for signals and /proc."""
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything that the gateway has written to stderr so far."""
        return self.log_path.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to this process and no other."""
        os.kill(self.pid, number)

    def wait(self, limit_s: float = STOP_LIMIT_S) -> int:
        """Waits for the end; returns the exit code."""
        return self.process.wait(limit_s)


@contextmanager
def start_gateway(document: Mapping[str, Any], repository: Path, *, under: Sequence[str] = ()) -> Iterator[Gateway]:
    """Runs a gateway for the length of the block; the document may leave out everything that tests have in common.

    `under` is a command that becomes the gateway, such as `prlimit` with its options.

    The gateway is ended with SIGTERM, and the block fails if it does not then exit with 0. A test that ends the
    process itself (`signal`, `wait`) asserts its own exit code.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        base = Path(folder)
        if under:
            base.chmod(0o755)  # it may run as somebody else
        path = write_document(document, repository, base)
        log_path = base / "log"
        with log_path.open("wb") as log, _spawn(path, log, under) as process:
            try:
                addresses = _read_addresses(process)
                gateway = Gateway(
                    grpc_address=addresses["grpc"],
                    http_address=addresses["http"],
                    process=process,
                    log_path=log_path,
                    repository=repository,
                    document_path=path,
                    state_dir=Path(json.loads(path.read_text())["state_dir"]),
                )
                yield gateway
                _end(gateway)
            except BaseException as error:
                error.add_note(f"log of the gateway:\n{log_path.read_text(errors='replace')[-LOG_TAIL_CHARACTERS:]}")
                raise
            finally:
                if process.poll() is None:
                    process.kill()


def refused_start(document: Mapping[str, Any], repository: Path) -> tuple[int, str]:
    """Starts a gateway that must not come up; returns its exit code and what it said on stderr."""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        path = write_document(document, repository, Path(folder))
        ended = subprocess.run(
            [TIDEGATE, "serve", str(path)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=START_LIMIT_S,
            check=False,
        )
        assert ended.stdout == b"", f"a gateway that does not start prints no addresses, but: {ended.stdout!r}"
        return ended.returncode, ended.stderr.decode()


def free_port() -> int:
    """One that nothing listens on, for a gateway that is to come back to it."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def write_document(document: Mapping[str, Any], repository: Path, base: Path) -> Path:
    """The document with what tests have in common filled in: free ports, no drain delay, its own state folder."""
    whole = {
        "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0"},
        "repository": str(repository),
        "state_dir": str(base / "state"),
        "drain_delay_ms": 0,
        "front": _front,
        **document,
    }
    path = base / "gateway.yaml"
    path.write_text(json.dumps(whole))  # JSON is YAML
    return path


def _spawn(path: Path, log: Any, under: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*under, TIDEGATE, "serve", str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
    )


def _read_addresses(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """The one JSON line that a gateway prints when it listens."""
    assert process.stdout is not None
    line = b""
    deadline = time.monotonic() + START_LIMIT_S
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(process.stdout.fileno(), 4096) if ready else b""
        if not part:
            state = f"exit code {process.wait(STOP_LIMIT_S)}" if ready else f"silent for {START_LIMIT_S} s"
            raise AssertionError(f"the gateway did not start ({state})")
        line += part
    addresses: dict[str, str] = json.loads(line)
    return addresses


def _end(gateway: Gateway) -> None:
    if gateway.process.returncode is not None:
        return  # the test waited for the end, and asserted its exit code
    gateway.signal(signal.SIGTERM)
    try:
        code = gateway.wait()
    except subprocess.TimeoutExpired:
        raise AssertionError(f"the gateway did not end within {STOP_LIMIT_S} s") from None
    assert code == 0, f"the gateway ended with {code}"
