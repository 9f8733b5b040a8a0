"""From the Enter key to the answer of a short command, beside what it takes to import grpc alone."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.bench import ROOT
from benchmarks.registry.serving import serving

BAR_MS = 400.0
"""Where a person begins to wait."""
TIMES = 20
NOBODY = "127.0.0.1:1"


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    with serving(work) as up:
        token = ("--token-file", str(up.folder / "owner.token"))
        asked = {
            "models list": ("models", "list", "--admin", up.admin, *token),
            "models list, nobody answers": ("models", "list", "--admin", NOBODY, *token),
            "--help": ("--help",),
            "routes plan --help": ("routes", "plan", "--help"),
        }
        took_ms, grpc_ms = _race(asked, work)
    for name, times in took_ms.items():
        ratio = median(times) / median(grpc_ms)
        print(
            f"tidegate {name:28} {median(times):4.0f} ms ({min(times):.0f} to {max(times):.0f}), {ratio:.2f} times an "
            f"import of grpc; the bar is {BAR_MS:.0f} ms"
        )
    print(f'python -c "import grpc"               {median(grpc_ms):4.0f} ms')
    return all(median(times) <= BAR_MS for times in took_ms.values())


def _race(asked: Mapping[str, Sequence[str]], work: Path) -> tuple[dict[str, list[float]], list[float]]:
    """Times of each in milliseconds, by turns: what else the machine does falls on all of them alike."""
    took_ms: dict[str, list[float]] = {name: [] for name in asked}
    grpc_ms = []
    for _ in range(TIMES):
        grpc_ms.append(_once([sys.executable, "-c", "import grpc"], work))
        for name, words in asked.items():
            took_ms[name].append(_once([str(ROOT / ".venv/bin/tidegate"), *words], work))
    return took_ms, grpc_ms


def _once(command: Sequence[str], work: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=work, capture_output=True, timeout=60, check=False)
    return (time.perf_counter() - begun) * 1e3
