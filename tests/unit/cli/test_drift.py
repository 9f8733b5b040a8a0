"""`tidegate drift` compares tables, explains a feature, and tries itself out."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import flights
from support.departures import departures, with_column
from support.printed import rows
from tidegate.drift import build_profile

PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """January; April, in which hours are minutes; and a profile of January."""
    folder = tmp_path_factory.mktemp("drift")
    flights.write(folder / "models")
    pq.write_table(departures(), folder / "january.parquet")
    april = departures(seed=2)
    pq.write_table(april, folder / "february.parquet")
    minutes = with_column(april, "dep_hour", 60 * april.column("dep_hour").to_numpy())
    pq.write_table(
        with_column(minutes, "carrier", ["XX"] * 400 + april.column("carrier").to_pylist()[400:]),
        folder / "april.parquet",
    )
    model = folder / "models/flight-delay/1/model.onnx"
    profile = build_profile(departures(), model=model, label="late", time="time_hour")
    (folder / "profile.json").write_text(profile.text)
    return folder


@pytest.fixture
def drift(command, folder):
    """Runs a command of `tidegate drift`; what ends in .parquet, .json or .onnx is of the folder."""

    def run(*arguments):
        files = (".parquet", ".json", ".onnx")
        return command("drift", *(folder / one if str(one).endswith(files) else one for one in arguments))

    return run


def table_of(ended):
    """The rows of the first table by the first cell."""
    return {row[0]: row[1:] for row in rows(ended.stdout) if len(row) > 3}


def test_features_are_listed_the_worst_first_with_their_evidence(drift):
    ended = drift("compare", "--reference", "january.parquet", "--current", "april.parquet")
    assert ended.exit_code == 0, ended.stderr
    found = table_of(ended)
    assert list(found) == ["feature", "dep_hour", "carrier", "late"]
    assert found["feature"] == ["PSI", "no drift", "threshold", "p", "q", "n", "m", "state"]
    psi, expected, threshold, *_, n, m, state = found["dep_hour"]
    assert float(psi) > float(threshold) > float(expected)
    assert (n, m, state) == ("4,000", "4,000", "warn")
    assert found["late"][-1] == "ok"
    text = " ".join(ended.stdout.split())
    assert text.startswith("2 of 3 features listed")
    assert "! carrier: 10.00 % are new: 'XX'" in text
    assert "! dep_hour: values are 60 times what they were: another unit?" in text


def test_programs_get_all_of_it_as_json(drift):
    ended = drift("compare", "--reference", "january.parquet", "--current", "april.parquet", "--output", "json")
    said = json.loads(ended.stdout)
    assert said["drifted"] == ["dep_hour", "carrier"]
    hour = said["features"][0]
    assert hour["psi"]["value"] > hour["psi"]["threshold"]
    assert {"kullback_leibler", "wasserstein", "bins", "missing", "new", "wander"} <= set(hour)


def test_what_does_not_drift_makes_an_empty_list(drift):
    ended = drift("compare", "--reference", "january.parquet", "--current", "february.parquet", "--output", "json")
    assert json.loads(ended.stdout)["drifted"] == []


def test_a_profile_is_a_reference_and_its_model_predicts(drift):
    model = "models/flight-delay/1/model.onnx"
    ended = drift("compare", "--profile", "profile.json", "--model", model, "--current", "february.parquet")
    found = table_of(ended)
    assert set(found) == {"feature", "carrier", "dep_hour", "probability"}
    text = " ".join(ended.stdout.split())
    assert "february.parquet against the profile" in text
    assert (
        "! probability: its reference are predictions of rows that the model has learnt from; they never page" in text
    )


def test_days_of_the_reference_say_how_far_it_wanders(drift):
    arguments = ("--reference", "january.parquet", "--current", "february.parquet", "--output", "json")
    still = json.loads(drift("compare", *arguments).stdout)["features"]
    assert {feature["wander"] for feature in still} == {0}
    known = json.loads(drift("compare", *arguments, "--time", "time_hour").stdout)["features"]
    assert max(feature["wander"] for feature in known) > 0


def test_a_picture_is_drawn_of_a_comparison_and_of_a_feature(drift, tmp_path):
    both = ("--reference", "january.parquet", "--current", "april.parquet")
    for arguments in (("compare",), ("explain", "dep_hour"), ("explain", "carrier")):
        ended = drift(*arguments, *both, "--png", tmp_path / "drift.png")
        assert ended.exit_code == 0, ended.stderr
        assert (tmp_path / "drift.png").read_bytes().startswith(PNG)


def test_a_picture_that_cannot_be_written_is_a_sentence(drift, tmp_path):
    ended = drift("compare", "--reference", "january.parquet", "--current", "april.parquet", "--png", tmp_path)
    assert (ended.exit_code, "cannot be written: Is a directory" in ended.stderr) == (2, True)


def test_the_bins_of_a_feature_are_explained_with_their_terms(drift):
    ended = drift("explain", "carrier", "--reference", "january.parquet", "--current", "february.parquet")
    assert ended.exit_code == 0, ended.stderr
    found = table_of(ended)
    assert list(found)[:2] == ["bin", "UA"]
    assert {"UA", "B6", "EV", "DL", "AA"} <= set(found)
    assert ended.stdout.startswith("carrier  ok  ")
    assert "PSI " in ended.stdout


def test_the_terms_of_a_feature_add_up_to_its_psi(drift):
    arguments = ("--reference", "january.parquet", "--current", "april.parquet", "--output", "json")
    said = json.loads(drift("explain", "dep_hour", *arguments).stdout)
    assert sum(bin_["term"] or 0 for bin_ in said["bins"]) == pytest.approx(said["psi"]["value"])


def test_a_feature_that_is_not_there_is_a_sentence_with_those_that_are(drift):
    ended = drift("explain", "dep_hours", "--reference", "january.parquet", "--current", "april.parquet")
    assert (ended.exit_code, ended.stderr) == (2, "There is no feature 'dep_hours'; there are dep_hour.\n")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("--current", "april.parquet"), "There is nothing to compare with: name a reference, or a profile."),
        (("--current", "april.parquet", "--reference", "absent.parquet"), "there is no such file."),
        (("--current", "april.parquet", "--profile", "absent.json"), "cannot be read: No such file or directory"),
        (("--current", "absent.xlsx", "--reference", "january.parquet"), "its name ends in none of"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence_and_exit_code_2(drift, arguments, sentence):
    ended = drift("compare", *arguments)
    assert ended.exit_code == 2
    assert sentence in ended.stderr


def test_a_library_that_is_not_there_is_named_with_how_to_install_it(drift, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    ended = drift("compare", "--reference", "january.parquet", "--current", "april.parquet")
    assert (ended.exit_code, ended.stderr) == (2, "pyarrow is not installed: pip install 'tidegate[drift]'\n")


def test_names_of_features_reach_the_terminal_without_what_it_would_obey(command, tmp_path):
    pq.write_table(pa.table({"a\x1b[31m": [1, 2, 3] * 100}), tmp_path / "a.parquet")
    ended = command("drift", "compare", "--reference", tmp_path / "a.parquet", "--current", tmp_path / "a.parquet")
    assert ended.exit_code == 0
    assert "\x1b[31m" not in ended.stdout
    assert "a\\x1b[31m" in ended.stdout


def test_the_machine_is_tried_out_on_a_profile(drift):
    ended = drift("selftest", "profile.json", "--rows", "500", "--rows", "5000", "--references", "2", "--current", "3")
    assert ended.exit_code == 0, ended.stderr
    found = table_of(ended)
    assert list(found) == ["rows", "500", "5,000"]
    assert found["rows"] == [
        "judged",
        "false entry",
        "p ≤ 5 %, no drift",
        "p ≤ 5 %, tolerated",
        "finds 0.1",
        "finds 0.2",
    ]
    said = json.loads(
        drift(
            "selftest", "profile.json", "--rows", "500", "--references", "1", "--current", "1", "--output", "json"
        ).stdout
    )
    assert said["trials"][0]["rows"] == 500
