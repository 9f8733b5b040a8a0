"""A comparison for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.output import cell, percent, plain_table, printable
from tidegate.drift.report import Bin, CauseKind, Judgement, Report, Settings, State

MOST_FEATURES = 200
_BAR_CELLS = 24
_NAMED = 5
# What stands beside the bins is told with both shares anyway.
_TOLD_BY_SHARES = {CauseKind.MISSING_BURST, CauseKind.NEW_CATEGORY}
_STYLES = {
    State.DRIFT: "bold red",
    State.WARN: "bold dark_orange",
    State.CLEARING: "magenta",
    State.UNKNOWN: "magenta",
    State.INSUFFICIENT: "dim",
    State.WARMING: "dim",
    State.OK: "green",
}
_NUMBERS = ("PSI", "no drift", "threshold", "p", "q", "n", "m")
_SMALLEST_PLAIN = 1e-4


def show(report: Report, screen: Console) -> None:
    """Print the list, and below it what was missing, new, or may be the cause."""
    screen.print(_heading(report))
    screen.print()
    for part in listing(report):
        screen.print(part)


def show_feature(judgement: Judgement, report: Report, screen: Console) -> None:
    """Print the bins of a feature: old and new shares, and what each adds to PSI."""
    for part in _feature(judgement, report):
        screen.print(part)


def number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return "-"
    if value and abs(value) < _SMALLEST_PLAIN:
        return f"{value:.1e}"
    return f"{value:.4f}"


def probability(value: float) -> str:
    """As `number`; what is too small for the core to tell from nothing is said to be that small."""
    return number(value) if value else "< 1e-307"


def state_cell(state: State) -> Text:
    """A state in its colour."""
    return Text(state.value, style=_STYLES[state])


def listing(report: Report, trends: Mapping[str, str] | None = None) -> Iterator[RenderableType]:
    """The features, the worst first, with how each went where that is known; below them what else is to be said."""
    judgements = list(report.values())
    yield _feature_table(judgements[:MOST_FEATURES], trends)
    if (more := len(judgements) - MOST_FEATURES) > 0:
        yield Text(f"… {more:,} more; --output json has all", style="dim")
    for judgement in judgements:
        for note in _notes(judgement):
            yield Text(f"! {printable(judgement.name)}: {printable(note)}", style="yellow")


def limits(settings: Settings) -> str:
    """What is tolerated, and how many false entries the list may have."""
    return f"tolerated PSI {settings.tolerate_psi:g} · false entries {percent(settings.list_fdr)}"


def _heading(report: Report) -> Text:
    drifted = len(report.drifted)
    return Text.assemble(
        (f"{drifted:,} of {len(report):,}", "bold"),
        f" feature{'' if len(report) == 1 else 's'} listed",
        f"  {printable(report.current)} against {printable(report.reference)}",
        (f"\n{limits(report.settings)}", "dim"),
    )


def _feature_table(judgements: Sequence[Judgement], trends: Mapping[str, str] | None = None) -> Table:
    """One line a feature, with how it went where that is known."""
    table = plain_table("feature", *_NUMBERS, "state", *(["PSI so far"] if trends else []), right=_NUMBERS)
    table.collapse_padding = True
    for judgement in judgements:
        psi = judgement.psi
        numbers = (
            ("-",) * 5
            if psi is None
            else (
                number(psi.value),
                number(psi.expected),
                number(psi.threshold),
                probability(psi.p_value),
                probability(psi.q_value),
            )
        )
        state = state_cell(judgement.state)
        trend = [trends.get(judgement.name, "")] if trends else []
        table.add_row(cell(judgement.name), *numbers, f"{judgement.n:,}", f"{judgement.m:,}", state, *trend)
    return table


def _notes(judgement: Judgement) -> Iterator[str]:
    """What else is to be said of a feature."""
    if judgement.state is State.INSUFFICIENT:
        yield "too few rows to say; five a deciding bin are needed on each side"
    if judgement.new is not None and judgement.new.current:
        names = ", ".join(repr(name) for name in judgement.newcomers[:_NAMED])
        yield f"{percent(judgement.new.current)} are new: {names} (p {probability(judgement.new.p_value)})"
    if judgement.missing is not None:
        before, now = percent(judgement.missing.reference), percent(judgement.missing.current)
        yield f"{now} are missing, {before} were (p {probability(judgement.missing.p_value)})"
    if judgement.cause is not None and judgement.cause.kind not in _TOLD_BY_SHARES:
        yield judgement.cause.sentence
    if judgement.in_sample:
        yield "its reference are predictions of rows that the model has learnt from; they never page"


def _feature(judgement: Judgement, report: Report) -> Iterator[RenderableType]:
    psi = judgement.psi
    yield Text.assemble(
        (printable(judgement.name), "bold"),
        "  ",
        (judgement.state.value, _STYLES[judgement.state]),
        f"  {printable(report.current)} against {printable(report.reference)}",
    )
    if psi is not None:
        yield Text(
            f"PSI {number(psi.value)} · no drift {number(psi.expected)} · threshold {number(psi.threshold)}"
            f" · p {probability(psi.p_value)} · p at the tolerated {probability(psi.p_tolerated)}"
            f" · q {probability(psi.q_value)}"
        )
    yield Text(f"n {judgement.n:,} · m {judgement.m:,} · wander {number(judgement.wander)}", style="dim")
    yield ""
    yield _bins(judgement.bins)
    for note in _notes(judgement):
        yield Text(f"! {printable(note)}", style="yellow")


def _bins(bins: Sequence[Bin]) -> Table:
    right = ("reference", "current", "term")
    table = plain_table("bin", "reference", "current", "", "term", right=right)
    largest = max((max(bin_.reference_share, bin_.current_share) for bin_ in bins), default=0.0) or 1.0
    for bin_ in bins:
        if not (bin_.reference or bin_.current):
            continue
        bars = Text.assemble(
            (_bar(bin_.reference_share / largest), "blue"), "\n", (_bar(bin_.current_share / largest), "dark_orange")
        )
        shares = (percent(bin_.reference_share), percent(bin_.current_share))
        table.add_row(cell(bin_.label), *shares, bars, number(bin_.term))
    return table


def _bar(share: float) -> str:
    """A bar to an eighth of a cell."""
    eighths = round(share * _BAR_CELLS * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8].strip() if eighths % 8 else "")
