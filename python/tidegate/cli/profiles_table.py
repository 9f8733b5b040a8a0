"""A profile for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from tidegate.cli.output import cell, percent, plain_table, printable
from tidegate.core.profiles import Profile, ProfileTensor

MOST_FEATURES = 200
_NAMED = 5
_OUTSIDE = ("nan", "positive_infinite", "negative_infinite", "null")


def summary(profile: Profile) -> dict[str, Any]:
    """What programs read of a profile that was made."""
    return {
        "tensors": [
            {
                "name": tensor.name,
                "direction": tensor.direction,
                "datatype": tensor.datatype,
                "in_sample": tensor.in_sample,
                "rows": tensor.rows,
                "features": [feature.name for feature in tensor.features],
                "chunks": _chunks(tensor),
            }
            for tensor in profile.tensors
        ]
    }


def heading(profile: Profile, path: str) -> Text:
    """One line about all of it."""
    count = len(profile.features)
    return Text.assemble(
        (printable(path), "bold"),
        f"  {profile.rows:,} rows · {count:,} feature{'' if count == 1 else 's'} · {profile.timezone or 'UTC'}",
        *([" · made of traffic"] if profile.source == "traffic" else []),
        *([f" · label {printable(profile.label)}"] if profile.label else []),
        (f"\nsha256:{profile.digest}", "dim"),
    )


def warnings(profile: Profile, *, has_time: bool) -> Iterator[Text]:
    """What weakens a profile, and what to do about it."""
    if profile.source == "traffic":
        yield Text(
            "! made of traffic: drift is against that time, not against what the model has learnt.", style="yellow"
        )
    if approximate := [feature.name for feature in profile.features if feature.reference.get("approximate")]:
        names = printable(", ".join(approximate[:_NAMED]))
        yield Text(f"! {names}: counts of the rarer categories may be up to 5 % too small.", style="yellow")
    if in_sample := [tensor.name for tensor in profile.tensors if tensor.in_sample]:
        names = printable(", ".join(in_sample))
        yield Text(
            f"! {names}: predictions of rows that the model has seen; they are shown and never page. Give --holdout.",
            style="yellow",
        )
    inputs = [tensor for tensor in profile.tensors if tensor.direction == "input"]
    if not any(_chunks(tensor) for tensor in inputs):
        is_timed = has_time or profile.source == "traffic"
        reason = "the times span fewer than ten chunks" if is_timed else "no --time column"
        yield Text(f"! {reason}: how far the reference wanders is not known and taken for nothing.", style="yellow")


def features(profile: Profile) -> Table:
    """A line a feature."""
    right = ("bins", "missing", "weight")
    table = plain_table(
        "feature", "tensor", "datatype", "bins", "range or categories", "missing", "weight", right=right
    )
    listed = [(tensor, feature) for tensor in profile.tensors for feature in tensor.features]
    for tensor, feature in listed[:MOST_FEATURES]:
        reference = feature.reference
        table.add_row(
            cell(feature.name),
            cell(f"{tensor.direction} {tensor.name}" if tensor.name != feature.name else tensor.direction),
            tensor.datatype,
            f"{len(reference['counts']):,}",
            cell(_extent(reference)),
            percent(_missing(reference) / tensor.rows),
            f"{feature.weight:g}",
        )
    if (more := len(listed) - MOST_FEATURES) > 0:
        table.add_row(Text(f"… {more:,} more", style="dim"))
    return table


def _chunks(tensor: ProfileTensor) -> int:
    return max((len(feature.reference.get("chunks", ())) for feature in tensor.features), default=0)


def _missing(reference: Mapping[str, Any]) -> int:
    return sum(reference.get(name, 0) for name in _OUTSIDE)


def _extent(reference: Mapping[str, Any]) -> str:
    """From the least to the most, or the first categories by their frequency."""
    if reference["kind"] == "numeric":
        low, high = reference.get("min"), reference.get("max")
        return "nothing finite" if low is None else f"{low:g} … {high:g}"
    named = reference["categories"]
    others = len(reference.get("others", ()))
    shown = ", ".join(named[:4]) + (" …" if len(named) > 4 else "")  # noqa: PLR2004  # four fit
    return f"{shown}, {others:,} rare" if others else shown or "none"
