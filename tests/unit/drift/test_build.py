"""A profile says what each input and prediction looked like, or everything that keeps it from being made."""

import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from support import models as small_models
from support.departures import RUSH_HOURS, departures, with_column
from tidegate.drift import Choices, ColumnsUnusable, ModelUnusable, ProfileMisfit, TableUnreadable, build_profile
from tidegate.errors import DocumentRefused


def document(profile):
    return json.loads(profile.text)


def feature(profile, name):
    return next(feature for feature in profile.features if feature.name == name)


def matrix_model(folder, datatype="FP32"):
    """An input `x` of three values a row, and an output `y` of the same."""
    return small_models.save(folder, "model", 1, small_models.identity(datatype))


def test_a_profile_has_the_inputs_of_the_model_and_its_predictions(profile):
    assert [(tensor.name, tensor.direction, tensor.datatype, tensor.width) for tensor in profile.tensors] == [
        ("carrier", "input", "BYTES", 1),
        ("dep_hour", "input", "FP32", 1),
        ("probability", "output", "FP32", 1),
    ]
    assert (profile.rows, profile.label, profile.timezone) == (4_000, "late", "America/New_York")
    assert [tensor.in_sample for tensor in profile.tensors] == [False] * 3


def test_every_row_is_counted_once_and_in_its_day(profile):
    for tensor in profile.tensors:
        for found in tensor.features:
            counted = found.reference
            beside = sum(
                counted.get(name, 0) for name in ("nan", "null", "other", "positive_infinite", "negative_infinite")
            )
            assert sum(counted["counts"]) + beside == tensor.rows
            assert len(counted["chunks"]) == 20
    days = [sum(chunk) for chunk in feature(profile, "dep_hour").reference["chunks"]]
    assert days == [200] * 20


def test_a_value_that_is_frequent_has_a_bin_of_its_own(profile):
    edges = feature(profile, "dep_hour").reference["edges"]
    sharp = {high for low, high in pairwise(edges) if np.nextafter(np.float32(high), np.float32(0)) == low}
    assert sharp == set(RUSH_HOURS)


def test_without_a_holdout_predictions_are_marked_as_of_rows_that_were_learnt_from(model):
    made = build_profile(departures(500), model=model)
    assert {tensor.name: tensor.in_sample for tensor in made.tensors} == {
        "carrier": False,
        "dep_hour": False,
        "probability": True,
    }


def test_the_order_of_columns_and_other_columns_decide_nothing(model):
    table = departures(500)
    other = table.select(list(reversed(table.column_names))).append_column("gate", pa.array([1] * 500))
    assert build_profile(other, model=model).text == build_profile(table, model=model).text


def test_an_input_of_several_values_is_numbered_columns_or_those_that_are_named(tmp_path):
    model = matrix_model(tmp_path)
    rows = np.random.default_rng(1).random((300, 3))
    numbered = build_profile({f"x[{at}]": rows[:, at] for at in range(3)}, model=model)
    assert [found.name for found in numbered.features] == ["x[0]", "x[1]", "x[2]", "y[0]", "y[1]", "y[2]"]
    named = build_profile(
        {"c": rows[:, 2], "a": rows[:, 0], "b": rows[:, 1]}, model=model, columns={"x": ["a", "b", "c"]}
    )
    assert [(found.name, found.column) for found in named.features[:3]] == [("a", 0), ("b", 1), ("c", 2)]
    assert [found.reference["counts"] for found in named.features] == [
        found.reference["counts"] for found in numbered.features
    ]


def test_columns_that_do_not_fit_are_refused_with_both_lists(model, tmp_path):
    table = departures(10).rename_columns(["time_hour", "carrier", "dep_hours", "late"])
    with pytest.raises(ProfileMisfit) as refused:
        build_profile(table, model=model)
    assert str(refused.value).splitlines() == [
        "input dep_hour FP32 [-1, 1] has no column dep_hour in data; did you mean dep_hours?.",
        "the table has time_hour, carrier, dep_hours, late.",
        "the model has carrier BYTES [-1, 1], dep_hour FP32 [-1, 1].",
    ]
    with pytest.raises(ProfileMisfit, match=r"input x .* takes 3 columns, and 2 are named") as refused:
        build_profile({"a": [1.0], "b": [2.0]}, model=matrix_model(tmp_path), columns={"x": ["a", "b"], "z": ["a"]})
    assert "the model has no input z." in str(refused.value)
    with pytest.raises(
        ProfileMisfit, match=r"has no column x\[0\], x\[1\], x\[2\] in data: name its columns with --columns"
    ):
        build_profile({"a": [1.0]}, model=tmp_path / "model/1/model.onnx")


def test_an_input_of_any_width_asks_for_names(tmp_path):
    model = small_models.save(tmp_path, "any", 1, small_models.dynamic_shapes())
    with pytest.raises(ProfileMisfit, match="has no fixed number of columns: name them with --columns x=a,b,…"):
        build_profile({"x": [1.0]}, model=model)
    made = build_profile({"a": [1.0, 2.0], "b": [1.0, 3.0]}, model=model, columns={"x": ["a", "b"]})
    assert made.tensors[0].width == 2


def test_choices_leave_out_weigh_and_mark_what_is_missing():
    data = {"age": [30, -1, 40, 50], "fare": [1.0, 2.0, 3.0, 4.0], "cabin": ["A", "none", "B", "A"]}
    choices = Choices(bins=4, exclude=["fare"], weights={"age": 3}, sentinels={"age": "-1", "cabin": "none"})
    made = build_profile(data, choices=choices)
    age, cabin = made.features
    assert (age.weight, age.sentinel, age.reference["null"], age.nullable) == (3.0, -1, 1, True)
    assert (cabin.sentinel, cabin.reference["null"], cabin.reference["categories"]) == ("none", 1, ["A", "B"])


@pytest.mark.parametrize(
    "choices, reason",
    [
        (Choices(exclude=["agee"]), "agee is to be left out, and is no feature"),
        (Choices(weights={"agee": 2}), "agee has a weight, and is no feature"),
        (Choices(sentinels={"agee": -1}), "agee has a sentinel, and is no feature"),
    ],
)
def test_a_choice_about_no_feature_is_refused(choices, reason):
    with pytest.raises(ProfileMisfit, match=reason):
        build_profile({"age": [1, 2]}, choices=choices)


@pytest.mark.parametrize("sentinel, values", [("x", [1, 2]), ("x", [1.0]), ("0.5", [1]), (1, ["a"])])
def test_a_sentinel_of_another_kind_is_refused(sentinel, values):
    with pytest.raises(ColumnsUnusable, match="cannot stand for nothing in"):
        build_profile({"age": values}, choices=Choices(sentinels={"age": sentinel}))


def test_a_time_zone_that_is_none_is_refused():
    with pytest.raises(ProfileMisfit, match=r"there is no time zone 'Mars/Olympus': say one such as Europe/Berlin"):
        build_profile({"age": [1]}, timezone="Mars/Olympus")


def test_an_empty_table_is_refused(model):
    with pytest.raises(TableUnreadable, match="data cannot be read as a table: it has no rows"):
        build_profile(departures(10).slice(0, 0), model=model)


def test_a_column_of_nothing_has_a_profile_that_says_so(model):
    table = with_column(departures(100), "dep_hour", [None] * 100)
    made = feature(build_profile(table, model=model), "dep_hour")
    assert (made.reference["nan"], sum(made.reference["counts"]), made.nullable) == (100, 0, True)


def test_an_input_and_an_output_of_one_name_are_refused_by_the_core(tmp_path):
    model = small_models.save(tmp_path, "twin", 1, small_models.identity("FP32"))
    with pytest.raises(DocumentRefused, match="is another feature's name as well"):
        build_profile({"y[0]": [1.0], "b": [1.0], "c": [1.0]}, model=model, columns={"x": ["y[0]", "b", "c"]})


def test_a_model_that_cannot_be_used_is_refused_in_a_sentence(tmp_path):
    torn = small_models.save(tmp_path, "torn", 1, b"this is not an ONNX file")
    with pytest.raises(ModelUnusable, match="is no model that ONNX Runtime can load"):
        build_profile({"a": [1.0]}, model=torn)
    with pytest.raises(ModelUnusable, match="there is no such file"):
        build_profile({"a": [1.0]}, model=tmp_path / "absent.onnx")
    maps = small_models.save(tmp_path, "maps", 1, small_models.zipmap())
    with pytest.raises(ModelUnusable, match="which is no tensor of the protocol"):
        build_profile({"a": [1.0]}, model=maps)
    fails = small_models.save(tmp_path, "fails", 1, small_models.gather())
    with pytest.raises(ModelUnusable, match="fails on rows 0 to 1 of data"):
        build_profile({"index": [1, 99]}, model=fails)
