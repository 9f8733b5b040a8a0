"""The view: how the replay goes while it runs, and the tables at its end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tidegate.demo.moves import Moves
from tidegate.demo.replay import Tally

PLAIN_LINE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How far the replay is: the tally, out of how many flights, after how long."""

    tally: Tally
    flights: int
    elapsed_s: float
    weights: Mapping[str, int]
    """What the split asks for now."""

    @property
    def requests_per_s(self) -> float:
        """The rate since the start."""
        return self.tally.requests / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """What is known of an arm at the end; None where it could not be told."""

    shares: tuple[tuple[float, float], ...]
    """For each split, the part it asked for and the part of the aircraft that the arm got."""
    rows_per_batch: float | None
    area_under_curve: float | None


class Show(Protocol):
    """Takes each moment of a replay."""

    def __call__(self, moment: Moment) -> None:
        """Show `moment`."""


@contextmanager
def showing(console: Console) -> Iterator[Show]:
    """Give a function that shows the replay: in place on a terminal, as a line now and then elsewhere."""
    if not console.is_terminal:
        yield _plain_lines(console)
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield lambda moment: live.update(live_picture(moment))


def live_picture(moment: Moment) -> RenderableType:
    """The replay at one moment: progress, rate, latencies, and each arm's share so far."""
    tally = moment.tally
    arms = Table.grid(padding=(0, 2))
    for version, asked in asked_shares(moment.weights).items():
        share = tally.request_share(version)
        bar = ProgressBar(total=1.0, completed=share, width=30)
        arms.add_row(version, bar, f"{share:6.1%}", Text(f"asked {asked:.0%}", style="dim"))
    whole = Table.grid()
    whole.add_row(ProgressBar(total=moment.flights, completed=tally.requests, width=60))
    whole.add_row(plain_line(moment))
    return Group(whole, Text(), arms)


def plain_line(moment: Moment) -> str:
    """The replay at one moment, in one line."""
    tally = moment.tally
    return (
        f"{tally.requests:,} of {moment.flights:,} flights · {moment.requests_per_s:,.0f} requests/s · "
        f"p50 {tally.latency_s(0.5) * 1e3:.1f} ms · p99 {tally.latency_s(0.99) * 1e3:.1f} ms · failed {tally.failed}"
    )


def closing_tables(moment: Moment, results: Mapping[str, ArmResult]) -> RenderableType:
    """The end of the replay: the whole, then arm by arm."""
    tally = moment.tally
    whole = Table.grid(padding=(0, 3))
    whole.add_column()
    whole.add_column(justify="right")
    whole.add_row("requests", f"{tally.requests:,}")
    whole.add_row("failed", _good_or_bad(tally.failed))
    whole.add_row("aircraft", f"{tally.tail_numbers:,}")
    whole.add_row("sticky violations", _good_or_bad(tally.violations))
    whole.add_row("requests/s", f"{moment.requests_per_s:,.0f}")
    whole.add_row("latency p50", f"{tally.latency_s(0.5) * 1e3:.2f} ms")
    whole.add_row("latency p99", f"{tally.latency_s(0.99) * 1e3:.2f} ms")

    arms = Table()
    arms.add_column("version", no_wrap=True)
    splits = max(len(result.shares) for result in results.values())
    headings = ("asked", "of aircraft", "then asked", "of aircraft")[: 2 * splits]
    for heading in (*headings, "of requests", "requests", "rows a run", "AUC"):
        arms.add_column(heading, justify="right")
    for version, result in results.items():
        arms.add_row(
            version,
            *(f"{share:.1%}" for pair in result.shares for share in pair),
            f"{tally.request_share(version):.1%}",
            f"{tally.request_count(version):,}",
            _number(result.rows_per_batch, ".2f"),
            _number(result.area_under_curve, ".3f"),
        )
    return Group(Text(), whole, Text(), arms, Text("AUC: of each version, asked about all of these flights."))


def moves_table(moves: Moves) -> RenderableType:
    """Who went where when the weights changed, beside what arithmetic asks for."""
    table = Table.grid(padding=(0, 3))
    table.add_column()
    table.add_column(justify="right")
    table.add_row("aircraft asked about before and after", f"{moves.aircraft:,}")
    for (old, new), count in sorted(moves.moved.items()):
        table.add_row(f"moved from {old} to {new}", f"{count:,}")
    table.add_row("had to move, by arithmetic", f"{moves.expected:,}")
    table.add_row("not where arithmetic puts them", _good_or_bad(moves.surprises))
    table.add_row("of all possible callers", f"{moves.share:.1%}")
    return table


def asked_shares(weights: Mapping[str, int]) -> dict[str, float]:
    """Weights of any scale as parts of one."""
    whole = sum(weights.values())
    return {version: weight / whole for version, weight in weights.items()}


def _plain_lines(console: Console) -> Show:
    last_s = 0.0

    def show(moment: Moment) -> None:
        nonlocal last_s
        if moment.elapsed_s - last_s < PLAIN_LINE_EVERY_S and moment.tally.requests < moment.flights:
            return
        last_s = moment.elapsed_s
        shares = " / ".join(f"{moment.tally.request_share(version):.1%}" for version in moment.weights)
        console.print(f"{plain_line(moment)} · arms {shares}", soft_wrap=True, highlight=False)

    return show


def _good_or_bad(count: int) -> Text:
    return Text(f"{count:,}", style="bold red" if count else "green")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
