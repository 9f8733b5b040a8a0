"""A year of departures from the command line: a profile in winter, then month by month, with two changes that must be named."""

import json
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import flights
from support.departures import departures, with_column
from support.gateway import TIDEGATE

MONTHS = range(4, 8)
MINUTES_IN, NEW_CARRIER_IN = 5, 6
LIMIT_S = 60


def tidegate(*arguments):
    """Runs a command; what it prints as JSON."""
    command = [TIDEGATE, *map(str, arguments), "--output", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    """A folder with a model, its data and its profile, and a table a month."""
    folder = tmp_path_factory.mktemp("year")
    flights.write(folder / "models")
    pq.write_table(departures(12_000, days=90), folder / "train.parquet")
    pq.write_table(departures(4_000, seed=2), folder / "holdout.parquet")
    for month in MONTHS:
        pq.write_table(_month(month), folder / f"{month}.parquet")
    return folder


def _month(month) -> pa.Table:
    table = departures(4_000, seed=10 + month)
    if month == MINUTES_IN:
        return with_column(table, "dep_hour", 60 * table.column("dep_hour").to_numpy())
    if month == NEW_CARRIER_IN:
        return with_column(table, "carrier", ["XX"] * 300 + table.column("carrier").to_pylist()[300:])
    return table


def test_each_change_of_the_year_is_listed_in_its_month_and_nothing_else_is(year):
    model = year / "models/flight-delay/1/model.onnx"
    data = ("--data", year / "train.parquet", "--holdout", year / "holdout.parquet", "--model", model)
    made = tidegate("profiles", "build", *data, "--label", "late", "--time", "time_hour", "-o", year / "profile.json")
    assert [tensor["in_sample"] for tensor in made["tensors"]] == [False] * 3
    assert tidegate("profiles", "check", year / "profile.json", "--data", year / "4.parquet")["breaches"] == []

    found = {}
    for month in MONTHS:
        current = ("--current", year / f"{month}.parquet")
        said = tidegate("drift", "compare", "--profile", year / "profile.json", "--model", model, *current)
        found[month] = {name for name in said["drifted"] if name != "probability"}
        if month == NEW_CARRIER_IN:
            carrier = next(feature for feature in said["features"] if feature["name"] == "carrier")
            assert carrier["newcomers"] == ["XX"]
    assert found == {4: set(), MINUTES_IN: {"dep_hour"}, NEW_CARRIER_IN: {"carrier"}, 7: set()}

    explained = tidegate(
        "drift", "explain", "dep_hour", "--profile", year / "profile.json", "--current", year / f"{MINUTES_IN}.parquet"
    )
    last = max(explained["bins"], key=lambda bin_: bin_["current_share"])
    assert last["label"].startswith(">")
    assert last["current_share"] > 0.99
