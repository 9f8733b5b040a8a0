"""Drift over real sockets: what is asked and answered is counted to the row, judged, told, and never in the way."""

import json
import subprocess
import threading
import urllib.error

import numpy as np
import pytest

from support import models as small_models
from support.applying import apply, serving
from support.asking import Asker, asked, failure
from support.drifting import bins, profile
from support.gateway import TIDEGATE
from support.waiting import until
from support.watching import metric, read

DAY_S = 86_400
DAY = 15_800 * DAY_S
TIMED = {"sum": {"windows": ["1d"], "observe": {"clock": 'metadata["x-event-time"]'}}}
ROUTES = {"sum": {"split": {"add/1": 1}}}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift")
    for version in (1, 2, 3):
        small_models.save(folder, "add", version, small_models.add(1))
    for version in (1, 2):
        (folder / "add" / str(version) / "profile.json").write_text(json.dumps(profile()))
    wrong = profile()
    wrong["tensors"][0]["name"] = "z"
    (folder / "add" / "3" / "profile.json").write_text(json.dumps(wrong))
    return folder


def watched(gateway, route="sum"):
    """What the gateway knows of the versions of a route, by version."""
    versions = json.loads(read(gateway, f"/drift/{route}"))["versions"]
    return {found["version"]: found["watch"] for found in versions if found["is_served"]}


def judged_day(gateway, day=DAY, version="add/1"):
    """The features of a day, once it is judged: each finding with its cell."""

    def latest():
        watch = watched(gateway)[version]
        track = watch and watch["windows"].get("1d")
        return track and track["latest"]

    until(lambda: (latest() or {}).get("start_s", 0) >= day, what="a judged day")
    assert latest()["start_s"] == day
    return {found["finding"]["feature"]: found for found in latest()["features"]}


def ask(calls, rows, at=None, **fields):
    """Asks for rows that happened at a time; the answer must come."""
    metadata = () if at is None else (("x-event-time", str(at)),)
    return calls.begin(asked("sum", {"x": rows}, **fields), metadata=metadata).result()


def close_day(calls, day=DAY):
    """Asks on the day after, which ends the day."""
    ask(calls, np.zeros((1, 4), np.float32), day + DAY_S)


def test_what_64_clients_asked_at_once_is_counted_to_the_row(repository):
    clients, requests = 64, 12
    rows = [np.random.default_rng(seed).normal(size=(requests * 5, 4)).astype(np.float32) for seed in range(clients)]
    for block in rows:
        block[0, 0], block[1, 1], block[2, 2] = np.nan, np.inf, -np.inf

    def ask_all(block):
        with Asker(gateway.grpc_address) as calls:
            for part in np.split(block, requests):
                ask(calls, part, DAY + 7)

    with serving(repository, ROUTES, monitors=TIMED) as gateway:
        threads = [threading.Thread(target=ask_all, args=(block,)) for block in rows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Asker(gateway.grpc_address) as calls:
            close_day(calls)
        found = judged_day(gateway)
    everything = np.concatenate(rows)
    for name, values in (("x", everything), ("y", everything + np.float32(1))):
        for column in range(4):
            cell, own = found[f"{name}{column}"]["cell"], values[:, column]
            assert cell["counts"] == bins(own)
            assert cell["nan"] == np.isnan(own).sum()
            assert (cell["positive_infinite"], cell["negative_infinite"]) == (
                np.isposinf(own).sum(),
                np.isneginf(own).sum(),
            )
            finite = own[np.isfinite(own)]
            assert (cell["min"], cell["max"]) == (finite.min(), finite.max())
            assert cell["mean"] == pytest.approx(finite.mean(dtype=np.float64), rel=1e-9)


def test_a_shift_is_listed_with_its_evidence_and_what_stayed_is_not(repository):
    rows = np.random.default_rng(5).normal(size=(4_000, 4)).astype(np.float32)
    rows[:, 2] += np.float32(0.6)
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, rows, DAY)
        close_day(calls)
        found = judged_day(gateway)
        states = {feature["feature"]: feature["state"] for feature in watched(gateway)["add/1"]["features"]}
        assert {name for name, state in states.items() if state in ("warn", "drift")} == {"x2", "y2"}
        assert states["x0"] == "ok"
        decided = found["x2"]["finding"]["judgement"]
        assert decided["psi"] > decided["threshold"] > decided["expected"]
        assert (decided["m"], decided["n"]) == (4_000, 20_000)
        until(lambda: '"x2"' in gateway.log, what="a line in the log")
        [line] = [line for line in gateway.log.splitlines() if '"x2"' in line and " drift " in line]
        assert all(evidence in line for evidence in ('"p_tolerated"', '"moved"', '"omega"'))


def test_a_few_rows_are_insufficient_and_not_ok(repository):
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, np.ones((3, 4), np.float32), DAY)
        close_day(calls)
        found = judged_day(gateway)
        assert {each["finding"]["state"] for each in found.values()} == {"insufficient"}


def test_a_profile_that_does_not_fit_costs_the_watch_and_not_the_version(repository):
    routes = {"sum": {"split": {"add/3": 1}}}
    with serving(repository, routes, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, np.ones((1, 4), np.float32))
        assert watched(gateway) == {}
        assert "add/3 is served, but not watched" in gateway.log
        assert "inputs of the profile: z FP32[4]; of the model: x FP32[4]" in gateway.log


def test_refused_requests_are_not_counted_and_pinned_and_shadowed_ones_are_told_apart(repository):
    routes = {"sum": {"split": {"add/1": 1}, "shadow": [{"to": "add/2"}]}}
    rows = np.random.default_rng(9).normal(size=(500, 4)).astype(np.float32)
    with serving(repository, routes, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        wrong = calls.begin(asked("sum", {"x": np.ones((1, 3), np.float32)}))
        assert failure(wrong)[0] == "INVALID_ARGUMENT"
        ask(calls, rows, DAY)
        ask(calls, rows, DAY, model_version="1")
        close_day(calls)
        found = judged_day(gateway)
        assert found["x0"]["finding"]["m"] == 1_000
        until(lambda: watched(gateway)["add/2"]["rows"]["shadow"] == 1_001, what="the shadow's rows")
        rows_of = watched(gateway)["add/1"]["rows"]
        assert rows_of == {"split": 501, "segment": 0, "pinned": 500, "shadow": 0}
        assert watched(gateway)["add/2"]["rows"]["split"] == 0


def test_monitors_come_and_go_while_the_gateway_serves(repository):
    rows = np.ones((10, 4), np.float32)
    with serving(repository, ROUTES) as gateway, Asker(gateway.grpc_address) as calls:
        with pytest.raises(urllib.error.HTTPError) as nobody:
            read(gateway, "/drift/sum")
        assert b"nobody watches" in nobody.value.read()
        ask(calls, rows, DAY)
        assert apply(gateway, {"routes": ROUTES, "monitors": TIMED}).outcomes["monitors"] == "current"
        ask(calls, rows, DAY)
        until(lambda: watched(gateway)["add/1"] is not None, what="counts")
        assert watched(gateway)["add/1"]["rows"]["split"] == 10
        assert apply(gateway, {"routes": ROUTES}).outcomes["monitors"] == "removed"
        ask(calls, rows, DAY)
        apply(gateway, {"routes": ROUTES, "monitors": TIMED})
        assert watched(gateway)["add/1"]["rows"]["split"] == 10


def test_windows_and_states_survive_a_restart_and_are_not_told_of_twice(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("drift-state") / "state"
    rows = np.random.default_rng(5).normal(size=(4_000, 4)).astype(np.float32)
    rows[:, 2] += np.float32(0.6)
    first = serving(repository, ROUTES, monitors=TIMED, state_dir=str(state))
    with first as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, rows[:2_000], DAY)
    with serving(repository, ROUTES, monitors=TIMED, state_dir=str(state)) as gateway:
        with Asker(gateway.grpc_address) as calls:
            ask(calls, rows[2_000:], DAY + 5)
            close_day(calls)
            found = judged_day(gateway)
        assert found["x2"]["cell"]["counts"] == bins(rows[:, 2])
        assert found["x2"]["state"] == "drift"
        assert gateway.log.count('feature="x2"') == 1
    [stored] = (state / "windows").iterdir()
    damaged = min(stored.glob("*.window"))
    damaged.write_bytes(damaged.read_bytes()[:-3])
    with serving(repository, ROUTES, monitors=TIMED, state_dir=str(state)) as gateway:
        until(lambda: watched(gateway)["add/1"] is not None, what="the windows that were stored")
        until(lambda: "is left out: the window is damaged" in gateway.log, what="a line about the damaged one")
        assert 'feature="x2"' not in gateway.log


def test_the_worst_features_are_metrics(repository):
    rows = np.random.default_rng(5).normal(size=(4_000, 4)).astype(np.float32)
    rows[:, 2] += np.float32(0.6)
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, rows, DAY)
        close_day(calls)
        judged_day(gateway)
        assert metric(gateway, "tidegate_drift_rows_total", version="add/1", **{"class": "split"}) == 4_001
        assert metric(gateway, "tidegate_drift_state", feature="x2", window="1d", state="drift") == 1
        assert metric(gateway, "tidegate_drift_state", feature="x0", window="1d", state="ok") == 1
        psi = metric(gateway, "tidegate_drift_psi", feature="x2", window="1d")
        assert psi > metric(gateway, "tidegate_drift_psi_threshold", feature="x2", window="1d") > 0


def command(gateway, *words):
    """What a `tidegate drift` command prints about the gateway, and its exit code."""
    done = subprocess.run(
        [TIDEGATE, "drift", *words, "--http", gateway.http_address], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_commands_show_the_worst_first_and_explain_one_feature(repository):
    rows = np.random.default_rng(5).normal(size=(4_000, 4)).astype(np.float32)
    rows[:, 2] += np.float32(0.6)
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        assert "no window was judged yet" in command(gateway, "show", "sum")[1]
        code, said = command(gateway, "explain", "sum", "x2")
        assert (code, "No window was judged yet" in said) == (2, True)
        ask(calls, rows, DAY)
        close_day(calls)
        judged_day(gateway)
        code, said = command(gateway, "show", "sum")
        lines = [line.split() for line in said.splitlines() if line.startswith(("x", "y"))]
        assert (code, [line[0] for line in lines[:2]]) == (0, ["x2", "y2"])
        assert "2013-04-05 to 2013-04-06 · 2 of 8 listed" in said
        assert lines[0][-2] == "drift"
        code, said = command(gateway, "explain", "sum", "x2")
        assert code == 0
        assert "> 1" in said
        assert "20,000" in said
        for wrong, sentence in (
            (("show", "nobody"), "nobody watches"),
            (("explain", "sum", "x9"), "There is no feature 'x9'"),
            (("explain", "sum"), "Say a route and one of its features"),
            (("show", "sum", "--version", "add/7"), "add/7 is not watched here"),
        ):
            code, said = command(gateway, *wrong)
            assert (code, sentence in said) == (2, True), said


def test_a_request_without_its_time_counts_when_it_arrives_and_a_late_one_is_told(repository):
    rows = np.ones((10, 4), np.float32)
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, rows)
        ask(calls, rows, "yesterday")
        # What comes within one second is added in the order of its time: late is what comes after that.
        until(lambda: (watched(gateway)["add/1"] or {"rows": {}})["rows"].get("split") == 20, what="counts")
        ask(calls, rows, DAY)
        until(lambda: watched(gateway)["add/1"]["late"] == 10, what="late rows")
        [found] = json.loads(read(gateway, "/drift/sum"))["versions"]
        assert found["timeless"] == 2
