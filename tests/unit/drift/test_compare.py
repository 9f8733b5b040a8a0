"""Two tables are compared by the laws of the core, whatever library holds them."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.departures import departures, with_column
from tidegate import drift
from tidegate.drift import (
    CauseKind,
    ColumnsUnusable,
    NothingToCompare,
    ProfileMisfit,
    State,
    TableUnreadable,
    build_profile,
    compare,
)

VALUES = {
    "FP16": pa.array(np.random.default_rng(1).normal(0, 1, 3_000).astype(np.float16)),
    "FP32": pa.array(np.random.default_rng(2).normal(0, 1, 3_000).astype(np.float32)),
    "FP64": pa.array(np.random.default_rng(3).lognormal(0, 3, 3_000)),
    "INT64": pa.array(np.random.default_rng(4).poisson(3, 3_000)),
    "BOOL": pa.array(np.random.default_rng(5).random(3_000) < 0.2),
    "BYTES": pa.array([f"c{at}" for at in np.random.default_rng(6).geometric(0.1, 3_000)]),
}


@pytest.mark.parametrize("datatype", VALUES)
def test_a_profile_s_own_rows_have_a_psi_of_exactly_0(datatype):
    table = pa.table({"x": VALUES[datatype]})
    profile = build_profile(table)
    assert profile.tensors[0].datatype == datatype
    report = compare(profile=profile, current=table)
    assert report["x"].psi.value == 0.0
    assert all(bin_.reference == bin_.current for bin_ in report["x"].bins)


@pytest.mark.parametrize("seed", range(5))
def test_two_shuffled_halves_make_an_empty_list(seed):
    table = departures(6_000)
    order = np.random.default_rng(seed).permutation(6_000)
    halves = table.take(order[:3_000]), table.take(order[3_000:])
    assert compare(reference=halves[0], current=halves[1]).drifted == ()


def test_minutes_for_hours_are_found_and_nothing_else():
    current = departures(seed=2)
    minutes = with_column(current, "dep_hour", 60 * current.column("dep_hour").to_numpy())
    report = compare(reference=departures(), current=minutes)
    assert [judgement.name for judgement in report.drifted] == ["dep_hour"]
    found = report["dep_hour"]
    assert found.psi.value > found.psi.threshold > found.psi.expected
    assert found.psi.p_tolerated <= found.psi.q_value < 1e-6
    assert (found.cause.kind, found.cause.facts["factor"]) == (CauseKind.UNIT_CHANGE, 60.0)
    assert found.bins[-2 if found.bins[-1].label == "small bins, pooled" else -1].current_share > 0.99


def test_a_new_carrier_is_listed_by_name_though_it_moves_no_bin():
    current = departures(seed=2)
    carriers = current.column("carrier").to_pylist()
    one = with_column(current, "carrier", ["XX", *carriers[1:]])
    assert compare(reference=departures(), current=one)["carrier"].state is State.OK
    many = with_column(current, "carrier", ["XX"] * 200 + carriers[200:])
    found = compare(reference=departures(), current=many)["carrier"]
    assert found.state is State.WARN
    assert found.new.current == 0.05
    assert found.newcomers == ("XX",)
    assert found.cause.kind is CauseKind.NEW_CATEGORY
    assert found.psi.value < found.psi.threshold


def test_a_column_that_has_gone_missing_is_listed_though_it_has_no_bins_left():
    report = compare(reference=departures(), current=with_column(departures(), "dep_hour", [None] * 4_000))
    found = report["dep_hour"]
    assert (found.state, found.m, found.psi) == (State.WARN, 0, None)
    assert (found.missing.reference, found.missing.current) == (0.0, 1.0)


def test_too_few_rows_are_no_answer():
    found = compare(reference=departures(), current=departures(6))["dep_hour"]
    assert (found.state, found.psi, found.m) == (State.INSUFFICIENT, None, 6)


def test_every_distance_is_there_with_its_p_or_the_reason_why_not():
    report = compare(reference=departures(), current=departures(seed=2))
    hour, carrier = report["dep_hour"], report["carrier"]
    for name in ("kullback_leibler", "jensen_shannon", "hellinger", "kolmogorov_smirnov", "chi_squared", "g"):
        distance = getattr(hour, name)
        assert distance.value > 0
        assert 0 < distance.p_value <= 1
    for name in ("wasserstein", "maximum", "total_variation"):
        assert getattr(hour, name).value > 0
        assert getattr(hour, name).p_value is None
    assert hour.kolmogorov_smirnov.is_conservative
    assert carrier.wasserstein.value is None
    assert "needs the edges" in carrier.wasserstein.undefined


def holders(table, folder):
    path = folder / "table.parquet"
    pq.write_table(table, path)
    matrix = np.array([table.column("dep_hour").to_numpy()]).T
    return {
        "pandas": table.to_pandas(),
        "polars": pl.from_arrow(table),
        "pyarrow": table,
        "path": path,
        "structured": matrix.astype([("dep_hour", "f8")])[:, 0],
        "matrix": matrix,
    }


def test_every_holder_of_a_table_gives_the_same_numbers(tmp_path):
    before, now = departures(), departures(seed=2)
    (tmp_path / "before").mkdir()
    befores, nows = holders(before, tmp_path / "before"), holders(now, tmp_path)
    found = {
        name: compare(reference=befores[name], current=nows[name], names=["dep_hour"])["dep_hour"] for name in befores
    }
    assert all(one.psi.value == found["pyarrow"].psi.value for one in found.values())
    assert all(one.bins == found["pyarrow"].bins for one in found.values())


def test_tables_need_not_agree_in_how_wide_their_numbers_are():
    report = compare(reference={"x": [1, 2, 3] * 50}, current=pd.DataFrame({"x": [1.0, 2.0, None] * 50}))
    assert report["x"].missing.current == pytest.approx(1 / 3)


def test_a_report_is_a_mapping_the_worst_first_and_a_frame():
    current = departures(seed=2)
    minutes = with_column(current, "dep_hour", 60 * current.column("dep_hour").to_numpy())
    report = drift.compare(reference=departures(), current=minutes)
    assert next(iter(report)) == "dep_hour"
    assert set(report) == {"dep_hour", "carrier", "late"}
    frame = report.to_frame()
    assert list(frame["feature"]) == list(report)
    assert frame.loc[0, "psi"] == report["dep_hour"].psi.value
    assert report.to_polars()["state"].to_list() == [judgement.state for judgement in report.values()]
    assert json.loads(json.dumps(report.to_document()))["drifted"] == ["dep_hour"]
    with pytest.raises(KeyError):
        report["arr_hour"]


def test_a_profile_takes_the_reference_s_place_or_gives_it_bins(profile):
    current = departures(seed=3)
    alone = compare(profile=profile, current=current)
    again = compare(profile=profile, reference=departures(), current=current)
    assert set(alone) == set(again) == {"carrier", "dep_hour"}
    assert alone["dep_hour"].bins == again["dep_hour"].bins
    assert again["dep_hour"].wander == 0
    assert alone["carrier"].n == 4_000


def test_predictions_are_compared_where_the_model_is_given_or_the_table_has_them(profile, model):
    current = departures(seed=3)
    by_model = compare(profile=profile, model=model, current=current)
    assert by_model["probability"].n == by_model["probability"].m == 4_000
    assert by_model["probability"].state is State.OK
    logged = current.append_column("probability", pa.array(np.full(4_000, 0.5)))
    assert compare(profile=profile, current=logged)["probability"].state is State.WARN


def test_a_model_of_another_signature_is_refused_with_both_lists(profile, tmp_path):
    from support import models as small_models

    other = small_models.save(tmp_path, "other", 1, small_models.add(1))
    with pytest.raises(ProfileMisfit) as refused:
        compare(profile=profile, model=other, current=departures())
    assert 'the model has no input "carrier"' in str(refused.value)
    assert "of the model: x FP32[4]" in str(refused.value)


def test_what_cannot_be_compared_is_refused_in_a_sentence(profile):
    with pytest.raises(NothingToCompare, match="name a reference, or a profile"):
        compare(current=departures())
    with pytest.raises(NothingToCompare, match=r"share no column of numbers or text: reference has a; current has b"):
        compare(reference={"a": [1]}, current={"b": [1]})
    with pytest.raises(NothingToCompare, match="current has nothing of the profile that is to be compared"):
        compare(profile=profile, current=departures(), exclude=["carrier", "dep_hour"])
    with pytest.raises(ColumnsUnusable, match="x: is int64 and string in the two tables: make them one kind"):
        compare(reference={"x": [1]}, current={"x": ["1"]})
    with pytest.raises(ProfileMisfit, match="current has no column dep_hour"):
        compare(profile=profile, current=departures().drop_columns(["dep_hour"]))
    with pytest.raises(TableUnreadable, match="current cannot be read as a table: it has no rows"):
        compare(reference=departures(), current=departures().slice(0, 0))
    with pytest.raises(TableUnreadable, match="reference cannot be read as a table: it has no rows"):
        compare(reference=departures().slice(0, 0), current=departures())


def test_a_million_categories_are_counted_and_bounded():
    ids = pa.array([f"user-{at}" for at in range(1_000_000)])
    profile = build_profile(pa.table({"id": ids}))
    (feature,) = profile.features
    assert len(feature.reference["categories"]) <= 64
    assert len(feature.reference["others"]) <= 65_536
    assert len(profile.text) < 4_000_000
    found = compare(profile=profile, current=pa.table({"id": ids.slice(0, 200_000)}))["id"]
    assert found.new is not None


def test_texts_of_a_mebibyte_are_counted():
    long = ["x" * (1 << 20), "y" * (1 << 20)]
    profile = build_profile({"note": long * 4 + ["short"] * 8})
    found = compare(profile=profile, current={"note": ["z" * (1 << 20)] * 4 + ["short"] * 12})["note"]
    assert found.new.current == 0.25
    assert len(found.newcomers[0]) <= 200
