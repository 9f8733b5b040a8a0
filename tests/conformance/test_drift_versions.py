"""Version against version over real sockets: the same callers, dealt by a hash, counted by sub-cells, compared."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onnx import helper, numpy_helper

from support import models as small_models
from support.applying import apply, serving
from support.asking import Asker, asked
from support.drifting import bins, profile
from support.gateway import TIDEGATE
from support.waiting import until
from support.watching import metric, read

DAY_S = 86_400
DAY = 15_800 * DAY_S
CALLERS = 1_500
CLOCK = {"clock": 'metadata["x-event-time"]'}
# Nothing is tolerated, so that chance alone stands between equal versions and the list.
MONITORS = {"sum": {"windows": ["1d"], "tolerate_psi": 0, "observe": CLOCK}}
# Exceeded once in twenty with five degrees of freedom.
CHI_SQUARED_5 = 11.07


def split(**arms):
    """A sticky route over versions of `add`, such as `add_1=50`."""
    shares = {arm.replace("_", "/"): weight for arm, weight in arms.items()}
    return {"sum": {"split": shares, "stable": next(iter(shares)), "sticky": 'metadata["x-unit"]'}}


def narrowed():
    """`add` of 1, which answers with the first two columns only."""
    model = small_models.add(1)
    model.graph.node[0].output[0] = "sum"
    model.graph.node.append(helper.make_node("Gather", ["sum", "columns"], ["y"], axis=1))
    model.graph.initializer.append(numpy_helper.from_array(np.int64([0, 1]), "columns"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    return model


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Version 2 answers as 1 does, 3 does not, 4 has another profile, and 5 has a narrower output and no profile."""
    folder = tmp_path_factory.mktemp("versions")
    contents = [small_models.add(1), small_models.add(1), small_models.add(1.4), small_models.add(1)]
    for version, content in enumerate([*contents, narrowed()], start=1):
        small_models.save(folder, "add", version, content)
    for version in (1, 2, 3):
        (folder / "add" / str(version) / "profile.json").write_text(json.dumps(profile()))
    (folder / "add" / "4" / "profile.json").write_text(json.dumps(profile(rows=10_000)))
    return folder


def habits(callers=CALLERS, seed=3):
    """The rows of each caller: a few of most, hundreds of some, and all of one caller are much alike."""
    chance = np.random.default_rng(seed)
    counts = np.ceil(chance.lognormal(0.5, 0.9, size=callers)).astype(int)
    return [(chance.normal(size=4) + 0.3 * chance.normal(size=(count, 4))).astype(np.float32) for count in counts]


def ask_all(gateway, rows, at=DAY, first=0):
    """Every caller asks once, with all its rows; which rows each version answered."""
    by_version = {}

    def ask(part):
        answered = []
        with Asker(gateway.grpc_address) as calls:
            for caller, own in part:
                metadata = (("x-unit", f"unit-{caller}"), ("x-event-time", str(at)))
                answer = calls.begin(asked("sum", {"x": own}), metadata=metadata).result()
                answered.append((f"add/{answer.model_version}", own))
        return answered

    callers = list(enumerate(rows, start=first))
    with ThreadPoolExecutor(8) as pool:
        for answered in pool.map(ask, [callers[part::8] for part in range(8)]):
            for version, own in answered:
                by_version.setdefault(version, []).append(own)
    return {version: np.concatenate(parts) for version, parts in by_version.items()}


def close_day(gateway, *versions, day=DAY):
    """A split request on the day after, and one that names each version: each has its own clock."""
    with Asker(gateway.grpc_address) as calls:
        for version in ("", *versions):
            message = asked("sum", {"x": np.zeros((1, 4), np.float32)}, model_version=version)
            calls.begin(message, metadata=(("x-event-time", str(day + DAY_S)),)).result()


def report(gateway):
    return json.loads(read(gateway, "/drift/sum"))


def compared(gateway, version="add/2", day=DAY):
    """The differences of a day by feature, once it is compared."""

    def latest():
        [found] = [found for found in report(gateway)["comparisons"] if found["version"] == version]
        return found["windows"].get("1d", {"latest": None})["latest"]

    until(lambda: (latest() or {}).get("start_s", 0) >= day, what="a compared day")
    assert latest()["start_s"] == day
    return {found["difference"]["feature"]: found["difference"] for found in latest()["features"]}


def own_cells(gateway, version, day=DAY):
    """What the version's own split window has of each feature."""

    def latest():
        [found] = [found for found in report(gateway)["versions"] if found["version"] == version]
        return found["watch"] and found["watch"]["windows"].get("1d", {}).get("latest")

    until(lambda: (latest() or {}).get("start_s", 0) >= day, what="a judged day")
    return {found["finding"]["feature"]: found["cell"]["counts"] for found in latest()["features"]}


def told(gateway):
    """The lines of the log about differences of versions."""
    return [line for line in gateway.log.splitlines() if " drift " in line and "against=" in line]


def command(gateway, *words):
    done = subprocess.run(
        [TIDEGATE, "drift", *words, "--http", gateway.http_address], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_equal_versions_of_callers_who_come_again_are_not_listed_and_sub_cells_are_the_split_window(repository):
    with serving(repository, split(add_1=50, add_2=50), monitors=MONITORS) as gateway:
        rows = ask_all(gateway, habits())
        close_day(gateway, "1", "2")
        found = compared(gateway)
        assert {each["state"] for each in found.values()} == {"ok"}
        for each in found.values():
            effect = each["design_effect"]
            assert min(effect["reference"], effect["current"]) > 1.5
        # Rows taken as independent would have listed some: callers are what varies, and not versions.
        naive = [each["judgement"]["psi"] / (1 / each["n"] + 1 / each["m"]) for each in found.values()]
        assert max(naive) > CHI_SQUARED_5
        for version, side in (("add/1", "reference"), ("add/2", "current")):
            own = own_cells(gateway, version)
            for name, each in found.items():
                values = rows[version][:, int(name[1])] + np.float32(name[0] == "y")
                cells = np.array(each["sub_cells"][side])
                assert cells.shape == (8, 6)
                assert cells.sum(axis=0).tolist() == own[name] == bins(values)
        rows_of = {found["version"]: found["watch"]["rows"] for found in report(gateway)["versions"]}
        assert sum(counted["split"] for counted in rows_of.values()) == sum(map(len, rows.values())) + 1
        assert " drift_compared " in gateway.log
        assert '"need_mib"' in gateway.log.split(" drift_compared ")[1].splitlines()[0]


def test_predictions_that_differ_are_listed_and_told_and_inputs_are_not(repository):
    sinks = ["log:", "file:events.jsonl"]
    with serving(repository, split(add_1=50, add_3=50), monitors=MONITORS, sinks=sinks) as gateway:
        code, said = command(gateway, "show", "sum", "--versions")
        assert (code, "no window was compared yet" in said) == (0, True)
        ask_all(gateway, habits())
        close_day(gateway)
        found = compared(gateway, "add/3")
        assert {name for name, each in found.items() if each["state"] == "warn"} == {"y0", "y1", "y2", "y3"}
        decided = found["y0"]["judgement"]
        assert decided["psi"] > decided["threshold"] > decided["expected"]
        until(lambda: len(told(gateway)) == 4, what="four lines in the log")
        lines = told(gateway)
        assert all('version="add/3"' in line and 'direction="output"' in line for line in lines)
        worst = {"against": "add/1", "direction": "output", "feature": "y0", "window": "1d"}
        assert metric(gateway, "tidegate_drift_versions_state", state="warn", **worst) == 1
        assert metric(gateway, "tidegate_drift_versions_psi", **worst) == pytest.approx(decided["psi"])
        assert metric(gateway, "tidegate_drift_versions_psi_threshold", **worst) == pytest.approx(decided["threshold"])
        path = gateway.document_path.with_name("events.jsonl")
        until(lambda: path.read_text().count('"against":"add/1"') == 8, what="an event of each feature")
        code, said = command(gateway, "show", "sum", "--versions")
        assert code == 0
        assert "add/3 against add/1 1d 2013-04-05 to 2013-04-06 4 of 4 outputs and 0 of 4 inputs listed" in " ".join(
            said.split()
        )
        table = [line.split() for line in said.splitlines() if line.startswith(("x", "y"))]
        assert [line[-1] for line in table] == ["warn"] * 4 + ["ok"] * 4
        code, said = command(gateway, "show", "sum", "--versions", "--output", "json")
        [comparison] = json.loads(said)
        assert (code, comparison["version"], comparison["against"]) == (0, "add/3", "add/1")
        code, said = command(gateway, "show", "sum", "--versions", "--version", "add/9")
        assert (code, "add/9 is not compared here; add/3 are." in said) == (2, True)


def test_a_few_callers_are_insufficient_and_the_sentence_says_why(repository):
    rows = np.random.default_rng(4).normal(size=(6, 500, 4)).astype(np.float32)
    with serving(repository, split(add_1=50, add_2=50), monitors=MONITORS) as gateway:
        ask_all(gateway, habits())
        close_day(gateway)
        compared(gateway)
        second = DAY + DAY_S
        ask_all(gateway, list(rows), at=second)
        close_day(gateway, day=second)
        found = compared(gateway, day=second)
        assert {each["state"] for each in found.values()} == {"insufficient"}
        assert all("of the 8 sub-cells of an arm have rows" in each["reason"] for each in found.values())
        assert "of the 8 sub-cells of an arm have rows" in " ".join(
            command(gateway, "show", "sum", "--versions")[1].split()
        )


def test_arms_of_other_profiles_are_compared_in_the_bins_of_the_stable_version(repository):
    with serving(repository, split(add_1=40, add_4=30, add_5=30), monitors=MONITORS) as gateway:
        rows = ask_all(gateway, habits(2_400))
        close_day(gateway, "1", "4")
        found = compared(gateway, "add/4")
        assert {each["state"] for each in found.values()} == {"ok"}
        for name, each in found.items():
            values = rows["add/4"][:, int(name[1])] + np.float32(name[0] == "y")
            assert np.array(each["sub_cells"]["current"]).sum(axis=0).tolist() == bins(values)
        own = own_cells(gateway, "add/4")
        assert own["x0"] == bins(rows["add/4"][:, 0])
        found = compared(gateway, "add/5")
        assert {found[f"x{column}"]["state"] for column in range(4)} == {"ok"}
        assert np.array(found["x1"]["sub_cells"]["current"]).sum(axis=0).tolist() == bins(rows["add/5"][:, 1])
        assert found["y0"]["state"] == "unknown"
        assert found["y0"]["reason"] == (
            'add/5 has no such feature: the width of "y" is 4, output "y" of the model has 2 elements per row'
        )
        said = " ".join(command(gateway, "show", "sum", "--versions", "--version", "add/5")[1].split())
        assert "! y0, y1, y2, y3: add/5 has no such feature" in said


def test_a_stable_version_without_a_profile_is_said_to_have_none(repository):
    with serving(repository, split(add_5=50, add_1=50), monitors=MONITORS) as gateway:
        ask_all(gateway, habits(20))
        [found] = report(gateway)["comparisons"]
        assert (found["version"], found["against"]) == ("add/1", "add/5")
        assert found["reason"] == "add/5, the stable version, has no profile whose bins could be counted in"
        assert "not compared: add/5, the stable version" in command(gateway, "show", "sum", "--versions")[1]


def test_a_split_that_changes_begins_anew_and_no_row_is_lost(repository):
    morning, evening = habits(seed=5), habits(seed=6)
    with serving(repository, split(add_1=90, add_2=10), monitors=MONITORS) as gateway:
        before = ask_all(gateway, morning)
        routes = split(add_2=50, add_1=50)
        assert apply(gateway, {"routes": routes, "monitors": MONITORS}).outcomes["routes.sum"] == "current"
        after = ask_all(gateway, evening, first=CALLERS)
        close_day(gateway, "1", "2")
        found = compared(gateway, "add/1")
        [comparison] = report(gateway)["comparisons"]
        assert comparison["against"] == "add/2"
        for version, side in (("add/2", "reference"), ("add/1", "current")):
            cells = np.array(found["x0"]["sub_cells"][side])
            assert cells.sum(axis=0).tolist() == bins(after[version][:, 0])
            assert own_cells(gateway, version)["x0"] == bins(np.concatenate([before[version], after[version]])[:, 0])
        assert {each["state"] for each in found.values()} == {"ok"}
        only = {"sum": {"split": {"add/2": 1}}}
        assert apply(gateway, {"routes": only, "monitors": MONITORS}).outcomes["routes.sum"] == "current"
        assert report(gateway)["comparisons"] == []
        assert "a comparison needs two versions" in command(gateway, "show", "sum", "--versions")[1]


def test_own_windows_lose_no_row_while_splits_come_and_go(repository):
    with serving(repository, split(add_1=50, add_2=50), monitors=MONITORS) as gateway:
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask_all, gateway, habits())
            shares = [(80, 20), (50, 50), (20, 80), (100, 0)]
            for turn in range(40):
                one, two = shares[turn % len(shares)]
                apply(gateway, {"routes": split(add_1=one, add_2=two), "monitors": MONITORS})
            rows = asking.result()
        close_day(gateway, "1", "2")
        for version in ("add/1", "add/2"):
            own = own_cells(gateway, version)
            assert [own[f"x{column}"] for column in range(4)] == [bins(rows[version][:, column]) for column in range(4)]


def test_sub_cells_survive_a_restart_and_are_not_told_of_twice(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("versions-state") / "state"
    routes, rows = split(add_1=50, add_3=50), habits()
    with serving(repository, routes, monitors=MONITORS, state_dir=str(state)) as gateway:
        first = ask_all(gateway, rows[:700])
    with serving(repository, routes, monitors=MONITORS, state_dir=str(state)) as gateway:
        second = ask_all(gateway, rows[700:], first=700)
        close_day(gateway)
        found = compared(gateway, "add/3")
        for version, side in (("add/1", "reference"), ("add/3", "current")):
            both = np.concatenate([first[version], second[version]])
            assert np.array(found["x2"]["sub_cells"][side]).sum(axis=0).tolist() == bins(both[:, 2])
        assert found["y2"]["state"] == "warn"
        until(lambda: len(told(gateway)) == 4, what="four lines in the log")
    with serving(repository, routes, monitors=MONITORS, state_dir=str(state)) as gateway:
        assert compared(gateway, "add/3")["y2"]["state"] == "warn"
        assert told(gateway) == []
