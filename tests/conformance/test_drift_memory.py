"""A watch takes what is printed, and where memory is short the lightest features lose their bins, by name."""

import json
from functools import partial

import numpy as np
import pytest

from support.applying import apply, serving
from support.asking import Asker
from support.drifting import CLOCK, DAY, DAY_S, ask, judged_day, unjudged, watched
from support.ups import command, up
from support.waiting import until
from support.watching import metric, read, settled_pss_mib
from support.wide import repository

ROUTES = {"sum": {"split": {"wide/1": 1}}}


def monitor(**fields):
    return {"sum": {"windows": ["1m", "1h", "1d"], **CLOCK, **fields}}


def has_counted(gateway, rows):
    return metric(gateway, "tidegate_drift_rows_total") == rows


def filled_pss_mib(models, routes, monitors, rows):
    """What a gateway takes once traffic has come in every minute, hour and day that windows are kept of, on every route,
    and what it says that each route's watch takes."""
    end = DAY + 34 * DAY_S
    days = [DAY + day * DAY_S for day in range(34)]
    hours = [end + 3_600 * hour for hour in range(23)]
    minutes = [end + 3_600 * 23 + 60 * minute for minute in range(60)]
    with serving(models, routes, monitors=monitors) as gateway, Asker(gateway.grpc_address) as calls:
        times = [*days, *hours, *minutes]
        # A gateway takes over what it has counted once a second, and not the windows of a month in one.
        for first in range(0, len(times), 3):
            few = times[first : first + 3]
            for at in few:
                for route in routes:
                    ask(calls, {"x": rows}, at, route)
            if monitors:
                asked_rows = (first + len(few)) * len(routes) * len(rows)
                until(partial(has_counted, gateway, asked_rows), what="all rows", limit_s=60)
        pss = settled_pss_mib(gateway)
        return pss, [watched(gateway, route)["wide/1"]["memory"] for route in monitors]


def assert_takes_what_is_printed(models, routes, rows):
    off, _ = filled_pss_mib(models, routes, {}, rows)
    on, memories = filled_pss_mib(models, routes, {route: {**CLOCK} for route in routes}, rows)
    assert all(memory["is_whole"] for memory in memories)
    need = sum(memory["need_mib"] for memory in memories)
    assert need > 20  # far above what a process wavers by
    assert on - off == pytest.approx(need, rel=0.15)


def test_a_watch_without_a_profile_takes_what_is_printed(tmp_path):
    columns = 160
    models = repository(tmp_path, columns)
    (models / "wide/1/profile.json").unlink()
    # Of either sign and of all sizes, as a column has to be to use what is kept for it.
    rows = np.random.default_rng(2).normal(size=(300, columns)).astype(np.float32)
    assert_takes_what_is_printed(models, ROUTES, rows)


@pytest.mark.parametrize("columns, routes", [(1_000, 1), (32, 24)])
def test_a_watch_with_a_profile_takes_what_is_printed(tmp_path, columns, routes):
    rows = np.random.default_rng(2).normal(size=(300, columns)).astype(np.float32)
    named = {f"sum-{number}": ROUTES["sum"] for number in range(routes)}
    assert_takes_what_is_printed(repository(tmp_path, columns), named, rows)


def test_where_room_is_short_the_lightest_lose_their_bins_and_are_named(tmp_path):
    width = 4_000
    light = {f"f{column}": {"weight": 0.5} for column in range(16)}
    models, rows = repository(tmp_path, width), np.ones((200, width), np.float32)
    rows[:3, 0] = np.nan
    # A window of it takes 0.97 MiB, and one of each length is kept.
    monitors = monitor(memory_mib=1, features=light, windows=["1d"])
    with serving(models, ROUTES, monitors=monitors) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, {"x": rows}, DAY)
        watch = until(lambda: watched(gateway)["wide/1"], what="counts")
        assert (watch["memory"]["days"], watch["memory"]["is_whole"]) == (1, False)
        applied = apply(gateway, {"routes": ROUTES, "monitors": monitors})
        assert applied.reasons["monitors"] == "monitors.sum.memory_mib is 1: of wide/1 1 of 35 days are kept"
        short = monitor(memory_mib=1, features=light, windows=["1h", "1d"])
        said = apply(gateway, {"routes": ROUTES, "monitors": short}).reasons["monitors"]
        ask(calls, {"x": rows}, DAY)
        cells = unjudged(gateway, "wide/1", 200)
        states = {each["feature"]: each["state"] for each in watched(gateway)["wide/1"]["unjudged"]}
        moments = [name for name, state in states.items() if state == "moments"]
        assert set(light) <= set(moments)
        assert 1_000 < len(moments) < width
        counted = f"of wide/1 {len(moments)} of {width + 1} features keep only their moments and are not judged"
        assert f"{counted} (y, f0, f1, " in said
        assert f" and {len(moments) - 10} more)" in said
        assert "and 1 of 24 hours and 1 of 35 days are kept" in said
        assert watched(gateway)["wide/1"]["memory"]["windows_mib"] <= 1
        assert (cells["f0"]["missing"], cells["f0"]["mean"], cells["f0"]["quantiles"]) == (3, 1.0, {})
        assert len(watched(gateway)["wide/1"]["features"]) == width + 1 - len(moments)
        [version] = [found for found in json.loads(read(gateway, "/drift/sum"))["versions"] if found["is_served"]]
        assert version["moments"] == len(moments)
        ask(calls, {"x": rows[:1]}, DAY + DAY_S)
        assert len(judged_day(gateway, DAY, "wide/1")) == width + 1 - len(moments)
        until(lambda: "drift_moments" in gateway.log, what="a line in the log")
        [line] = [line for line in gateway.log.splitlines() if "drift_moments" in line]
        assert f"features={len(moments)}" in line
        assert '"f0"' in line


def test_who_applies_to_a_registry_is_told_too(tmp_path):
    width = 4_000
    models = repository(tmp_path / "models", width)
    document = json.loads((models / "wide/1/profile.json").read_text())
    watch = {"monitors": monitor(memory_mib=1, windows=["1h", "1d"])}
    with up(tmp_path) as running:
        registered = running.registry.register("wide", models / "wide/1/model.onnx", profile=document)
        running.apply("sum", (registered.version.name, 1))
        (tmp_path / "watch.yaml").write_text(json.dumps(watch))
        where = ("--admin", running.admin, "--token-file", tmp_path / "tidegate-data/owner.token")
        said = command("monitors", "apply", "-f", tmp_path / "watch.yaml", *where)
        assert said.returncode == 0, said.stderr
        assert "monitors.sum.memory_mib is 1: of wide/1" in " ".join(said.stdout.split())
        given_up = running.registry.route("sum").serving.given_up
        assert "features keep only their moments and are not judged (" in given_up
        (tmp_path / "route.yaml").write_text(json.dumps({"route": "sum", "split": {"wide/1": 1}, "timeout_ms": 100}))
        said = command("routes", "apply", "-f", tmp_path / "route.yaml", "--yes", *where)
        assert said.returncode == 0, said.stderr
        assert f"! {given_up}" in said.stderr
