"""Reading a registry that has grown for years: 100,000 versions and a million journal entries."""

import json
import time
from pathlib import Path
from statistics import median

from benchmarks.registry.grown import ENTRIES, MODEL, ROUTE, VERSIONS, grow
from tidegate.services import journal as reading
from tidegate.services import routes, versions
from tidegate.stores import open_store

BAR_MS = 20.0
TIMES = 50


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    store = open_store(f"sqlite:{work / 'registry.db'}")
    begun = time.perf_counter()
    registry = grow(store, work)
    print(f"filled in {time.perf_counter() - begun:.0f} s", flush=True)
    middle_us = json.loads(reading.get(registry, ENTRIES // 2).body)["time_us"]
    champion = MODEL.alias("champion")
    seen = {
        "models show": lambda: versions.show(registry, f"grown/{VERSIONS // 2}"),
        "models list grown": lambda: versions.list_versions(registry, MODEL),
        "routes history": lambda: routes.history(registry, ROUTE),
        "… at a time": lambda: routes.history(registry, ROUTE, at_us=middle_us),
        "… an old page": lambda: routes.history(registry, ROUTE, before=1_000),
        "journal show": lambda: reading.page(registry),
        "… of a route": lambda: reading.page(registry, resource=str(ROUTE)),
        "… until a time": lambda: reading.page(registry, until_us=middle_us),
        "… both": lambda: reading.page(registry, resource=champion, until_us=middle_us),
    }
    is_enough = True
    for name, look in seen.items():
        took_ms = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            look()
            took_ms.append((time.perf_counter() - begun) * 1e3)
        is_enough &= median(took_ms) <= BAR_MS
        print(
            f"{name:18} {median(took_ms):6.2f} ms ({max(took_ms):.2f} at most) with {VERSIONS:,} versions and "
            f"{ENTRIES:,} entries; the bar is {BAR_MS:.0f} ms"
        )
    begun = time.perf_counter()
    assert reading.check(registry).broken is None
    print(f"verifying the journal {time.perf_counter() - begun:.1f} s")
    store.close()
    return is_enough
