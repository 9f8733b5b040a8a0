"""What no profile describes is counted, shown as it is, and never called well; a profile can be made of it."""

import json

import numpy as np
import pytest

from support import models as small_models
from support import row_models
from support.applying import apply, serving
from support.asking import Asker
from support.drifting import (
    CLOCK,
    DAY,
    DAY_S,
    ask,
    asked_strings,
    command,
    judged_day,
    profile,
    unjudged,
    watched,
)
from support.waiting import until
from support.watching import metrics

TIMED = {"sum": {"windows": ["1d"], **CLOCK}}
ROUTES = {"sum": {"split": {"add/1": 1}}}
NAMES = [*(f"x[{column}]" for column in range(4)), *(f"y[{column}]" for column in range(4))]


@pytest.fixture
def repository(tmp_path):
    """A model without a profile."""
    folder = tmp_path / "models"
    small_models.save(folder, "add", 1, small_models.add(1))
    return folder


def normal(rows, seed=5):
    return np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)


def test_a_version_without_a_profile_is_counted_to_the_row_and_never_called_well(repository):
    rows = normal(2_000)
    rows[0, 0], rows[1, 0], rows[2, 0] = np.nan, np.inf, -np.inf
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        for part in np.split(rows, 20):
            ask(calls, {"x": part}, DAY)
        found = unjudged(gateway, "add/1", 2_000)
        assert list(found) == NAMES
        for name, values in (("x", rows), ("y", rows + np.float32(1))):
            for column in range(4):
                cell, own = found[f"{name}[{column}]"], values[:, column]
                finite = own[np.isfinite(own)]
                assert (cell["nan"], cell["missing"]) == (np.isnan(own).sum(), len(own) - len(finite))
                assert (cell["min"], cell["max"]) == (finite.min(), finite.max())
                assert cell["mean"] == pytest.approx(finite.mean(dtype=np.float64), rel=1e-9)
                assert cell["sd"] == pytest.approx(finite.std(ddof=1, dtype=np.float64), rel=1e-9)
                for share in (5, 50, 95):
                    right = np.quantile(finite, share / 100)
                    assert cell["quantiles"][str(share)] == pytest.approx(right, rel=0.13, abs=0.02)
        assert {each["state"] for each in watched(gateway)["add/1"]["unjudged"]} == {"unprofiled"}
        assert watched(gateway)["add/1"]["features"] == []
        assert not any(name.startswith("tidegate_drift_state") for name in metrics(gateway))
        code, said = command("drift", "show", "sum", "--http", gateway.http_address)
        assert (code, "no profile: counted, and not judged" in said) == (0, True), said
        lines = {line.split()[0]: line.split() for line in said.splitlines() if line.startswith(("x[", "y["))}
        assert list(lines) == NAMES
        assert lines["x[1]"][1] == "2,000"
        assert "unprofiled  8 features · 2013-04-05 00:00 to 2013-04-06 00:00" in said


def test_what_a_profile_leaves_out_is_counted_beside_what_it_describes(repository):
    document = profile()
    document["tensors"] = document["tensors"][:1]
    (repository / "add/1/profile.json").write_text(json.dumps(document))
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, {"x": normal(4_000)}, DAY)
        assert list(unjudged(gateway, "add/1", 4_000)) == NAMES[4:]
        ask(calls, {"x": normal(1)}, DAY + DAY_S)
        assert {found["state"] for found in judged_day(gateway, DAY).values()} == {"ok"}
        code, said = command("drift", "show", "sum", "--http", gateway.http_address)
        assert (code, "0 of 4 listed" in said, "unprofiled  4 features" in said) == (0, True, True), said


def test_rows_of_open_length_tell_how_long_they_are(tmp_path):
    small_models.save(tmp_path, "tokens", 1, row_models.ragged("INT64"))
    routes, monitors = {"sum": {"split": {"tokens/1": 1}}}, TIMED
    with serving(tmp_path, routes, monitors=monitors) as gateway, Asker(gateway.grpc_address) as calls:
        for length, rows in ((3, 2), (7, 1), (5, 4)):
            ask(calls, {"ids": np.arange(length * rows, dtype=np.int64).reshape(rows, length)}, DAY)
        found = unjudged(gateway, "tokens/1", 7)
        for cell in (found["ids"], found["same"]):
            assert (cell["min_length"], cell["max_length"]) == (3, 7)
            assert cell["mean_length"] == pytest.approx((3 * 2 + 7 + 5 * 4) / 7)
            elements = cell["elements"]
            assert (elements["rows"], elements["min"], elements["max"]) == (33, 0, 19)


def test_strings_are_told_by_name_also_those_of_a_megabyte(tmp_path):
    small_models.save(tmp_path, "strings", 1, small_models.strings())
    routes, long = {"sum": {"split": {"strings/1": 1}}}, b"x" * (1 << 20)
    with serving(tmp_path, routes, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        values = [b"UA"] * 6 + [b"DL"] * 3 + [b"", long]
        calls.begin(asked_strings("sum", "text", values), metadata=(("x-event-time", str(DAY)),)).result()
        cell = unjudged(gateway, "strings/1", 11)["text"]
        assert (cell["missing"], cell["min_length"], cell["max_length"]) == (1, 2, 1 << 20)
        assert [(each["name"], each["at_least"]) for each in cell["frequent"][:2]] == [("UA", 6), ("DL", 3)]
        assert len(cell["frequent"][2]["name"]) <= 128
        assert round(cell["distinct"]) == 3


def test_windows_without_a_profile_survive_a_restart(repository, tmp_path):
    state = str(tmp_path / "state")
    for total in (300, 600):
        with serving(repository, ROUTES, monitors=TIMED, state_dir=state) as gateway:
            with Asker(gateway.grpc_address) as calls:
                ask(calls, {"x": normal(300)}, DAY)
            assert unjudged(gateway, "add/1", total)["x[0]"]["rows"] == total


def build(gateway, out, *words, route="sum"):
    return command("profiles", "build", "--from-traffic", route, *words, "--http", gateway.http_address, "-o", str(out))


def test_a_profile_of_traffic_finds_nothing_in_alike_traffic_and_what_shifts(repository, tmp_path):
    out = repository / "add/1/profile.json"
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        for day in range(12):
            ask(calls, {"x": normal(2_000, seed=day)}, DAY + day * DAY_S)
        unjudged(gateway, "add/1", 2_000)
        until(lambda: watched(gateway)["add/1"]["rows"]["split"] == 24_000, what="all days")
        code, said = build(gateway, out, "--last", "11d", "--exclude", "y[3]", "--weight", "x[0]=3")
        assert (code, "22,000 rows · 7 features · UTC · made of traffic" in " ".join(said.split())) == (0, True), said
        assert "drift is against that time" in said
        made = json.loads(out.read_text())
        assert (made["source"], made["rows"], len(made["tensors"][0]["features"][0]["chunks"])) == (
            "traffic",
            22_000,
            11,
        )
        assert made["tensors"][0]["features"][0]["weight"] == 3
        code, said = command("profiles", "show", str(out))
        assert (code, "made of traffic" in said) == (0, True), said
        # Its settings are other ones, so it is loaded again, with its profile.
        document = {"routes": ROUTES, "monitors": TIMED, "versions": {"add/1": {"queue": {"requests": 77}}}}
        applied = apply(gateway, document)
        assert applied.outcomes["routes.sum"] == "current", applied
        until(lambda: len(watched(gateway).get("add/1", {}) or {}) == 0 or watched(gateway)["add/1"]["features"])
        alike, shifted = normal(4_000, seed=50), normal(4_000, seed=51)
        shifted[:, 2] += np.float32(0.6)
        ask(calls, {"x": alike}, DAY + 20 * DAY_S)
        ask(calls, {"x": shifted}, DAY + 21 * DAY_S)
        assert {found["state"] for found in judged_day(gateway, DAY + 20 * DAY_S).values()} == {"ok"}
        ask(calls, {"x": alike[:1]}, DAY + 22 * DAY_S)
        listed = judged_day(gateway, DAY + 21 * DAY_S)
        assert {name for name, found in listed.items() if found["state"] != "ok"} == {"x[2]", "y[2]"}
        # What was counted by it can be a reference again, in the same bins.
        code, said = build(gateway, tmp_path / "again.json", "--last", "3d")
        assert (code, "8,001 rows" in " ".join(said.split())) == (0, True), said
        again = json.loads((tmp_path / "again.json").read_text())
        assert again["tensors"][0]["features"][0]["edges"] == made["tensors"][0]["features"][0]["edges"]


def test_a_profile_of_traffic_that_cannot_be_made_is_refused_with_a_sentence(repository, tmp_path):
    out = tmp_path / "profile.json"
    with serving(repository, ROUTES, monitors=TIMED) as gateway, Asker(gateway.grpc_address) as calls:
        ask(calls, {"x": normal(99)}, DAY)
        unjudged(gateway, "add/1", 99)
        for words, route, sentence in (
            ((), "nobody", 'nobody watches "nobody"; monitors of the document: sum'),
            ((), "sum", "99 rows were counted; 20 bins need 100 at least"),
            (("--last", "40d"), "sum", "40 days are more than the 35 that are kept"),
            (("--last", "week"), "sum", "--last takes days, such as 7d, not 'week'"),
            (("--version", "add/7"), "sum", 'no version of "sum" that is asked for is watched'),
            (("--bins", "10", "--exclude", "z"), "sum", "There is no feature 'z' in the traffic of sum"),
            (("--model", "model.onnx"), "sum", "--model is about a table; --from-traffic sum has none"),
        ):
            code, said = build(gateway, out, *words, route=route)
            assert (code, sentence in said) == (2, True), said
        code, said = command("profiles", "build", "--last", "7d", "-o", str(out))
        assert (code, "--last is about traffic" in said) == (2, True), said
        code, said = command("profiles", "build", "-o", str(out))
        assert (code, "Say what the profile is made of" in said) == (2, True), said
        assert not out.exists()
        code, said = build(gateway, out, "--bins", "10")
        assert code == 0, said
