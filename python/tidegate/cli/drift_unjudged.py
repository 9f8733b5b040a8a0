"""Features that a gateway counts and does not judge, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.drift_watch import Unjudged
from tidegate.cli.output import cell, percent, plain_table, printable

MOST_FEATURES = 200
_LENGTHS = ("1d", "1h", "1m")
_NAMED = 3
_REASONS = {
    "unprofiled": "no profile describes them, so they are not judged",
    "moments": "memory_mib has no room for their bins, so they are not judged",
}
_NUMBERS = ("mean", "sd", "min", "max")
_QUANTILES = ("5", "50", "95")

# A feature by its name, and what was counted of it.
Counted = tuple[str, Mapping[str, Any]]


def unjudged(features: Sequence[Unjudged], length: str | None) -> Iterator[RenderableType]:
    """A line a feature, by its state, of the newest window of a length, or of the longest that has rows."""
    for state, reason in _REASONS.items():
        own = [feature for feature in features if feature.state == state]
        counted = [(feature.name, window) for feature in own if (window := _window(feature, length)) is not None]
        if not counted:
            continue
        yield Text.assemble((state, "bold"), f"  {len(counted):,} features · {_span(counted[0][1])}")
        yield Text(reason, style="dim")
        cells = [(name, window["cell"]) for name, window in counted[:MOST_FEATURES]]
        if numbers := [(name, found) for name, found in cells if "mean" in found.get("elements", found)]:
            yield _table_of_numbers(numbers)
        if values := [(name, found) for name, found in cells if found["kind"] != "numbers"]:
            yield _table_of_values(values)
        if (more := len(counted) - MOST_FEATURES) > 0:
            yield Text(f"… {more:,} more; --output json has all", style="dim")
        yield ""


def _window(feature: Unjudged, length: str | None) -> Mapping[str, Any] | None:
    wanted = _LENGTHS if length is None else (length,)
    return next((feature.cells[each] for each in wanted if each in feature.cells), None)


def _span(window: Mapping[str, Any]) -> str:
    ends = [datetime.fromtimestamp(window[end], UTC) for end in ("start_s", "end_s")]
    return " to ".join(end.strftime("%Y-%m-%d %H:%M") for end in ends)


def _table_of_numbers(counted: Sequence[Counted]) -> Table:
    columns = ("rows", "missing", "mean", "sd", "min", "5 %", "50 %", "95 %", "max")
    table = plain_table("feature", *columns, right=columns)
    for name, found in counted:
        # What rows of open length hold is told of all their elements together.
        elements = found.get("elements", found)
        mean, sd, least, most = (_number(elements[one]) for one in _NUMBERS)
        quantiles = (_number(elements["quantiles"].get(share)) for share in _QUANTILES)
        table.add_row(cell(name), f"{found['rows']:,}", _missing(elements), mean, sd, least, *quantiles, most)
    return table


def _table_of_values(counted: Sequence[Counted]) -> Table:
    table = plain_table("feature", "rows", "missing", "values", right=("rows", "missing"))
    for name, found in counted:
        missing = _missing(found.get("elements", found))
        table.add_row(cell(name), f"{found['rows']:,}", missing, cell(_values(found)))
    return table


def _missing(found: Mapping[str, Any]) -> str:
    return percent(found["missing"] / max(found["rows"], 1))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _values(found: Mapping[str, Any]) -> str:
    """How long rows of open length are, or which strings are frequent and how long they are."""
    if found["max_length"] is None:
        return ""
    lengths = f"{found['min_length']:,} to {found['max_length']:,}"
    if found["kind"] == "whole":
        return f"rows of {lengths} elements, {found['mean_length']:.1f} in the mean"
    frequent = found["frequent"][:_NAMED]
    shares = [f"{printable(each['name'])} {percent(each['at_least'] / found['rows'])}" for each in frequent]
    distinct = [] if found["distinct"] is None else [f"about {found['distinct']:,.0f} different"]
    return ", ".join([*shares, *distinct, f"{lengths} bytes"])
