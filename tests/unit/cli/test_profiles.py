"""`tidegate profiles` makes profiles, shows them, and holds rows to them."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import flights
from support.departures import departures, with_column
from support.printed import rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, the rows that it was trained on, and rows that it was not."""
    folder = tmp_path_factory.mktemp("profiles")
    flights.write(folder / "models")
    (folder / "models/flight-delay/1/model.onnx").rename(folder / "model.onnx")
    pq.write_table(departures(), folder / "train.parquet")
    pq.write_table(departures(seed=2), folder / "holdout.parquet")
    return folder


@pytest.fixture
def build(command, folder):
    def run(*arguments, data="train.parquet", model="model.onnx"):
        given = ("--data", folder / data, "--model", folder / model, "-o", folder / "profile.json")
        return command("profiles", "build", *given, *arguments)

    return run


@pytest.fixture
def profile(build, folder):
    ended = build("--holdout", folder / "holdout.parquet", "--label", "late", "--time", "time_hour")
    assert ended.exit_code == 0, ended.stderr
    return folder / "profile.json"


def save(table, path):
    pq.write_table(table, path)
    return path


def test_a_profile_is_built_and_summed_up_in_a_line(build, folder):
    ended = build("--holdout", folder / "holdout.parquet", "--label", "late", "--time", "time_hour")
    assert ended.exit_code == 0, ended.stderr
    assert "4,000 rows · 3 features · UTC · label late" in ended.stdout.replace("\n", " ")
    assert "!" not in ended.stdout
    assert json.loads((folder / "profile.json").read_text())["format"] == "tidegate.profile/1"


def test_programs_get_the_summary_as_json(build, folder):
    said = json.loads(build("--exclude", "carrier", "--weight", "dep_hour=3", "--output", "json").stdout)
    assert said["profile"] == str(folder / "profile.json")
    assert len(said["digest"]) == 64
    assert [(tensor["name"], tensor["features"]) for tensor in said["tensors"]] == [
        ("dep_hour", ["dep_hour"]),
        ("probability", ["probability"]),
    ]


def test_what_weakens_a_profile_is_said_with_what_to_do(build):
    stdout = " ".join(build().stdout.split())
    assert (
        "! probability: predictions of rows that the model has seen; they are shown and never page. Give --holdout."
        in stdout
    )
    assert "! no --time column: how far the reference wanders is not known" in stdout


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("--weight", "dep_hour=heavy"), "--weight takes FEATURE=NUMBER, not dep_hour=heavy."),
        (("--weight", "dep_hour"), "--weight takes KEY=VALUE, not 'dep_hour'."),
        (("--time", "when"), "when: is missing; the columns are time_hour, carrier, dep_hour, late."),
        (("--time", "carrier"), "carrier: holds no times: "),
        (("--timezone", "Mars"), "there is no time zone 'Mars': say one such as Europe/Berlin."),
        (("--exclude", "hour"), "hour is to be left out, and is no feature."),
        (("--columns", "hours=a,b"), "the model has no input hours."),
        (("--holdout", "absent.parquet"), "absent.parquet cannot be read as a table: there is no such file."),
    ],
)
def test_what_cannot_be_used_is_a_sentence_and_exit_code_2(build, arguments, sentence):
    ended = build(*arguments)
    assert ended.exit_code == 2
    assert sentence in ended.stderr
    assert ended.stdout == ""


def test_a_torn_table_or_model_is_a_sentence(build, folder):
    (folder / "torn.parquet").write_bytes(b"PAR1")
    ended = build(data="torn.parquet")
    assert (ended.exit_code, "torn.parquet cannot be read as a table" in ended.stderr) == (2, True)
    (folder / "torn.onnx").write_bytes(b"torn")
    ended = build(model="torn.onnx")
    assert (ended.exit_code, "is no model that ONNX Runtime can load" in ended.stderr) == (2, True)


def test_a_profile_that_cannot_be_written_is_a_sentence(command, folder):
    ended = command(
        "profiles", "build", "--data", folder / "train.parquet", "--model", folder / "model.onnx", "-o", folder
    )
    assert (ended.exit_code, "cannot be written: Is a directory" in ended.stderr) == (2, True)


def test_a_profile_is_shown_feature_by_feature(command, profile):
    ended = command("profiles", "show", profile)
    found = {row[0]: row[1:] for row in rows(ended.stdout) if len(row) > 5}
    assert found["feature"] == ["tensor", "datatype", "bins", "range or categories", "missing", "weight"]
    assert found["carrier"] == ["input", "BYTES", "6", "UA, B6, EV, DL …", "0.00 %", "1"]
    assert found["dep_hour"][:2] == ["input", "FP32"]
    assert found["probability"][0] == "output"


def test_a_profile_is_shown_whole_to_programs(command, profile):
    assert json.loads(command("profiles", "show", profile, "--output", "json").stdout) == json.loads(
        profile.read_text()
    )


@pytest.mark.parametrize("content", ["", "{}", '{"format": "tidegate.profile/1", "rows": 1, "tensors": [{}]}'])
@pytest.mark.parametrize("what", [("show",), ("check", "--data", "rows.parquet")])
def test_what_is_no_profile_is_refused_with_every_reason(command, tmp_path, content, what):
    path = tmp_path / "profile.json"
    path.write_text(content)
    ended = command("profiles", what[0], path, *what[1:])
    assert ended.exit_code == 2
    assert all(line.startswith(str(path)) for line in ended.stderr.splitlines())
    assert ended.stderr


def test_an_absent_profile_is_a_sentence(command, tmp_path):
    ended = command("profiles", "show", tmp_path / "absent.json")
    assert (ended.exit_code, ended.stderr) == (
        2,
        f"{tmp_path}/absent.json: cannot be read: No such file or directory\n",
    )


def test_rows_that_keep_every_rule_pass(command, profile, folder):
    ended = command("profiles", "check", profile, "--data", folder / "train.parquet")
    assert (ended.exit_code, ended.stdout) == (0, "Every row keeps every rule of the profile.\n")
    ended = command("profiles", "check", profile, "--data", folder / "train.parquet", "--output", "json")
    assert json.loads(ended.stdout) == {"breaches": []}


def test_rows_that_break_rules_are_counted_and_exit_code_is_2(command, profile, tmp_path):
    table = departures(100, seed=3)
    table = with_column(table, "dep_hour", [None, None, 99.0, *table.column("dep_hour").to_pylist()[3:]])
    table = with_column(table, "carrier", ["XXL", *table.column("carrier").to_pylist()[1:]])
    ended = command("profiles", "check", profile, "--data", save(table, tmp_path / "new.parquet"))
    assert ended.exit_code == 2
    found = rows(ended.stdout)
    assert found[0] == ["feature", "rule", "rows", "expected", "found"]
    assert found[2:] == [
        ["carrier", "category", "1", "one of 6 known", "'XXL'"],
        ["carrier", "length", "1", "2 to 2 bytes", "2 to 3 bytes"],
        ["dep_hour", "nullability", "2", "a value", "nothing"],
        ["dep_hour", "range", "1", "5 to 23.9", "above, as far as 99"],
    ]
    said = json.loads(
        command("profiles", "check", profile, "--data", tmp_path / "new.parquet", "--output", "json").stdout
    )
    assert said["breaches"][0] == {
        "feature": "carrier",
        "rule": "category",
        "rows": 1,
        "expected": "one of 6 known",
        "found": "'XXL'",
    }


def test_rows_without_a_column_are_refused_with_both_lists(command, profile, tmp_path):
    path = save(pa.table({"carrier": ["UA"]}), tmp_path / "new.parquet")
    ended = command("profiles", "check", profile, "--data", path)
    assert ended.exit_code == 2
    assert ended.stderr.splitlines() == [
        f"{path} has no column dep_hour.",
        "the profile has carrier, dep_hour, probability.",
        "the table has carrier.",
    ]
