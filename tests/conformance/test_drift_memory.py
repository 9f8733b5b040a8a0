"""Where memory is short the lightest features lose their bins, by name."""

import json

import numpy as np

from support import models as small_models
from support import row_models
from support.applying import apply, serving
from support.asking import Asker
from support.drifting import CLOCK, DAY, DAY_S, ask, judged_day, unjudged, watched
from support.ups import command, up
from support.waiting import until
from support.watching import read

BINS = 20
EDGES = [round(-2 + 4 * at / (BINS - 2), 3) for at in range(BINS - 1)]
ROUTES = {"sum": {"split": {"wide/1": 1}}}


def repository(folder, width):
    """A model of so many columns, each with a profile of twenty bins."""
    reference = np.random.default_rng(1).normal(size=2_000).astype(np.float32)
    counts = np.bincount(np.searchsorted(np.float32(EDGES), reference), minlength=BINS)
    numeric = {
        "kind": "numeric",
        "edges": EDGES,
        "counts": counts.tolist(),
        "min": float(reference.min()),
        "max": float(reference.max()),
        "mean": float(reference.mean()),
        "sd": float(reference.std()),
    }
    features = [{"name": f"f{column}", "column": column, **numeric} for column in range(width)]
    tensor = {"name": "x", "direction": "input", "datatype": "FP32", "width": width, "features": features}
    small_models.save(folder, "wide", 1, row_models.wide(width))
    document = {"format": "tidegate.profile/1", "rows": 2_000, "tensors": [tensor]}
    (folder / "wide/1/profile.json").write_text(json.dumps(document))
    return folder


def monitor(**fields):
    return {"sum": {"windows": ["1m", "1h", "1d"], **CLOCK, **fields}}


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
        assert watched(gateway)["wide/1"]["memory"]["kept_mib"] <= 1
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
