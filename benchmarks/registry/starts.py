"""From the Enter key to the answer of a short command, beside what it takes to import grpc alone."""

import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.bench import ROOT
from benchmarks.registry.serving import serving

BAR_MS = 400.0
"""Where a person begins to wait."""
TIMES = 20
NOBODY = "127.0.0.1:1"
GRPC = 'python -c "import grpc"'


class Took(NamedTuple):
    """How long a command takes."""

    wall_ms: float
    cpu_ms: float


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    with serving(work) as up:
        tidegate = str(ROOT / ".venv/bin/tidegate")
        token = ("--token-file", str(up.folder / "owner.token"))
        asked = {
            "tidegate models list": (tidegate, "models", "list", "--admin", up.admin, *token),
            "tidegate models list, nobody answers": (tidegate, "models", "list", "--admin", NOBODY, *token),
            "tidegate --help": (tidegate, "--help"),
            "tidegate routes plan --help": (tidegate, "routes", "plan", "--help"),
        }
        seen = _race({GRPC: [sys.executable, "-c", "import grpc"], **asked}, work)
    grpc_ms = median(took.wall_ms for took in seen[GRPC])
    is_enough = True
    for name, times in seen.items():
        wall_ms, cpu_ms = (median(getattr(took, what) for took in times) for what in ("wall_ms", "cpu_ms"))
        is_enough &= name == GRPC or wall_ms <= BAR_MS
        print(
            f"{name:38} {wall_ms:4.0f} ms, {cpu_ms:4.0f} ms of them computing, {wall_ms / grpc_ms:.2f} times the import; "
            f"the bar is {BAR_MS:.0f} ms"
        )
    return is_enough


def _race(asked: Mapping[str, Sequence[str]], work: Path) -> dict[str, list[Took]]:
    """How long each takes, by turns: what else the machine does falls on all of them alike."""
    seen: dict[str, list[Took]] = {name: [] for name in asked}
    for _ in range(TIMES):
        for name, command in asked.items():
            seen[name].append(_once(command, work))
    return seen


def _once(command: Sequence[str], work: Path) -> Took:
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=work, capture_output=True, timeout=60, check=False)
    wall_ms, after = (time.perf_counter() - begun) * 1e3, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_ms, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3)
