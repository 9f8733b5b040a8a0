"""Features that a gateway counts and does not judge, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.drift_watch import Unjudged
from tidegate.cli.output import cell, percent, plain_table

MOST_FEATURES = 200
_LENGTHS = ("1d", "1h", "1m")
_NAMED = 3
_REASONS = {
    "unprofiled": "no profile describes them (tidegate profiles build)",
    "moments": "memory_mib has no room for their bins",
}


def unjudged(features: Sequence[Unjudged], length: str | None) -> Iterator[RenderableType]:
    """A line a feature, of the newest window of a length, or of the longest that has rows."""
    counted = [(feature, window) for feature in features if (window := _window(feature, length)) is not None]
    if not counted:
        return
    _, newest = counted[0]
    times = [datetime.fromtimestamp(newest[end], UTC).strftime("%Y-%m-%d %H:%M") for end in ("start_s", "end_s")]
    yield Text(f"not judged · {' to '.join(times)}", style="dim")
    yield _table(counted[:MOST_FEATURES])
    if (more := len(counted) - MOST_FEATURES) > 0:
        yield Text(f"… {more:,} more; --output json has all", style="dim")
    for state, reason in _REASONS.items():
        if any(feature.state == state for feature in features):
            yield Text(f"{state}: {reason}", style="dim")
    yield ""


def _window(feature: Unjudged, length: str | None) -> Mapping[str, Any] | None:
    wanted = _LENGTHS if length is None else (length,)
    return next((feature.cells[each] for each in wanted if each in feature.cells), None)


def _table(counted: Sequence[tuple[Unjudged, Mapping[str, Any]]]) -> Table:
    numbers = ("rows", "missing", "mean", "sd", "min", "5 %", "50 %", "95 %", "max")
    table = plain_table("feature", *numbers, "values", "state", right=numbers)
    for feature, window in counted:
        found = window["cell"]
        # What rows of open length hold is told of all their elements together.
        elements = found.get("elements", found)
        quantiles = elements.get("quantiles", {})
        table.add_row(
            cell(feature.name),
            f"{found['rows']:,}",
            percent(elements["missing"] / max(elements["rows"], 1)),
            *(_number(elements.get(name)) for name in ("mean", "sd", "min")),
            *(_number(quantiles.get(name)) for name in ("5", "50", "95")),
            _number(elements.get("max")),
            cell(_values(found)),
            feature.state,
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _values(found: Mapping[str, Any]) -> str:
    """How long rows of open length are, or which strings are frequent and how long they are."""
    if found["rows"] == 0 or found.get("max_length") is None:
        return ""
    lengths = f"{found['min_length']:,} to {found['max_length']:,}"
    if found["kind"] == "whole":
        return f"rows of {lengths} elements, {found['mean_length']:.1f} in the mean"
    shares = [f"{each['name']!r} {percent(each['at_least'] / found['rows'])}" for each in found["frequent"][:_NAMED]]
    distinct = [] if found["distinct"] is None else [f"about {found['distinct']:,.0f} different"]
    return ", ".join([*shares, *distinct, f"{lengths} bytes"])
