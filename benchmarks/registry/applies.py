"""Applies beside commits of nothing: how much of a disk's full-sync commits the registry reaches with 1,000 routes."""

import sqlite3
import time
from pathlib import Path
from statistics import median

from benchmarks.models import TINY, write_repository
from benchmarks.registry.serving import apply, serving

ROUTES = 1_000
PAIRS = 5
APPLIES = 60
COMMITS = 300
BAR = 0.1


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    write_repository(work / "models")
    with serving(work) as running:
        for version in (1, 2):
            running.registry.register("tiny", work / "models" / TINY.name / str(version) / "model.onnx")
        for route in range(ROUTES):
            apply(running.registry, f"r{route}", {"tiny/1": 1, "tiny/2": 1})
        seen = []
        for pair in range(PAIRS):
            # Plans are looked at by people, long before; what is measured is the change.
            plans = [
                running.registry.plan({"route": f"r{route}", "split": {"tiny/1": pair + 2, "tiny/2": 1}})
                for route in range(APPLIES)
            ]
            begun = time.perf_counter()
            for plan in plans:
                running.registry.apply(plan.name, reason="benchmark")
            applies = APPLIES / (time.perf_counter() - begun)
            seen.append((applies, _commits(work / f"bare-{pair}.db")))
    ratios = [applies / commits for applies, commits in seen]
    print(
        f"applies with {ROUTES:,} routes: {median(a for a, _ in seen):,.0f}/s, bare full-sync commits "
        f"{median(c for _, c in seen):,.0f}/s; ratio {median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f}) of {PAIRS} "
        f"pairs; the bar is {BAR}"
    )
    return median(ratios) >= BAR


def _commits(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (x)")
    begun = time.perf_counter()
    for number in range(COMMITS):
        connection.execute("INSERT INTO t VALUES (?)", (number,))
    rate = COMMITS / (time.perf_counter() - begun)
    connection.close()
    return rate
