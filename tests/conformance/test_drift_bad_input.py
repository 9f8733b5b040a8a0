"""What no gateway should be given costs a sentence or a counted row, and never a request."""

import json

import numpy as np

from support import models as small_models
from support.applying import serving
from support.asking import Asker
from support.drifting import CLOCK, DAY, DAY_S, ask, judged_day, profile, watched
from support.waiting import until
from support.watching import metric

ROUTES = {"sum": {"split": {"add/1": 1}}}
TIMED = {"sum": {"windows": ["1m", "1d"], **CLOCK}}
# After the four letters of its name a window has the version of its form.
VERSION_AT = 4


def repository(folder):
    small_models.save(folder, "add", 1, small_models.add(1))
    (folder / "add/1/profile.json").write_text(json.dumps(profile()))
    return folder


def rows(count=500):
    return np.random.default_rng(3).normal(size=(count, 4)).astype(np.float32)


def counted(gateway):
    return (watched(gateway).get("add/1") or {}).get("rows", {}).get("split", 0)


def test_a_clock_of_requests_that_jumps_back_loses_what_is_older_than_every_window_and_nothing_else(tmp_path):
    with serving(repository(tmp_path), ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        # What comes within a second is put in order before it is counted; what comes later finds the windows closed.
        for times in ((DAY + 3 * DAY_S, DAY, DAY + 2 * DAY_S), (DAY - 60 * DAY_S, DAY + 3 * DAY_S + 1)):
            wanted = counted(gateway) + 500 * len(times)
            for at in times:
                ask(calls, {"x": rows()}, at)
            until(lambda wanted=wanted: counted(gateway) == wanted, what="all rows")
        watch = watched(gateway)["add/1"]
        assert (watch["late"], watch["newest_s"]) == (500, DAY + 3 * DAY_S)
        assert metric(gateway, "tidegate_drift_late_rows_total") == 500
        ask(calls, {"x": rows(1)}, DAY + 4 * DAY_S)
        assert judged_day(gateway, DAY + 3 * DAY_S)["x0"]["finding"]["m"] == 1_000


def test_a_stored_window_of_a_newer_release_is_named_and_the_others_are_kept(tmp_path):
    models, state = repository(tmp_path / "models"), tmp_path / "state"
    document = {"monitors": {"sum": {"windows": ["1d"], **CLOCK}}, "state_dir": str(state)}
    with serving(models, ROUTES, **document) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, {"x": rows()}, DAY)
        ask(calls, {"x": rows()}, DAY + DAY_S)
    [stored] = (state / "windows").iterdir()
    newer = stored / f"split-{DAY_S}-{DAY}.window"
    written = bytearray(newer.read_bytes())
    written[VERSION_AT] = 9
    newer.write_bytes(written)
    with serving(models, ROUTES, **document) as gateway, Asker(gateway.grpc_address) as calls:
        until(lambda: watched(gateway).get("add/1"), what="the windows that were stored")
        until(lambda: "was written in version 9" in gateway.log, what="a line about the newer one")
        [line] = [line for line in gateway.log.splitlines() if "was written in version 9" in line]
        assert newer.name in line
        assert "read it with a newer one" in line
        ask(calls, {"x": rows()}, DAY + DAY_S)
        ask(calls, {"x": rows(1)}, DAY + 2 * DAY_S)
        assert judged_day(gateway, DAY + DAY_S)["x0"]["finding"]["m"] == 1_000
    assert newer.read_bytes() == bytes(written)
