"""The last act: a route that is watched for drift, over which the rest of the year is replayed, checked and drawn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.text import Text

from tidegate import drift
from tidegate.client import Client
from tidegate.demo import acts, year_view
from tidegate.demo.flights import Flight
from tidegate.demo.judged import read_counted
from tidegate.demo.offline import compare_halves, write_table
from tidegate.demo.training import PROFILE
from tidegate.demo.verdict import Year, broken_claims
from tidegate.demo.year import Replayed, asking_days, injected, months_of, replay_year, requested_rows
from tidegate.drift.heatmap import Part, draw_heatmap
from tidegate.drift.picture import to_png
from tidegate.gateway.http import base_url, read_json

PICTURE = "drift.png"
TABLES = "months"
HALVED_MONTH = "2013-07"
_PROFILE = Path("models", acts.CANDIDATE, PROFILE)


def play_year(console: Console, folder: Path, flights: Sequence[Flight], client: Client, http: str) -> Year:
    """Replay the months of the flights, and the last of them twice more with something wrong, through a watched route.

    Args:
        console: Where each month is told of when it was judged.
        folder: The demo's, with its models; the months are left in it as files.
        flights: In their order, the last of them of December.
        client: Of the gateway.
        http: Where the gateway tells of drift.
    """
    sound = months_of(flights)
    *wrong, left_over = injected(sound[-1].flights)
    months = [*sound, *wrong]
    base = base_url(http)

    def report() -> Any:
        return read_json(base, f"/drift/{acts.YEAR_ROUTE}")

    replayed = _told(console, replay_year(months, left_over, asking_days(client), report))
    return _checked(folder, replayed, requested_rows(months, left_over), report)


def tell_year(console: Console, folder: Path, year: Year, top: Path) -> int:
    """Print what was listed, draw it, and say whether everything is as it should be; 0 if it is.

    Paths are shown from `top`.
    """
    console.print(Text(), year_view.year_table(year.months), Text())
    for line in year_view.lines(year.months):
        console.print(Text(line))
    (folder / PICTURE).write_bytes(to_png(_picture(year.months)))
    shown = folder.relative_to(top)
    profile, table = shown / _PROFILE, shown / TABLES / f"{year.months[-1].month.name}.parquet"
    console.print(Text(f"\nPicture: {shown / PICTURE}. Without a gateway, for any of the months:"))
    console.print(Text(f"$ tidegate drift compare --profile {profile} --current {table}"), soft_wrap=True)
    broken = broken_claims(year)
    for sentence in broken:
        console.print(Text(sentence), soft_wrap=True)
    console.print(Text(f"\n{year_view.conclusion(year) if not broken else 'The year did not hold.'}"))
    return 1 if broken else 0


def _told(console: Console, replay: Iterable[Replayed]) -> list[Replayed]:
    """Each month in a line as it comes."""
    months = []
    for replayed in replay:
        months.append(replayed)
        console.print(Text(year_view.month_line(replayed)))
    return months


def _checked(folder: Path, months: Sequence[Replayed], requested: int, report: Callable[[], Any]) -> Year:
    """The same rows without the gateway, by its settings and the profile that it has."""
    counted = read_counted(report())
    profile = drift.read_profile(folder / _PROFILE)
    files = [write_table(replayed, folder / TABLES) for replayed in months]
    tables = [
        drift.compare(current=file, profile=profile, settings=replayed.judged.report.settings)
        for file, replayed in zip(files, months, strict=True)
    ]
    halved = next(replayed for replayed in months if replayed.month.name == HALVED_MONTH)
    return Year(
        months=months,
        tables=tables,
        halves=compare_halves(halved.table, profile),
        halved=halved.month,
        requested_rows=requested,
        counted=counted,
    )


def _picture(months: Sequence[Replayed]) -> Figure:
    named = {year_view.label(replayed.month): replayed for replayed in months}
    return draw_heatmap(
        {label: replayed.judged.report for label, replayed in named.items()},
        title="Flights from New York, month by month, against January to March 2013",
        notes={label: replayed.month.injected for label, replayed in named.items() if replayed.month.injected},
        parts={label: list(_parts(replayed)) for label, replayed in named.items()},
    )


def _parts(replayed: Replayed) -> Iterator[Part]:
    """The days of a month."""
    for start_s, judged in sorted(replayed.judged.days.items()):
        day = datetime.fromtimestamp(start_s, UTC)
        if day.date() >= replayed.month.first_day:
            yield Part(name=f"{day:%d %b}", psi=judged.psi, listed=judged.listed)
