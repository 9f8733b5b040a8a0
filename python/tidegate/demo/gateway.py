"""The gateway of the demo: its document, and its process from the first line to the last."""

import json
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.client import Client
from tidegate.errors import TidegateError

ROUTE = "flight-delay"
STABLE = f"{ROUTE}/1"
CANDIDATE = f"{ROUTE}/2"
SPLIT = {STABLE: 90, CANDIDATE: 10}
STICKY_METADATA = "x-unit"
STATE = "state"
START_TIMEOUT_S = 60  # loading and warming two small models takes well under one second
STOP_TIMEOUT_S = 35  # the gateway itself gives running requests 30 s to finish

DOCUMENT = f"""\
# Written by `make demo` at every run. Copy it, or serve it as it is: tidegate serve gateway.yaml
listen: {{grpc: "127.0.0.1:0", http: "127.0.0.1:0"}}  # port 0: any free one; the gateway prints what it got
repository: ./models
state_dir: ./{STATE}
drain_delay_ms: 0  # nobody but the demo calls, so nobody needs time to look elsewhere

routes:
  {ROUTE}:
    sticky: metadata["{STICKY_METADATA}"]  # the aircraft's tail number: an aircraft keeps its version
    split: {{"{STABLE}": {SPLIT[STABLE]}, "{CANDIDATE}": {SPLIT[CANDIDATE]}}}
    stable: {STABLE}
    timeout_ms: 200
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the gateway listens, each as `host:port`."""

    grpc: str
    http: str


class GatewayFailedError(TidegateError):
    """The gateway did not start or did not end well; the message is one sentence for a person."""


def forget_state(folder: Path) -> None:
    """Remove what an earlier gateway remembered in `folder`: it was about other models."""
    shutil.rmtree(folder / STATE, ignore_errors=True)


@contextmanager
def serving(document: Path) -> Iterator[Addresses]:
    """Run `tidegate serve` on `document` for the length of the block; its log goes to `gateway.log` beside it.

    The gateway gets a session of its own, so that Ctrl-C reaches only the demo, which then ends both in order.
    """
    program = Path(sys.executable).with_name("tidegate")
    if not program.exists():
        raise GatewayFailedError(f"{program} is missing; `make demo` builds it.")
    log = document.with_name("gateway.log")
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [program, "serve", document], stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        with process:
            try:
                yield _bound_addresses(process, log)
            finally:
                _stop(process)
    if process.returncode != 0:
        raise GatewayFailedError(f"the gateway ended with exit code {process.returncode}; see {log}.")


def rows_per_batch(client: Client) -> dict[str, float]:
    """Ask the gateway how many rows each version answered per run of its model, as `{version: rows}`.

    A version that ran nothing is absent.
    """
    found: dict[str, float] = {}
    for arm in SPLIT:
        model, _, number = arm.partition("/")
        counted = client.statistics(model, number)
        runs = sum(entry.execution_count for entry in counted)
        if runs:
            found[arm] = sum(entry.inference_count for entry in counted) / runs
    return found


def _bound_addresses(process: subprocess.Popen[bytes], log: Path) -> Addresses:
    """Wait for the one JSON line that the gateway prints when it is ready."""
    stdout = process.stdout
    is_readable = stdout is not None and bool(select.select([stdout], [], [], START_TIMEOUT_S)[0])
    line = stdout.readline() if stdout is not None and is_readable else b""
    if not line.strip():
        raise GatewayFailedError(f"the gateway did not start within {START_TIMEOUT_S} s; {_last_words(log)}")
    bound = json.loads(line)
    return Addresses(grpc=bound["grpc"], http=bound["http"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"its last words: {lines[-1]}" if lines else "it said nothing."
