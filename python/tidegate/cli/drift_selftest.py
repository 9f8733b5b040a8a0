"""`tidegate drift selftest`: how often is the whole machine wrong on this very profile, and what does it find?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tidegate.cli.bars import bars
from tidegate.cli.drift_errors import told
from tidegate.cli.drift_options import Fdr, Format, Tolerate
from tidegate.cli.output import Output, console, percent, plain_table
from tidegate.core.drift import LIST_FDR, TOLERATE_PSI, Settings
from tidegate.drift.profiles import read_profile
from tidegate.drift.selftest import CURRENT, REFERENCES, ROWS, Trial
from tidegate.drift.selftest import selftest as try_out


def selftest(
    profile: Annotated[Path, typer.Argument(help="A profile, as profiles build writes it.")],
    *,
    rows: Annotated[list[int] | None, typer.Option(min=1, help="Rows of a current side; repeatable.")] = None,
    references: Annotated[
        int, typer.Option(min=1, help="References that are drawn for each number of rows.")
    ] = REFERENCES,
    current: Annotated[int, typer.Option(min=1, help="Current sides that are drawn for each reference.")] = CURRENT,
    tolerate_psi: Tolerate = TOLERATE_PSI,
    list_fdr: Fdr = LIST_FDR,
    output: Format = Output.table,
) -> None:
    """Draw samples from a profile's own shares and wander, judge them, and show how often that is wrong or finds a drift."""
    settings = Settings(tolerate_psi=tolerate_psi, list_fdr=list_fdr)
    with told(), bars() as progress:
        trials = try_out(
            read_profile(profile),
            settings=settings,
            rows=rows or ROWS,
            references=references,
            current=current,
            progress=progress,
        )
    if output is Output.json:
        typer.echo(json.dumps({"settings": asdict(settings), "trials": [asdict(trial) for trial in trials]}, indent=2))
        return
    screen = console()
    screen.print(_table(trials))
    asked = f"a false entry {percent(list_fdr)}, p ≤ 5 % in 5 % of single tests"
    screen.print(
        Text(f"asked: {asked}; tolerated PSI {tolerate_psi:g}; {trials[0].samples} samples a line", style="dim")
    )


def _table(trials: list[Trial]) -> Table:
    found = [f"finds {psi:g}" for psi in trials[0].found]
    headings = ("rows", "judged", "false entry", "p ≤ 5 %, no drift", "p ≤ 5 %, tolerated", *found)
    table = plain_table(*headings, right=headings)
    for trial in trials:
        shares = (trial.judged, trial.false_lists, trial.false_alarms, trial.at_tolerated, *trial.found.values())
        table.add_row(f"{trial.rows:,}", *("-" if share is None else percent(share) for share in shares))
    return table
