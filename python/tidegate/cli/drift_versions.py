"""`tidegate drift show --versions`: the versions of a split beside each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.drift_table import MOST_FEATURES, limits, number, probability, state_cell
from tidegate.cli.drift_watch import span_of
from tidegate.cli.output import cell, percent, plain_table, printable
from tidegate.core.drift import Settings, State

_NUMBERS = ("PSI", "no drift", "threshold", "p", "q", "n", "m", "effect")
_RANKS = {State.WARN: 0, State.INSUFFICIENT: 1, State.UNKNOWN: 2}
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a feature differs between two versions."""

    feature: str
    direction: str
    state: State
    is_listed: bool
    reason: str | None
    """Why there are no numbers."""
    n: int
    m: int
    numbers: tuple[str, ...] | None
    """PSI, what it is without a difference, threshold, p and q."""
    design_effect: tuple[float, float] | None
    """Of the stable version and of the other."""
    asides: tuple[str, ...]
    """What is to be said of the rows that are in no bin."""
    excess: float
    """How far PSI is beyond its threshold, as a ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The newest window of one length in which two versions were compared, the worst feature first."""

    length: str
    span: str
    length_s: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A version beside the stable one."""

    version: str
    against: str
    reason: str | None
    """Why nothing of it is compared."""
    windows: tuple[Compared, ...]
    """The longest first; none where nothing was compared yet."""


def read_comparisons(document: Any) -> tuple[Comparison, ...]:
    """The comparisons of a gateway's report about a route.

    Raises:
        KeyError, TypeError, ValueError: It is no such report.
    """
    return tuple(_comparison(found) for found in document["comparisons"])


def comparison_parts(route: str, found: Comparison, length: str | None, settings: Settings) -> Iterator[RenderableType]:
    """A comparison for the terminal: its features, and below them what else is to be said."""
    heading = Text.assemble(
        (printable(route), "bold"), "  ", printable(found.version), " against ", printable(found.against)
    )
    window = next((window for window in found.windows if length in (None, window.length)), None)
    if found.reason is not None:
        yield Text.assemble(heading, "  not compared: ", printable(found.reason))
    elif window is None:
        lengths = f" of {length}" if length else ""
        yield Text.assemble(heading, f"  no window{lengths} was compared yet")
    else:
        yield Text.assemble(heading, f"  {window.length} {window.span}")
        yield Text.assemble(f"{_listed(window)} · ", (limits(settings), "dim"))
        yield ""
        yield _table(window.differences[:MOST_FEATURES])
        if (more := len(window.differences) - MOST_FEATURES) > 0:
            yield Text(f"… {more:,} more; --output json has all", style="dim")
        for note in _notes(window.differences):
            yield Text(f"! {printable(note)}", style="yellow")
    yield ""


def _comparison(found: Mapping[str, Any]) -> Comparison:
    windows = [
        _compared(length, track["latest"]) for length, track in found["windows"].items() if track["latest"] is not None
    ]
    return Comparison(
        version=found["version"],
        against=found["against"],
        reason=found["reason"],
        windows=tuple(sorted(windows, key=lambda window: -window.length_s)),
    )


def _compared(length: str, latest: Mapping[str, Any]) -> Compared:
    start_s, end_s = latest["start_s"], latest["end_s"]
    differences = [_difference(each["difference"], State(each["state"])) for each in latest["features"]]
    differences.sort(key=lambda found: (_RANKS.get(found.state, len(_RANKS)), -found.excess))
    return Compared(
        length=length, span=span_of(start_s, end_s), length_s=end_s - start_s, differences=tuple(differences)
    )


def _difference(found: Mapping[str, Any], state: State) -> Difference:
    judged, effect = found["judgement"], found["design_effect"]
    numbers = None
    if judged is not None:
        numbers = (
            *(number(judged[name]) for name in ("psi", "expected", "threshold")),
            probability(judged["p_no_drift"]),
            probability(found["q"]),
        )
    return Difference(
        feature=found["feature"],
        direction=found["direction"],
        state=state,
        is_listed=State(found["state"]) is State.WARN,
        reason=found["reason"],
        n=found["n"],
        m=found["m"],
        numbers=numbers,
        design_effect=None if effect is None else (effect["reference"], effect["current"]),
        asides=tuple(_asides(found)),
        excess=0.0 if judged is None or not judged["threshold"] else judged["psi"] / judged["threshold"],
    )


def _asides(found: Mapping[str, Any]) -> Iterator[str]:
    for name, is_said in (("new", "new"), ("missing", "missing")):
        if (tested := found[name]) is not None:
            before, now = percent(tested["reference"]), percent(tested["current"])
            yield f"{now} are {is_said}, of the stable version {before} (p {probability(tested['p'])})"


def _listed(window: Compared) -> str:
    def of(direction: str) -> str:
        own = [found for found in window.differences if found.direction == direction]
        return f"{sum(found.is_listed for found in own):,} of {len(own):,} {direction}s"

    return f"{of('output')} and {of('input')} listed"


def _table(differences: Sequence[Difference]) -> Table:
    table = plain_table("feature", "", *_NUMBERS, "state", right=_NUMBERS)
    table.collapse_padding = True
    for found in differences:
        effects = "-" if found.design_effect is None else "/".join(f"{effect:.1f}" for effect in found.design_effect)
        numbers = found.numbers or ("-",) * 5
        rows = (f"{found.n:,}", f"{found.m:,}")
        table.add_row(cell(found.feature), found.direction, *numbers, *rows, effects, state_cell(found.state))
    return table


def _notes(differences: Sequence[Difference]) -> Iterator[str]:
    """What else is to be said; a reason that many features have is said once."""
    by_reason: dict[str, list[str]] = {}
    for found in differences:
        if found.reason is not None:
            by_reason.setdefault(found.reason, []).append(found.feature)
    for reason, features in by_reason.items():
        more = f" and {len(features) - _NAMED:,} more" if len(features) > _NAMED else ""
        yield f"{', '.join(features[:_NAMED])}{more}: {reason}"
    for found in differences:
        for aside in found.asides:
            yield f"{found.feature}: {aside}"
    if any(found.is_listed and found.direction == "input" for found in differences):
        yield "inputs differ though a hash deals callers: look at the split first, outputs may only follow their inputs"
