"""`tidegate apply`: has a running gateway serve another document."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tidegate.cli.output import BAD_INPUT, FAILED, Output, cell, console, fail, plain_table
from tidegate.config import load
from tidegate.errors import DocumentRefused, GatewayError
from tidegate.gateway.admin import apply
from tidegate.gateway.reports import Outcome, Report, Settlement

MOST_ROWS = 40
"""Of one outcome in the table; the rest is counted."""
MOST_UNCHANGED = 5
"""More of what nobody has asked to change are counted only, but for those of which there is something to say."""

# What needs a look comes first.
STYLES = {
    Outcome.REFUSED: "bold red",
    Outcome.SUPERSEDED: "magenta",
    Outcome.CURRENT: "green",
    Outcome.REMOVED: "yellow",
    Outcome.UNCHANGED: "dim",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("apply")(apply_document)


def apply_document(
    document: Annotated[Path, typer.Argument(help="The gateway document, such as gateway.yaml.")],
    *,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds until models must have loaded.")] = 600.0,
    output: Annotated[Output, typer.Option(help="How the result is written.")] = Output.table,
) -> None:
    """Have the running gateway serve a document: routes and versions change without losing a request.

    Exits with 0 when all of it is served, with 1 when a part of it is not, and with 2 when it is refused whole.
    """
    try:
        loaded = load(document)
        with Console(stderr=True).status("waiting until everything is loaded"):
            report = apply(loaded.state_dir, loaded, timeout)
    except DocumentRefused as refused:
        fail([str(refused)], BAD_INPUT)
    except GatewayError as error:
        fail([str(error)], FAILED)
    if output is Output.json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        screen = console()
        screen.print(_table(report))
        screen.print(_summary(report))
    if not report.is_in_force:
        raise typer.Exit(FAILED)


def _table(report: Report) -> Table:
    has_reasons = any(settled.reason for settled in report.settlements)
    table = plain_table("subject", "outcome", *(["reason"] if has_reasons else []))
    for outcome, style in STYLES.items():
        found = [settled for settled in report.settlements if settled.outcome is outcome]
        for settled in _shown(outcome, found):
            reason = [cell(settled.reason or "")] if has_reasons else []
            table.add_row(cell(settled.subject), cell(outcome, style), *reason)
        if left_out := len(found) - len(_shown(outcome, found)):
            table.add_row(cell(f"… {left_out:,} more", "dim"), cell(outcome, style))
    return table


def _shown(outcome: Outcome, found: Sequence[Settlement]) -> Sequence[Settlement]:
    if outcome is Outcome.UNCHANGED and len(found) > MOST_UNCHANGED:
        found = [settled for settled in found if settled.reason]
    return found[:MOST_ROWS]


def _summary(report: Report) -> str:
    def counts() -> Iterator[str]:
        for outcome in STYLES:
            if count := sum(settled.outcome is outcome for settled in report.settlements):
                yield f"{count:,} {outcome}"

    return " · ".join((f"epoch {report.epoch}", *counts()))
