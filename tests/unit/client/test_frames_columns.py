"""What a column of a frame may hold: numbers for numbers, text for BYTES, and nothing where NaN can stand for it."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from support.framing import refusals, sent

BOTH = pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])

NULLS = {
    pd: [
        pd.array([1, None], dtype="Int64"),
        pd.array([True, None], dtype="boolean"),
        pd.array([1.5, None], dtype="Float64"),
    ],
    pl: [pl.Series([1, None]), pl.Series([True, None]), pl.Series([1.5, None])],
}


@BOTH
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["whole", "bool", "float"])
def test_a_null_is_nan_where_the_datatype_has_one_and_refused_where_not(library, kind):
    frame = library.DataFrame({"x": NULLS[library][kind]})
    for datatype in ("FP16", "FP32", "FP64", "BF16"):
        one, nothing = sent(frame, x=(datatype, [-1]))["x"].tolist()
        assert one == (1.5 if kind == 2 else 1.0)
        assert math.isnan(nothing)
    for datatype in ("INT64", "UINT8", "BOOL"):
        assert ("inputs.x[1]", f"is null, which {datatype} has no value for") in refusals(frame, x=(datatype, [-1]))


@BOTH
def test_a_null_among_text_is_refused(library):
    frame = library.DataFrame({"unit": ["a", None, "b", None]})
    assert [path for path, _ in refusals(frame, unit=("BYTES", [-1]))] == ["inputs.unit[1]", "inputs.unit[3]"]


@BOTH
def test_many_nulls_are_counted(library):
    frame = library.DataFrame({"unit": [None] * 30 + ["a"]})
    assert refusals(frame, unit=("BYTES", [-1]))[-1] == ("inputs.unit", "20 more elements likewise")


@BOTH
def test_large_whole_numbers_beside_a_null_stay_what_they_are(library):
    large = 2**53 + 1
    column = pd.array([large, None], dtype="Int64") if library is pd else pl.Series([large, None])
    frame = library.DataFrame({"x": column})
    assert refusals(frame, x=("FP64", [-1])) == [("inputs.x[0]", f"{large} does not fit in FP64 unchanged")]


def test_nan_of_pandas_own_floats_is_a_value_and_no_whole_number():
    frame = pd.DataFrame({"x": [1.0, math.nan]})
    assert math.isnan(sent(frame, x=("FP32", [-1]))["x"][1])
    assert [path for path, _ in refusals(frame, x=("INT64", [-1]))] == ["inputs.x[1]"]


@BOTH
def test_a_column_of_uint16_is_numbers_for_bf16_too(library):
    frame = library.DataFrame({"x": np.array([1, 2], dtype=np.uint16)})
    assert sent(frame, x=("BF16", [-1]))["x"].tolist() == [1.0, 2.0]


@BOTH
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize("datatype", ["INT32", "FP32", "FP64"])
def test_every_width_of_whole_number_is_taken(library, dtype, datatype):
    assert sent(library.DataFrame({"x": np.array([3, 100], dtype=dtype)}), x=(datatype, [-1]))["x"].tolist() == [3, 100]


TEXT = {
    "pandas object": pd.DataFrame({"t": pd.Series(["a", b"\xff"], dtype=object)}),
    "pandas string": pd.DataFrame({"t": pd.Series(["a", "ÿ"], dtype="string")}),
    "pandas category": pd.DataFrame({"t": pd.Series(["a", "ÿ"], dtype="category")}),
    "polars String": pl.DataFrame({"t": ["a", "ÿ"]}),
    "polars Binary": pl.DataFrame({"t": [b"a", b"\xff"]}),
    "polars Categorical": pl.DataFrame({"t": pl.Series(["a", "ÿ"], dtype=pl.Categorical)}),
    "polars Enum": pl.DataFrame({"t": pl.Series(["a", "ÿ"], dtype=pl.Enum(["a", "ÿ"]))}),
}


@pytest.mark.parametrize("kind", TEXT)
def test_text_of_every_kind_is_bytes(kind):
    second = b"\xff" if kind in ("pandas object", "polars Binary") else "ÿ".encode()
    assert sent(TEXT[kind], t=("BYTES", [-1]))["t"].tolist() == [b"a", second]


OTHERS = {
    "pandas dates": pd.DataFrame({"x": pd.to_datetime(["2026-01-01"])}),
    "pandas spans": pd.DataFrame({"x": pd.to_timedelta(["1s"])}),
    "pandas complex": pd.DataFrame({"x": [1j]}),
    "pandas periods": pd.DataFrame({"x": pd.period_range("2026", periods=1)}),
    "pandas sparse": pd.DataFrame({"x": pd.arrays.SparseArray([1.0])}),
    "polars dates": pl.DataFrame({"x": pl.Series(["2026-01-01"]).str.to_date()}),
    "polars lists": pl.DataFrame({"x": [[1, 2]]}),
    "polars arrays": pl.DataFrame({"x": pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2))}),
    "polars structs": pl.DataFrame({"x": [{"a": 1}]}),
    "polars decimals": pl.DataFrame({"x": pl.Series(["1"]).cast(pl.Decimal(10, 2))}),
    "polars 128 bits": pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}),
    "polars nothing": pl.DataFrame({"x": [None]}),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("datatype", ["FP32", "INT64", "BYTES"])
def test_a_column_of_other_things_is_refused_by_its_dtype(kind, datatype):
    ((path, reason),) = refusals(OTHERS[kind], x=(datatype, [-1]))
    dtype = OTHERS[kind].dtypes["x"] if kind.startswith("pandas") else OTHERS[kind]["x"].dtype
    assert path == "inputs.x"
    assert reason.endswith(f"for {datatype}, got a column of {dtype}")


def test_objects_that_are_no_text_are_named_one_by_one():
    frame = pd.DataFrame({"t": pd.Series(["a", 1, [2], "\ud800"], dtype=object)})
    assert [path for path, _ in refusals(frame, t=("BYTES", [-1]))] == ["inputs.t[1]", "inputs.t[2]", "inputs.t[3]"]


def test_objects_are_no_numbers():
    frame = pd.DataFrame({"x": pd.Series([1, 2], dtype=object)})
    assert refusals(frame, x=("INT64", [-1])) == [("inputs.x", "expected numbers for INT64, got a column of object")]
