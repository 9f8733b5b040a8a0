"""The rules of a profile over a table: what the gate would flag or refuse, found before it is sent.

A value breaks a rule when the reference had none like it: nothing where nothing was missing, a number outside of its range,
a text that it does not know or that is shorter or longer than any of its own. `core/sketch/gate` has the same rules for
the rows of a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from tidegate.core.profiles import Profile, ProfileFeature, Strings
from tidegate.drift.columns import Values, read_values
from tidegate.drift.counting import counted_tensors
from tidegate.drift.progress import Progress, Silent
from tidegate.drift.tables import read_table


class Rule(StrEnum):
    """What a value can break."""

    NULLABILITY = "nullability"
    RANGE = "range"
    CATEGORY = "category"
    LENGTH = "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule that rows of a table break."""

    feature: str
    rule: Rule
    rows: int
    expected: str
    """What the reference has."""
    found: str
    """What came instead."""


def check(profile: Profile, data: Any, *, progress: Progress | None = None) -> list[Breach]:
    """Every rule that rows of `data` break, feature by feature; empty if the gate would take all of them.

    Raises:
        TableUnreadable: It cannot be read, or has no rows.
        ProfileMisfit: A column of an input is missing.
        ColumnsUnusable: A column holds what its tensor cannot.
    """
    table = read_table(data, name="data")
    tensors = [tensor for tensor in counted_tensors(profile, table) if tensor.direction == "input"]
    checked = [(tensor, feature) for tensor in tensors for feature in tensor.features]
    advance = (progress or Silent()).begin(f"checking {table.name}", len(checked))
    counts = profile.counts()
    lengths: dict[str, _Lengths] = {}
    for tensor, feature in checked:
        own = lengths[feature.name] = _Lengths()
        for values in read_values(table, feature.name, tensor.datatype, feature.sentinel):
            counts.add(tensor, feature, values)
            own.count(values, feature)
        advance(1)
    cells = dict(zip((feature.name for feature in profile.features), counts.cells(), strict=True))
    return [
        breach
        for _, feature in checked
        for breach in _breaches(feature, cells[feature.name], lengths[feature.name].odd(feature, cells[feature.name]))
    ]


@dataclass(slots=True)
class _Lengths:
    """What is counted of the lengths of texts, which cells do not have."""

    empty: int = 0
    outside: int = 0
    """Shorter or longer than any of the reference, the sentinel among them."""

    def count(self, values: Values, feature: ProfileFeature) -> None:
        if isinstance(values, Strings) and (bounds := _bounds(feature)):
            lengths = np.diff(values.offsets)
            self.empty += int(np.count_nonzero(lengths == 0))
            self.outside += int(np.count_nonzero((lengths > 0) & ((lengths < bounds[0]) | (lengths > bounds[1]))))

    def odd(self, feature: ProfileFeature, cell: Mapping[str, Any]) -> int:
        """Texts of an odd length; what stands for nothing has none."""
        bounds, sentinel = _bounds(feature), feature.sentinel
        if bounds is None or not isinstance(sentinel, str) or bounds[0] <= len(sentinel.encode()) <= bounds[1]:
            return self.outside
        return self.outside - (int(cell["null"]) - self.empty)


def _bounds(feature: ProfileFeature) -> tuple[int, int] | None:
    """Bytes of the shortest and the longest text of the reference, if it has any."""
    least, most = (feature.reference.get(name) for name in ("min_length", "max_length"))
    return None if least is None or most is None else (least, most)


def _breaches(feature: ProfileFeature, cell: Mapping[str, Any], odd_lengths: int) -> Iterator[Breach]:
    missing = cell.get("nan", 0) + cell["null"]
    if missing and not feature.nullable:
        yield _breach(feature, Rule.NULLABILITY, missing, "a value", "nothing")
    if cell["kind"] == "numeric":
        yield from _numeric_breaches(feature, cell)
    else:
        yield from _categorical_breaches(feature, cell, odd_lengths)


def _numeric_breaches(feature: ProfileFeature, cell: Mapping[str, Any]) -> Iterator[Breach]:
    least, most = feature.reference.get("min"), feature.reference.get("max")
    expected = "nothing finite" if least is None else f"{least:.6g} to {most:.6g}"
    for side, infinite, extreme in (("below", "negative_infinite", "min"), ("above", "positive_infinite", "max")):
        rows = cell[side]
        if cell[infinite] and not feature.reference.get(infinite):
            rows += cell[infinite]
        if rows:
            reach = "infinite" if cell[infinite] else f"{cell[extreme]:.6g}"
            yield _breach(feature, Rule.RANGE, rows, expected, f"{side}, as far as {reach}")


def _categorical_breaches(feature: ProfileFeature, cell: Mapping[str, Any], odd_lengths: int) -> Iterator[Breach]:
    reference = feature.reference
    # A dictionary that lacks some texts of the reference tells nobody apart.
    if cell["new"] and not reference.get("new"):
        known = len(reference["categories"]) + len(reference.get("others", ()))
        names = ", ".join(_quoted(newcomer["name"]) for newcomer in cell["newcomers"][:3])
        distinct = round(cell["distinct_new"])
        more = ", …" if distinct > 3 else ""  # noqa: PLR2004  # three fit
        yield _breach(feature, Rule.CATEGORY, cell["new"], f"one of {known:,} known", f"{names}{more}")
    if odd_lengths:
        expected = f"{reference['min_length']:,} to {reference['max_length']:,} bytes"
        found = f"{cell['min_length']:,} to {cell['max_length']:,} bytes"
        yield _breach(feature, Rule.LENGTH, odd_lengths, expected, found)


def _breach(feature: ProfileFeature, rule: Rule, rows: int, expected: str, found: str) -> Breach:
    return Breach(feature=feature.name, rule=rule, rows=rows, expected=expected, found=found)


def _quoted(name: str) -> str:
    """A name of any length, as much of it as a line has room for."""
    return repr(name if len(name) <= 24 else f"{name[:23]}…")  # noqa: PLR2004  # a line has room for three
