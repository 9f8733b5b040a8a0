"""`tidegate status`: what a running gateway serves, and what it is about to."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, zip_longest
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.gateways import DEFAULT, Http, url_of
from tidegate.cli.output import (
    BAD_INPUT,
    FAILED,
    BadInput,
    Output,
    cell,
    console,
    fail,
    percent,
    plain_table,
    printable,
    span,
)
from tidegate.errors import GatewayError, UnexpectedAnswer
from tidegate.gateway.http import read_json

MOST_ROWS = 200
"""Of a table, and of the notes below it: a terminal is no place for ten thousand routes."""
ALL = "--output json has all of them"
MOST_SEGMENTS = 3
MOST_MODELS = 20
DIGEST_DIGITS = 12

STATE_STYLES = {"ready": "green", "draining": "yellow", "failed": "bold red"}

Row = tuple[Text | str, ...]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("status")(status)


def status(
    *,
    http: Http = DEFAULT,
    output: Annotated[Output, typer.Option(help="How the status is written.")] = Output.table,
) -> None:
    """Show what a running gateway serves: its routes with their arms, its versions, and what is on its way."""
    try:
        base = url_of(http)
        found = read_json(base, "/status")
        if not isinstance(found, Mapping) or found.get("server") != "tidegate":
            raise UnexpectedAnswer(f"{base}/status", "it does not call itself tidegate")
    except BadInput as bad:
        fail([str(bad)], BAD_INPUT)
    except GatewayError as error:
        fail([str(error)], FAILED)
    if output is Output.json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    screen = console()
    for part in _parts(found):
        screen.print(part)


def _parts(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield _heading(found)
    if not found.get("changing", True):  # an older gateway does not say it
        lost = "are not taken any more since a failure (see the log): restart the gateway"
        yield from _notes("bold red", [("documents", lost)])
    if found["routes"]:
        yield ""
        yield from _routes(found["routes"])
    yield from _notes("yellow", found["pending"].items())
    yield from _notes("bold red", found["refused"].items())
    if found["models"]:
        yield ""
        yield _models(found["models"])
    yield ""
    yield from _versions(found)
    yield from _notes("yellow", ((load["version"], f"waits for {load['waits_for']}") for load in _waiting(found)))
    not_loaded = ((f"{entry['model']}/{entry['version']}", entry["reason"]) for entry in found["not_loaded"])
    yield from _notes("red", not_loaded)


def _heading(found: Mapping[str, Any]) -> Text:
    phase = found["phase"]
    return Text.assemble(
        (phase.replace("_", " "), "bold green" if phase == "serving" else "bold yellow"),
        f" · epoch {found['epoch']} · up {span(found['uptime_s'])}",
        (f" · tidegate {found['version']} · {found['runtime']['name']} {found['runtime']['version']}", "dim"),
    )


def _routes(routes: Mapping[str, Any]) -> Iterator[RenderableType]:
    table = plain_table("route", "arm", "weight", "share", "stable", "segments", "shadow", right=("weight", "share"))
    rows = chain.from_iterable(_route(name, route) for name, route in routes.items())
    return _limited(table, rows, sum(len(route["arms"]) for route in routes.values()))


def _route(name: str, route: Mapping[str, Any]) -> Iterator[Row]:
    segments = [segment["name"] for segment in route["segments"]]
    if len(segments) > MOST_SEGMENTS:
        segments = [*segments[: MOST_SEGMENTS - 1], f"… {len(segments) - MOST_SEGMENTS + 1} more"]
    shadows = [f"{shadow['to']} {percent(shadow['share_bp'] / 10_000)}" for shadow in route["shadow"]]
    for at, (arm, segment, shadow) in enumerate(zip_longest(route["arms"], segments, shadows)):
        yield (
            cell(name if at == 0 else "", "bold"),
            cell(arm["version"] if arm else ""),
            f"{arm['weight']:,}" if arm else "",
            percent(arm["share"]) if arm else "",
            "●" if arm and arm["version"] == route["stable"] else "",
            cell(segment or ""),
            cell(shadow or ""),
        )


def _models(models: Mapping[str, Any]) -> Text:
    """Models that answer under their own names; a name says which version where there are several."""
    names = [model["answers"] if len(model["versions"]) > 1 else name for name, model in models.items()]
    shown = ", ".join(names[:MOST_MODELS])
    left_out = f", … {len(names) - MOST_MODELS:,} more" if len(names) > MOST_MODELS else ""
    return Text.assemble(("without a route  ", "dim"), printable(shown), (left_out, "dim"))


def _versions(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    loads = sorted(found["loads"], key=lambda load: (load["version"], load["load"]))
    table = plain_table(
        "version", "state", "since", "digest", "batching", "waiting", "running", right=("since", "waiting", "running")
    )
    return _limited(table, (_version(load, found["versions"].get(load["version"])) for load in loads), len(loads))


def _version(load: Mapping[str, Any], served: Mapping[str, Any] | None) -> Row:
    state = load["state"].lower()
    shown = cell(f"{state}, stuck", "bold red") if load["stuck"] else cell(state, STATE_STYLES.get(state, ""))
    since = span(load["since_s"])
    # While a version is loaded anew, its entry is that of the load which still answers.
    if served is None or state != "ready":
        return cell(load["version"]), shown, since, "", "", "", ""
    batching = f"up to {served['max_rows']:,} rows" if served["batching"] == "on" else "off"
    digest = served["digest"].removeprefix("sha256:")[:DIGEST_DIGITS]
    return (
        cell(load["version"]),
        shown,
        since,
        cell(digest, "dim"),
        batching,
        f"{served['queue']['requests']:,}",
        f"{served['running']:,}",
    )


def _waiting(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (load for load in found["loads"] if load["waits_for"])


def _notes(style: str, notes: Iterable[tuple[str, str]]) -> Iterator[Table]:
    """What a table cannot say: a line for each name, with its reason."""
    found = list(notes)
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, reason in found[:MOST_ROWS]:
        grid.add_row(cell(f"! {name}", style), cell(reason))
    if len(found) > MOST_ROWS:
        grid.add_row(cell(f"! {len(found) - MOST_ROWS:,} more", style), ALL)
    if found:
        yield grid


def _limited(table: Table, rows: Iterable[Row], count: int) -> Iterator[RenderableType]:
    """The table with its first rows, and how many there are more."""
    for row in islice(rows, MOST_ROWS):
        table.add_row(*row)
    yield table
    if count > MOST_ROWS:
        yield Text(f"… {count - MOST_ROWS:,} rows more: {ALL}", style="dim")
