"""`tidegate routes diff`: what one document changes about the routes of another."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.output import BAD_INPUT, Output, cell, console, fail, percent, printable
from tidegate.core.differences import Differences, Movement, RouteChange, compare
from tidegate.errors import DocumentRefused

MOST_VALUE_CHARACTERS = 200
"""Of a value that changes: tables of ranges have thousands."""


def diff(
    old: Annotated[Path, typer.Argument(help="The document that is served.")],
    new: Annotated[Path, typer.Argument(help="The document that would take its place.")],
    *,
    output: Annotated[Output, typer.Option(help="How the differences are written.")] = Output.table,
) -> None:
    """Show what a document changes about the routes of another, and how many callers that moves.

    Tables depend on their history; callers are counted as if the old document were the first of its gateway.
    """
    from tidegate.config import load  # noqa: PLC0415  # pydantic and yaml, which the other commands of routes do without

    documents = []
    refusals = []
    for path in (old, new):
        try:
            documents.append(load(path).fields)
        except DocumentRefused as refused:
            refusals.append(str(refused))
    if refusals:
        fail(refusals, BAD_INPUT)
    found = compare(*documents)
    if output is Output.json:
        typer.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
        return
    screen = console()
    for part in _parts(found):
        screen.print(part)


def route_parts(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What changes about one route that has every default filled in, and its table of ranges; None where it is new."""
    found = compare({"routes": {} if old is None else {name: old}}, {"routes": {name: new}})
    # What a table does is told by how many callers move; its thousands of ranges tell nobody anything.
    changed = {
        route: replace(change, fields=tuple(field for field in change.fields if not _is_table(field.path)))
        for route, change in found.changed.items()
    }
    if old is None or changed:
        yield from _parts(replace(found, changed=changed))
    else:
        yield Text.assemble(("~ ", "yellow"), (name, "bold yellow"), "  the same callers, the same arms")


def _is_table(path: str) -> bool:
    return path == "ranges" or (path.startswith("segments") and path.endswith(".ranges"))


def _parts(found: Differences) -> Iterator[RenderableType]:
    for name, route in found.removed.items():
        yield _heading("-", "red", name, _value(route["split"]))
    for name, route in found.added.items():
        yield _heading("+", "green", name, _value(route["split"]))
    for name, change in found.changed.items():
        split = change.movements.get("split")
        yield _heading("~", "yellow", name, _movement(split) if split else "")
        yield _changes(change)
    if not (found.removed or found.added or found.changed):
        yield Text("The routes are the same.")
    if found.elsewhere:
        yield Text(f"! beside routes, these differ: {', '.join(found.elsewhere)}", style="yellow")


def _heading(sign: str, style: str, name: str, what: str) -> Text:
    return Text.assemble((f"{sign} ", style), (name, f"bold {style}"), f"  {what}")


def _changes(change: RouteChange) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for field in change.fields:
        was_becomes = Text.assemble((_value(field.old), "red"), (" → ", "dim"), (_value(field.new), "green"))
        grid.add_row("", cell(field.path), was_becomes)
    for place, movement in change.movements.items():
        if place != "split":
            grid.add_row("", cell(place), _movement(movement))
    return grid


def _movement(movement: Movement) -> str:
    share = f"{percent(movement.share)} of its callers move"
    return share if movement.is_exact else f"about {share}: all are dealt anew"


def _value(value: Any) -> str:
    """A value in one line; a dash for what is absent."""
    match value:
        case None:
            return "-"
        case str():
            text = value
        case Mapping():
            text = " · ".join(f"{key} {_value(inner)}" for key, inner in value.items())
        case _:
            text = json.dumps(value, ensure_ascii=False)
    shown = printable(text)
    return shown if len(shown) <= MOST_VALUE_CHARACTERS else f"{shown[: MOST_VALUE_CHARACTERS - 1]}…"


def _as_json(found: Differences) -> dict[str, Any]:
    def change(of: RouteChange) -> dict[str, Any]:
        return {
            "fields": [field._asdict() for field in of.fields],
            "moves": {place: movement._asdict() for place, movement in of.movements.items()},
        }

    changed = {name: change(of) for name, of in found.changed.items()}
    return {**asdict(found), "changed": changed}
