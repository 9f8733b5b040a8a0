"""Whatever holds a table, its columns come out as the same Arrow values."""

import math
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.drift.errors import ColumnsUnusable, TableUnreadable
from tidegate.drift.tables import read_table

HOURS = [6.0, 9.5, None, 21.25]
CARRIERS = ["HA", "AA", None, "AA"]


def arrow_table():
    return pa.table({"hour": pa.array(HOURS, pa.float32()), "carrier": CARRIERS})


def parquet(folder):
    path = folder / "flights.parquet"
    pq.write_table(arrow_table(), path)
    return path


def csv(folder):
    path = folder / "flights.csv"
    path.write_text("hour,carrier\n6.0,HA\n9.5,AA\n,\n21.25,AA\n")
    return path


SOURCES = {
    "pandas": lambda _: arrow_table().to_pandas(),
    "pandas of Arrow": lambda _: arrow_table().to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda _: pl.from_arrow(arrow_table()),
    "lazy polars": lambda _: pl.from_arrow(arrow_table()).lazy(),
    "pyarrow": lambda _: arrow_table(),
    "record batch": lambda _: arrow_table().to_batches()[0],
    "mapping": lambda _: {"hour": arrow_table().column(0), "carrier": CARRIERS},
    "Parquet": parquet,
    "folder of Parquet": lambda folder: parquet(folder).parent,
    "CSV": csv,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_has_the_same_columns(source, tmp_path):
    table = read_table(source(tmp_path), name="flights")
    assert (list(table.columns), table.rows) == (["hour", "carrier"], 4)
    hours = table.column("hour").cast(pa.float64()).to_pylist()
    assert [hour for hour in hours if hour is not None and not math.isnan(hour)] == [6.0, 9.5, 21.25]
    expected = ["HA", "AA", "", "AA"] if source is csv else CARRIERS
    assert table.column("carrier").cast(pa.string()).to_pylist() == expected


def test_a_structured_array_has_its_fields_as_columns():
    array = np.array([(6.0, 1), (9.5, 2)], dtype=[("hour", "f4"), ("gate", "i8")])
    table = read_table(array, name="flights")
    assert list(table.columns) == ["hour", "gate"]
    assert table.column("gate").to_pylist() == [1, 2]


def test_a_matrix_has_numbered_columns_or_the_names_it_is_given():
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert read_table(matrix, name="x").columns == {"x[0]": None, "x[1]": None}
    named = read_table(matrix, name="x", names=["a", "b"])
    assert named.column("b").to_pylist() == [1.0, 3.0, 5.0]


@pytest.mark.parametrize(
    "source, reason",
    [
        (np.zeros(3), r"got an array of shape \[3\]"),
        (np.zeros((3, 2)), "1 names are given for 2 columns"),
        ({"a": [1], "b": [1, 2]}, r"different lengths: \[1, 2\]"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a comes more than once"),
        (3, "got int"),
        ("flights.xlsx", "its name ends in none of .parquet, .pq, .csv"),
        ("absent.parquet", "there is no such file"),
        ("absent.csv", "there is no such file"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(source, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TableUnreadable, match=reason):
        read_table(source, name="flights", names=["only one"])


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"\0" * 4096])
def test_a_torn_parquet_is_refused_in_a_sentence(content, tmp_path):
    path = tmp_path / "torn.parquet"
    path.write_bytes(content)
    with pytest.raises(TableUnreadable, match=r"torn\.parquet cannot be read as a table"):
        read_table(path, name="flights")


def test_a_parquet_torn_in_the_middle_names_its_column(tmp_path):
    path = tmp_path / "torn.parquet"
    pq.write_table(pa.table({"x": np.random.default_rng(1).random(20_000)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[1_000:80_000] = b"\0" * 79_000
    path.write_bytes(content)
    with pytest.raises(ColumnsUnusable, match="x: cannot be read"):
        read_table(path, name="flights").column("x")


def test_files_of_a_folder_are_one_table_and_must_have_the_same_columns(tmp_path):
    for at in range(3):
        pq.write_table(pa.table({"a.b": [at], "a": [-at]}), tmp_path / f"part-{at}.parquet")
    table = read_table(tmp_path, name="flights")
    assert (table.rows, table.column("a.b").to_pylist(), table.column("a").to_pylist()) == (3, [0, 1, 2], [0, -1, -2])
    pq.write_table(pa.table({"a": [1]}), tmp_path / "part-3.parquet")
    with pytest.raises(TableUnreadable, match=r"part-3\.parquet has other columns than part-0\.parquet"):
        read_table(tmp_path, name="flights")


def test_a_folder_without_parquet_is_refused(tmp_path):
    with pytest.raises(TableUnreadable, match=r"the folder has no file that ends in \.parquet or \.pq"):
        read_table(tmp_path, name="flights")


def test_a_torn_csv_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "torn.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(TableUnreadable, match="Expected 2 columns, got 1"):
        read_table(path, name="flights")


def test_a_missing_column_is_named_beside_those_that_are_there():
    table = read_table({"a": [1], "b": [datetime(2013, 1, 1)]}, name="flights")  # noqa: DTZ001  # as clocks show it
    with pytest.raises(ColumnsUnusable, match="flights: c: is missing; the columns are a, b"):
        table.column("c")
