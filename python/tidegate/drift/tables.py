"""Tables as columns in Arrow: frames of pandas, polars and pyarrow, arrays of numpy, Parquet and CSV files.

A column is fetched when it is asked for, so that a file of any width takes the memory of one column at a time. Neither
pandas nor polars is imported from here: whoever hands one over has loaded it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tidegate import optional
from tidegate.drift.errors import ColumnsUnusable, TableUnreadable, listed
from tidegate.errors import Violation

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz")
_MATRIX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns of one length, by name."""

    name: str
    """As sentences call it."""
    columns: Mapping[str, None]
    """The names, in their order; a mapping, for there may be a hundred thousand to look one up in."""
    rows: int
    read: Callable[[str], Any]
    """The `pyarrow.ChunkedArray` of a column."""
    predicted: frozenset[str] = frozenset()
    """The columns that a model has just predicted."""

    def column(self, name: str) -> Any:
        """A column as a `pyarrow.ChunkedArray`.

        Raises:
            ColumnsUnusable: There is none of this name, or it cannot be read.
        """
        if name not in self.columns:
            raise ColumnsUnusable(self.name, [Violation(name, f"is missing; the columns are {listed(self.columns)}")])
        arrow = load_arrow()
        try:
            return self.read(name)
        except (arrow.ArrowException, OSError) as error:
            raise ColumnsUnusable(self.name, [Violation(name, f"cannot be read: {_first_line(error)}")]) from error


def load_arrow() -> Any:
    """The library that columns are in.

    Raises:
        ModuleNotFoundError: It is not installed; the sentence says how to.
    """
    return optional.load("pyarrow", needed_for="tidegate.drift")


def read_table(source: Any, *, name: str, names: Sequence[str] | None = None) -> Table:
    """The table that `source` is.

    Args:
        source: A frame of pandas, polars or pyarrow; a structured array or a matrix of numpy; columns by name; the path
            of a Parquet file, a folder of them, or a CSV file.
        name: What sentences call it; a path says its own name.
        names: The names of a matrix's columns; `x[0]`, `x[1]`, … without them.

    Raises:
        TableUnreadable: It is none of these, cannot be read, names two columns alike, or has no rows.
    """
    arrow = load_arrow()
    if isinstance(source, str | Path):
        table = _from_path(Path(source))
    elif isinstance(source, arrow.Table | arrow.RecordBatch):
        table = _of(name, source.schema.names, source.num_rows, lambda column: _chunked(source.column(column)))
    elif isinstance(source, np.ndarray):
        table = _from_array(source, name, names)
    elif isinstance(source, Mapping):
        lengths = {len(values) for values in source.values()}
        if len(lengths) > 1:
            raise TableUnreadable(name, f"its columns have different lengths: {sorted(lengths)}")
        table = _of(name, list(source), max(lengths, default=0), lambda column: _chunked(arrow.array(source[column])))
    else:
        table = _from_frame(source, name)
    if not table.rows:
        raise TableUnreadable(table.name, "it has no rows")
    return table


def _of(name: str, columns: Sequence[Any], rows: int, read: Callable[[str], Any]) -> Table:
    counts = Counter(str(column) for column in columns)
    if twice := [column for column, count in counts.items() if count > 1]:
        raise TableUnreadable(name, f"{', '.join(twice)} comes more than once")
    return Table(name=name, columns=dict.fromkeys(counts), rows=rows, read=read)


def _from_frame(frame: Any, name: str) -> Table:
    """A frame of a library that is loaded: nobody has one of another."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        places = {str(label): at for at, label in enumerate(frame.columns)}
        return _of(name, frame.columns, len(frame), lambda column: _from_series(frame.iloc[:, places[column]]))
    if polars is not None and isinstance(frame, polars.LazyFrame):
        return _from_frame(frame.collect(), name)
    if polars is not None and isinstance(frame, polars.DataFrame):
        return _of(name, frame.columns, len(frame), lambda column: _chunked(frame.get_column(column).to_arrow()))
    known = "a frame of pandas, polars or pyarrow, an array of numpy, columns by name, or a path"
    raise TableUnreadable(name, f"expected {known}, got {type(frame).__name__}")


def _from_series(series: Any) -> Any:
    """A column of pandas; NaN in one of numpy's floats stays the value that it is."""
    arrow = load_arrow()
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return _chunked(arrow.array(series.to_numpy()))
    return _chunked(arrow.Array.from_pandas(series))


def _from_array(array: np.ndarray[Any, Any], name: str, names: Sequence[str] | None) -> Table:
    arrow = load_arrow()
    if array.dtype.names:
        fields = array.ravel()
        return _of(name, array.dtype.names, len(fields), lambda column: _chunked(arrow.array(fields[column].copy())))
    if array.ndim != _MATRIX:
        shape = f"an array of shape {list(array.shape)}"
        raise TableUnreadable(name, f"expected a structured array or one of shape [rows, columns], got {shape}")
    named = list(names or (f"x[{at}]" for at in range(array.shape[1])))
    if len(named) != array.shape[1]:
        raise TableUnreadable(name, f"{len(named)} names are given for {array.shape[1]} columns")
    places = {column: at for at, column in enumerate(named)}
    return _of(
        name, named, len(array), lambda column: _chunked(arrow.array(np.ascontiguousarray(array[:, places[column]])))
    )


def _from_path(path: Path) -> Table:
    arrow = load_arrow()
    is_csv = path.name.lower().endswith(CSV)
    if not is_csv and not path.is_dir() and not path.name.lower().endswith(PARQUET):
        raise TableUnreadable(str(path), f"its name ends in none of {', '.join((*PARQUET, *CSV))}")
    try:
        return _from_csv(path) if is_csv else _from_parquet(path)
    except FileNotFoundError:
        raise TableUnreadable(str(path), "there is no such file") from None
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TableUnreadable(str(path), _first_line(error)) from error


def _from_parquet(path: Path) -> Table:
    """A file, or the files of a folder one after another. Each is opened once: footers of wide tables are long."""
    arrow, parquet = load_arrow(), optional.load("pyarrow.parquet", needed_for="reading Parquet")
    found = sorted(part for part in path.rglob("*") if part.suffix in PARQUET) if path.is_dir() else [path]
    if not found:
        raise TableUnreadable(str(path), f"the folder has no file that ends in {' or '.join(PARQUET)}")
    parts = [parquet.ParquetFile(part) for part in found]
    names = parts[0].schema_arrow.names
    for part, file in zip(found, parts, strict=True):
        if set(file.schema_arrow.names) != set(names):
            raise TableUnreadable(str(path), f"{part.name} has other columns than {found[0].name}")

    def read(column: str) -> Any:
        read = [part.read(columns=[column]) for part in parts]
        return arrow.concat_tables(read, promote_options="permissive").column(0)

    return _of(str(path), names, sum(part.metadata.num_rows for part in parts), read)


def _from_csv(path: Path) -> Table:
    table = optional.load("pyarrow.csv", needed_for="reading CSV").read_csv(path)
    return _of(str(path), table.schema.names, table.num_rows, table.column)


def _chunked(column: Any) -> Any:
    arrow = load_arrow()
    return column if isinstance(column, arrow.ChunkedArray) else arrow.chunked_array([column])


def _first_line(error: Exception) -> str:
    """What a library says, without the sentence's full stop and without its traces."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
