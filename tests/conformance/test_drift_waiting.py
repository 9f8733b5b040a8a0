"""Whoever reads metrics or a report of drift does not wait for the judge, however much that has to do."""

import threading
import time

import numpy as np

from support.applying import serving
from support.asking import Asker
from support.drifting import CLOCK, DAY, ask, watched
from support.waiting import until
from support.watching import metric, read
from support.wide import repository

COLUMNS = 2_000
MINUTES = 60
# On two busy cores the page takes some hundredths of a second; behind the judge it took twenty seconds.
LIMIT_S = 3


def test_metrics_do_not_wait_while_windows_short_of_rows_are_merged_and_judged(tmp_path):
    models, row = repository(tmp_path, COLUMNS), np.zeros((1, COLUMNS), np.float32)
    monitors = {"sum": {"windows": ["1m"], **CLOCK}}
    longest_s, is_over = {"/metrics": 0.0, "/drift/sum": 0.0}, threading.Event()

    def look(gateway, path):
        while not is_over.is_set():
            begun = time.monotonic()
            read(gateway, path)
            longest_s[path] = max(longest_s[path], time.monotonic() - begun)

    routes = {"sum": {"split": {"wide/1": 1}}}
    with serving(models, routes, monitors=monitors) as gateway, Asker(gateway.grpc_address) as calls:
        # Too few rows in each minute and in all of them together: every window is held beside all those before it.
        for minute in range(MINUTES):
            ask(calls, {"x": row}, DAY + 60 * minute)
        until(lambda: metric(gateway, "tidegate_drift_rows_total") == MINUTES, what="an hour of rows")
        readers = [threading.Thread(target=look, args=(gateway, path)) for path in longest_s]
        for reader in readers:
            reader.start()
        # An hour later each of the minutes between has closed.
        ask(calls, {"x": row}, DAY + 60 * 2 * MINUTES)
        last = DAY + 60 * (2 * MINUTES - 1)

        def judged():
            latest = watched(gateway)["wide/1"]["windows"].get("1m", {}).get("latest") or {}
            return latest.get("start_s") == last

        until(judged, what="the judge", limit_s=120)
        is_over.set()
        for reader in readers:
            reader.join()
    assert longest_s["/metrics"] < LIMIT_S
