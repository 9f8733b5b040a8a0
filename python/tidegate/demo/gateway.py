"""The gateway of the demo: its process from the first line to the last, and the commands that speak to it."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.client import Client
from tidegate.errors import TidegateError
from tidegate.gateway.http import base_url, read_json

STATE = "state"
START_TIMEOUT_S = 60  # loading and warming small models takes well under one second
APPLY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 35  # the gateway itself gives running requests 30 s to finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the gateway listens, each as `host:port`."""

    grpc: str
    http: str


class GatewayFailedError(TidegateError):
    """The gateway did not start or did not end well; the message is one sentence for a person."""


def forget_state(folder: Path) -> None:
    """Remove what an earlier gateway remembered in `folder`: other models, or the windows of another replay."""
    shutil.rmtree(folder / STATE, ignore_errors=True)


@contextmanager
def serving(document: Path) -> Iterator[Addresses]:
    """Run `tidegate serve` on `document` for the length of the block; its log goes to `gateway.log` beside it."""
    with running("serve", document, log=document.with_name("gateway.log")) as bound:
        yield Addresses(grpc=bound["grpc"], http=bound["http"])


@contextmanager
def running(*words: str | Path, log: Path) -> Iterator[dict[str, str]]:
    """Run a `tidegate` command that serves for the length of the block, and give the addresses that it prints.

    It gets a session of its own, so that Ctrl-C reaches only the demo, which then ends both in order.
    """
    program = _program()
    with log.open("wb") as errors:
        process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
        with process:
            try:
                yield _bound_addresses(process, log)
            finally:
                _stop(process)
    if process.returncode != 0:
        raise GatewayFailedError(f"the gateway ended with exit code {process.returncode}; see {log}.")


def run_command(
    *words: str | Path, width: int, folder: Path | None = None, variables: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a `tidegate` command as a user types it; its exit code and what it printed, so many columns wide.

    It runs in `folder`, by default that of the demo's own process, with `variables` beside the environment's.
    """
    done = subprocess.run(
        [_program(), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=APPLY_TIMEOUT_S,
        env={**os.environ, **(variables or {}), "COLUMNS": str(width)},  # noqa: TID251  # handed on, not read
        cwd=folder,
        check=False,
    )
    return done.returncode, done.stdout.rstrip()


def epoch(addresses: Addresses) -> int:
    """The number of the snapshot that is served now."""
    return int(read_json(base_url(addresses.http), "/status")["epoch"])


def rows_per_batch(client: Client, versions: Iterable[str]) -> dict[str, float]:
    """Ask the gateway how many rows each of these versions answered per run of its model, as `{version: rows}`.

    A version that ran nothing is absent.
    """
    found: dict[str, float] = {}
    for arm in versions:
        model, _, number = arm.partition("/")
        counted = client.statistics(model, number)
        runs = sum(entry.execution_count for entry in counted)
        if runs:
            found[arm] = sum(entry.inference_count for entry in counted) / runs
    return found


def _program() -> Path:
    program = Path(sys.executable).with_name("tidegate")
    if not program.exists():
        raise GatewayFailedError(f"{program} is missing; `make demo` builds it.")
    return program


def _bound_addresses(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """Wait for the one JSON line that the gateway prints when it is ready."""
    stdout = process.stdout
    is_readable = stdout is not None and bool(select.select([stdout], [], [], START_TIMEOUT_S)[0])
    line = stdout.readline() if stdout is not None and is_readable else b""
    if not line.strip():
        raise GatewayFailedError(f"the gateway did not start within {START_TIMEOUT_S} s; {_last_words(log)}")
    return {str(name): str(address) for name, address in json.loads(line).items()}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"its last words: {lines[-1]}" if lines else "it said nothing."
