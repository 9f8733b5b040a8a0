"""Datasets as a registry keeps them: what they were, to the bit, and where they can be read again."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate import optional
from tidegate.drift.tables import Table, read_table
from tidegate.errors import Violation
from tidegate.training.content import NoDigest, column_digest, load_arrow, table_digest, type_name
from tidegate.training.errors import TrainingRefused

# Those of tidegate.core.evidence, whose forms need what only a server has.
ROLES = ("train", "validation", "test", "calibration", "reference")
"""What a dataset may have been for a training."""
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A dataset as the registry takes it."""

    document: dict[str, Any]
    """`name`, `digest`, `rows`, `columns`, `split`, `locator`, `copy_digest`."""
    copy: Path | None
    """The file of which the registry keeps the bytes."""

    @property
    def digest(self) -> str:
        """Of the content."""
        return str(self.document["digest"])


def describe(
    source: Any,
    *,
    name: str,
    role: str = "",
    locator: str | None = None,
    store_copy: bool = False,
    folder: Path | None = None,
) -> Described:
    """Reads a table once, column by column, and says what it was.

    Numbers and times come with their least and their largest value; texts do not, for they may be somebody's name.

    Args:
        source: A frame of pandas, polars or pyarrow, columns by name, or the path of a Parquet or CSV file.
        name: What people call it.
        role: What it was for the training: `train`, `validation`, `test`, `calibration` or `reference`.
        locator: Where it can be read again; say the version of the object too.
        store_copy: Whether the registry keeps a copy: of a file its bytes, of anything else a Parquet file.
        folder: Where that Parquet file is written; needed to keep a copy of what is no file.

    Raises:
        TrainingRefused: The role is unknown, or a column has a type that has no digest; all of them are named.
        TableUnreadable: It is no table, cannot be read, or has no rows.
    """
    if role and role not in ROLES:
        raise TrainingRefused(f"{role!r} is no role of a dataset: {', '.join(ROLES)} are.")
    table = read_table(source, name=name)
    columns, digests, faults = [], [], []
    for column_name in table.columns:
        column = table.column(column_name)
        try:
            digests.append((column_name, column_digest(column)))
            columns.append(_column(column_name, column))
        except NoDigest as none:
            faults.append(Violation(column_name, str(none)))
    if faults:
        places = "; ".join(f"{path}: {reason}" for path, reason in faults)
        raise TrainingRefused(f"{name} cannot be told apart from other tables: {places}.", tuple(faults))
    copy = _copy(source, table, folder) if store_copy else None
    document: dict[str, Any] = {
        "name": name,
        "digest": table_digest(table.rows, digests),
        "rows": table.rows,
        "columns": columns,
        "split": role,
    }
    if locator is not None:
        document["locator"] = locator
    if copy is not None:
        document["copy_digest"] = _file_digest(copy)
    return Described(document=document, copy=copy)


def _column(name: str, column: Any) -> dict[str, Any]:
    types = load_arrow().types
    found: dict[str, Any] = {"name": name, "type": type_name(column.type), "nulls": column.null_count}
    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind) or types.is_decimal(kind):
        compute = optional.load("pyarrow.compute", needed_for="tidegate.training")
        try:
            least, largest = compute.min_max(column).values()
        except NotImplementedError:  # as of durations in some releases of Arrow
            return found
        for place, value in (("low", least), ("high", largest)):
            said = _said(value)
            if said is not None:
                found[place] = said
    return found


def _said(value: Any) -> Any:
    """A value as JSON has it; None where it has none."""
    plain = value.as_py() if value.is_valid else None
    match plain:
        case None | bool():
            return None
        case float():
            return plain if math.isfinite(plain) else None
        case int():
            return plain
        case dt.datetime() | dt.date() | dt.time():
            return plain.isoformat()
    return str(plain)


def _copy(source: Any, table: Table, folder: Path | None) -> Path:
    if isinstance(source, str | Path) and Path(source).is_file():
        return Path(source)
    if folder is None:
        raise TrainingRefused(f"{table.name} is no file: a copy of it is kept within a run only.")
    arrow = load_arrow()
    parquet = optional.load("pyarrow.parquet", needed_for="tidegate.training")
    path = folder / f"{hashlib.sha256(table.name.encode()).hexdigest()[:16]}.parquet"
    parquet.write_table(arrow.table({name: table.column(name) for name in table.columns}), path)
    return path


def _file_digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    return f"sha256:{found.hexdigest()}"
