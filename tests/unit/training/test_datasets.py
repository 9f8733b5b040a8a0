"""A dataset is described the same by every library, and says whether somebody can read it again."""

import datetime as dt
import hashlib
from typing import get_args

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.cli.models_datasets import ROLES as TYPED_ROLES
from tidegate.core.evidence import Dataset, Role
from tidegate.drift.errors import TableUnreadable
from tidegate.training import TrainingRefused, describe
from tidegate.training.datasets import ROLES

COLUMNS = {
    "carrier": ["HA", None, "UA"],
    "hour": [9, 23, 1],
    "delay": [0.5, float("nan"), -3.0],
    "day": [dt.date(2026, 1, 1), None, dt.date(2025, 1, 1)],
}
TABLE = pa.table(COLUMNS)


def test_the_roles_are_those_that_the_registry_takes():
    assert get_args(Role) == ROLES == TYPED_ROLES


def test_every_library_gives_the_same_digest(tmp_path):
    path = tmp_path / "flights.parquet"
    pq.write_table(TABLE, path, row_group_size=1)
    numbers = {"hour": COLUMNS["hour"], "delay": COLUMNS["delay"]}
    whole = [
        describe(source, name="x").digest
        for source in (TABLE, TABLE.to_batches()[0], pl.from_arrow(TABLE), pl.from_arrow(TABLE).lazy(), path)
    ]
    assert len(set(whole)) == 1
    of_numbers = [
        describe(source, name="x").digest
        for source in (pd.DataFrame(numbers), pl.DataFrame(numbers), pa.table(numbers), {k: np.array(v) for k, v in numbers.items()})
    ]  # fmt: skip
    assert len(set(of_numbers)) == 1
    categories = pd.DataFrame({"carrier": pd.Categorical(["HA", None, "UA"])})
    assert describe(categories, name="x").digest == describe(TABLE.select(["carrier"]), name="x").digest


def test_it_says_what_is_in_it_and_no_text_of_anybody():
    described = describe(TABLE, name="flights", role="train", locator="s3://flights@v1")
    found = Dataset.model_validate(described.document)
    assert (found.name, found.rows, found.split, found.locator) == ("flights", 3, "train", "s3://flights@v1")
    assert found.is_reproducible
    said = {column.name: (column.type, column.nulls, column.low, column.high) for column in found.columns}
    assert said == {
        "carrier": ("string", 1, None, None),
        "hour": ("int64", 0, 1, 23),
        "delay": ("double", 0, -3.0, 0.5),
        "day": ("date32[day]", 1, "2025-01-01", "2026-01-01"),
    }


def test_a_copy_is_the_file_itself_or_a_file_of_the_same_content(tmp_path):
    path = tmp_path / "flights.parquet"
    pq.write_table(TABLE, path)
    of_file = describe(path, name="flights", store_copy=True)
    assert of_file.copy == path
    assert of_file.document["copy_digest"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    of_table = describe(pl.from_arrow(TABLE), name="flights", store_copy=True, folder=tmp_path)
    assert describe(of_table.copy, name="again").digest == of_table.digest == of_file.digest
    with pytest.raises(TrainingRefused, match="is no file"):
        describe(TABLE, name="flights", store_copy=True)


def test_without_a_locator_or_a_copy_it_is_not_reproducible():
    assert not Dataset.model_validate(describe(TABLE, name="flights").document).is_reproducible


def test_what_cannot_be_described_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(TrainingRefused, match="'tain' is no role of a dataset: train, validation"):
        describe(TABLE, name="x", role="tain")
    maps = pa.table({"m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())), "n": [1]})
    with pytest.raises(TrainingRefused, match="m: values of type map") as refused:
        describe(maps, name="x")
    assert [violation.path for violation in refused.value.violations] == ["m"]
    with pytest.raises(TableUnreadable, match="no such file"):
        describe(tmp_path / "gone.parquet", name="x")
    with pytest.raises(TableUnreadable, match="no rows"):
        describe(TABLE.slice(0, 0), name="x")
