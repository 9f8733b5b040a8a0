"""What a model takes and gives, and which columns of a table its inputs are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from tidegate.datatypes import BYTES
from tidegate.drift.errors import ColumnsUnusable, NothingToCompare, ProfileMisfit, listed
from tidegate.drift.tables import Table, load_arrow
from tidegate.errors import Violation

_INTEGERS = {f"{sign}int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_FLOATS = {"halffloat": "FP16", "float": "FP32", "double": "FP64", "null": "FP64"}
_DATATYPES = {"bool": "BOOL", **_INTEGERS, **_FLOATS}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output as the model declares it; -1 in the shape where any size goes."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def width(self) -> int | None:
        """Values a row; None where that is not fixed, or rows are no single axis."""
        match self.shape:
            case (_,):
                return 1
            case (_, width) if width > 0:
                return width
            case _:
                return None

    def __str__(self) -> str:
        """As a sentence says it, such as `dep_hour FP32 [-1, 1]`."""
        return f"{self.name} {self.datatype} {list(self.shape)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """All tensors of a model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def to_document(self) -> dict[str, list[dict[str, Any]]]:
        """As JSON has it."""
        sides = {"inputs": self.inputs, "outputs": self.outputs}
        return {side: [asdict(spec) for spec in specs] for side, specs in sides.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTensor:
    """A tensor, and the column of a table that each of its values a row comes from."""

    name: str
    datatype: str
    columns: tuple[str, ...]


def bind(
    signature: Signature, table: Table, columns: Mapping[str, Sequence[str]] | None = None
) -> tuple[BoundTensor, ...]:
    """The inputs of a model, bound by name: `x` of one value a row is the column `x`, one of k values `x[0]` … `x[k-1]`.

    Args:
        signature: What the model takes.
        table: Where the columns are.
        columns: The names of an input's columns, where they are others; they are the features' names.

    Raises:
        ProfileMisfit: A column is missing, or an input has no columns; with both lists.
    """
    given = dict(columns or {})
    reasons = []
    bound = []
    for spec in signature.inputs:
        wanted = given.pop(spec.name, None) or _names(spec)
        width = spec.width
        if wanted is None:
            reasons.append(f"input {spec} has no fixed number of columns: name them with --columns {spec.name}=a,b,…")
        elif width is not None and len(wanted) != width:
            reasons.append(f"input {spec} takes {width} columns, and {len(wanted)} are named")
        elif absent := [column for column in wanted if column not in table.columns]:
            reasons.append(
                f"input {spec} has no column {', '.join(absent)} in {table.name}{_advice(absent, spec, table)}"
            )
        else:
            bound.append(BoundTensor(name=spec.name, datatype=spec.datatype, columns=tuple(wanted)))
    reasons += [f"the model has no input {name}" for name in given]
    if reasons:
        raise ProfileMisfit(reasons, table=table.columns, model=[str(spec) for spec in signature.inputs])
    return tuple(bound)


def bind_columns(tables: Sequence[Table], *, leave_out: Collection[str | None]) -> tuple[BoundTensor, ...]:
    """Each column that all tables have, as an input of its own, in a datatype that holds the values of all.

    Raises:
        NothingToCompare: There is none that counts can be made of.
        ColumnsUnusable: A column is numbers in one table and text in another.
    """
    first, *others = tables
    shared = [
        name for name in first.columns if name not in leave_out and all(name in other.columns for other in others)
    ]
    bound = []
    for name in shared:
        found = [_datatype(table.column(name)) for table in tables]
        if len({datatype and (datatype == BYTES) for datatype in found}) > 1:
            kinds = " and ".join(str(table.column(name).type) for table in tables)
            raise ColumnsUnusable(first.name, [Violation(name, f"is {kinds} in the two tables: make them one kind")])
        datatypes = [datatype for datatype in found if datatype is not None]
        if datatypes:
            bound.append(BoundTensor(name=name, datatype=_joint(datatypes), columns=(name,)))
    if not bound:
        lists = "; ".join(f"{table.name} has {listed(table.columns)}" for table in tables)
        raise NothingToCompare(f"The tables share no column of numbers or text: {lists}.")
    return tuple(bound)


def _names(spec: TensorSpec) -> list[str] | None:
    width = spec.width
    if width is None:
        return None
    return [spec.name] if width == 1 else [f"{spec.name}[{at}]" for at in range(width)]


def _advice(absent: Sequence[str], spec: TensorSpec, table: Table) -> str:
    if near := get_close_matches(absent[0], table.columns, n=1):
        return f"; did you mean {near[0]}?"
    return f": name its columns with --columns {spec.name}=a,b,…" if len(absent) > 1 else ""


def _datatype(column: Any) -> str | None:
    """The datatype that holds a column's values; None for times, lists and other things that are no values of a model."""
    arrow = load_arrow()
    kinds, kind = arrow.types, column.type
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    if any(test(kind) for test in (kinds.is_string, kinds.is_large_string, kinds.is_binary, kinds.is_large_binary)):
        return BYTES
    if kinds.is_string_view(kind) or kinds.is_binary_view(kind):
        return BYTES
    if kinds.is_decimal(kind):
        return "FP64"
    datatype = _DATATYPES.get(str(kind))
    # Nothing is NaN, which integers lack.
    return "FP64" if datatype is not None and column.null_count and not datatype.startswith("FP") else datatype


def _joint(datatypes: Sequence[str]) -> str:
    """One datatype for the values of several tables."""
    first = datatypes[0]
    if all(datatype == first for datatype in datatypes):
        return first
    return "INT64" if all("INT" in datatype for datatype in datatypes) else "FP64"
