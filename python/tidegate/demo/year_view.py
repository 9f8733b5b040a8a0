"""The year as people read it: features by months, the days that stand out, and what the injected months are named."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.demo.verdict import Year, is_listed
from tidegate.demo.year import Month, Replayed
from tidegate.drift import CauseKind, Judgement, Report

MARK = "◆"


def label(month: Month) -> str:
    """A month as columns are called, such as `Apr 13`."""
    return f"{month.first_day:%b %y}"


def month_line(replayed: Replayed) -> str:
    """A month that was just judged, in one line."""
    listed = ", ".join(judgement.name for judgement in replayed.judged.report.drifted) or "nothing"
    wrong = f" with {replayed.month.injected}" if replayed.month.injected else ""
    return f"{replayed.month.name}  {len(replayed.month.flights):,} flights{wrong} · listed: {listed}"


def year_table(months: Sequence[Replayed]) -> RenderableType:
    """PSI of each feature in each month, marked where the gateway listed it."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    for _ in months:
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", *(Text(label(replayed.month), style="dim") for replayed in months))
    for name in _features(months[0].judged.report):
        table.add_row(name, *(_cell(replayed.judged.report, name) for replayed in months))
    return table


def lines(months: Sequence[Replayed]) -> Iterator[str]:
    """What was named, and the days that stand out in months that nothing was done to."""
    for replayed in months:
        for judgement in replayed.judged.report.drifted:
            if said := _said(judgement):
                yield f"! {replayed.month.name} {judgement.name}: {said}"
    found = [f"{day:%a %d %b} {', '.join(listed)}" for day, listed in listed_days(months).items()]
    yield f"Days that were listed: {' · '.join(found) or 'none'}"


def listed_days(months: Sequence[Replayed]) -> dict[datetime, tuple[str, ...]]:
    """The days on which something was listed, in months that nothing was done to."""
    days = {start_s: day for replayed in months for start_s, day in replayed.judged.days.items()}
    sound = [replayed.month.name for replayed in months if replayed.month.injected is None]
    found = {datetime.fromtimestamp(start_s, UTC): day.listed for start_s, day in sorted(days.items()) if day.listed}
    return {day: listed for day, listed in found.items() if f"{day:%Y-%m}" in sound}


def conclusion(year: Year) -> str:
    """That it held, in one sentence."""
    return (
        f"All {year.counted.rows:,} rows were counted once; `tidegate drift compare` finds the same in each of the "
        f"{len(year.months)} months, number for number; two shuffled halves of {year.halved.name} list nothing; what was "
        "injected is named."
    )


def _features(report: Report) -> list[str]:
    """Inputs, then predictions."""
    return [judgement.name for judgement in sorted(report.values(), key=lambda each: (each.direction, each.name))]


def _cell(report: Report, name: str) -> Text:
    judgement = report[name]
    mark = MARK if is_listed(judgement, report) else ""
    value = "-" if judgement.psi is None else f"{judgement.psi.value:.{3 if judgement.psi.value < 1 else 1}f}"
    return Text(f"{value}{mark}", style="bold yellow" if mark else "")


def _said(judgement: Judgement) -> str | None:
    if judgement.cause is None:
        return None
    names = ", ".join(f"'{name}'" for name in judgement.newcomers)
    is_new = judgement.cause.kind is CauseKind.NEW_CATEGORY
    return f"{judgement.cause.sentence}: {names}" if is_new and names else judgement.cause.sentence
