"""`tidegate routes list`, `show` and `history`: what routes are, and what they were."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tidegate.cli.effective import STYLES
from tidegate.cli.output import (
    BadInput,
    Output,
    OutputOption,
    cell,
    console,
    moment,
    plain_table,
    print_json,
    short_digest,
    span,
)
from tidegate.cli.registries import asks
from tidegate.cli.rollback import arms_of

if TYPE_CHECKING:
    from tidegate.client.registry import Entry, Registry, Tenure

CAUSE_STYLES = {"rollback": "yellow", "quarantine": "bold red"}

Name = Annotated[str, typer.Argument(help="The route.")]


@asks
def list_routes(registry: "Registry", *, output: OutputOption = Output.table) -> None:
    """List the routes with who answers, and which of them are held."""
    # A list has no documents; whoever reads one wants to know who answers.
    routes = [registry.route(route.name) for route in registry.list_routes()]
    if output is Output.json:
        print_json(routes)
        return
    if not routes:
        typer.echo("There are no routes: write one and apply it with `tidegate routes apply -f route.yaml`.")
        return
    table = plain_table("route", "revision", "answers", "gateway", "held", right=("revision",))
    for route in routes:
        table.add_row(
            cell(route.name, "bold"),
            str(route.revision),
            cell(arms_of(route)),
            cell(route.serving.state, STYLES.get(route.serving.state, "dim")),
            cell(route.hold or "-", "yellow"),
        )
    console().print(table)


@asks
def show(registry: "Registry", route: Name, *, output: OutputOption = Output.table) -> None:
    """Show a route: its document as it was written, who answers by digest, and whether it is held."""
    import yaml  # noqa: PLC0415  # only this command writes it

    found = registry.route(route)
    if output is Output.json:
        print_json(found)
        return
    screen = console()
    screen.print(Text.assemble((found.name, "bold"), f"  revision {found.revision}, generation {found.generation}"))
    if found.hold:
        screen.print(Text(f"! held: {found.hold}", style="yellow"))
    serving = found.serving
    if serving.reason:
        screen.print(Text(f"! {serving.state}: {serving.reason}", style=STYLES.get(serving.state, "")))
    if serving.given_up:
        screen.print(Text(f"! {serving.given_up}", style="yellow"))
    screen.print(Text.assemble(("answers  ", "dim"), arms_of(found)))
    screen.print()
    table = plain_table("version", "digest", "profile")
    for version, said in sorted(found.content["versions"].items()):
        profile = short_digest(said["profile"]) if said["profile"] else "-"
        table.add_row(cell(version, "bold"), cell(short_digest(said["digest"])), cell(profile, "dim"))
    screen.print(table)
    screen.print()
    # markup in a document is text.
    screen.print(Text(yaml.safe_dump(dict(found.document), sort_keys=False, allow_unicode=True).rstrip()))


@asks
def history(
    registry: "Registry",
    route: Name,
    *,
    at: Annotated[str | None, typer.Option(help="A moment: 2026-11-01T12:00Z. What the route was then.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 20,
    output: OutputOption = Output.table,
) -> None:
    """Show what a route was, from when to when, by whom and why; with --at what it was at a moment."""
    tenures = registry.history(route, None if at is None else moment_of(at), limit=limit)
    deeds = _deeds(registry, route, tenures)
    if output is Output.json:
        print_json([_with_deed(tenure, deeds.get(tenure.start_time)) for tenure in tenures])
        return
    console().print(_table(tenures, deeds))


def moment_of(text: str) -> dt.datetime:
    """The moment that was typed.

    Raises:
        BadInput: It is none, or has no zone.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no moment: write it as 2026-11-01T12:00Z.") from None
    if moment.tzinfo is None:
        whole = f"{text}T00:00" if text == moment.date().isoformat() else text
        raise BadInput(f"{text!r} has no time zone: write {whole}Z for UTC, or {whole}+02:00.")
    return moment


def _deeds(registry: "Registry", route: str, tenures: "list[Tenure]") -> "Mapping[dt.datetime, Entry]":
    """The entries of the journal that began tenures, by their time: both are written in one change."""
    from tidegate.client.registry.names import route_name  # noqa: PLC0415  # as everything of the client

    if not tenures:
        return {}
    newest = tenures[0].start_time + dt.timedelta(microseconds=1)
    entries = registry.journal(resource=route_name(route), until=newest, limit=4 * len(tenures))
    return {entry.time: entry for entry in entries if not entry.is_refused}


def _with_deed(tenure: "Tenure", deed: "Entry | None") -> dict[str, Any]:
    fields = {name: getattr(tenure, name) for name in tenure.__dataclass_fields__}
    return {**fields, "principal": deed.principal if deed else None, "reason": deed.reason if deed else None}


def _table(tenures: "list[Tenure]", deeds: "Mapping[dt.datetime, Entry]") -> Table:
    table = plain_table("from", "lasted", "revision", "cause", "answers", "by", "why", right=("revision",))
    for tenure in tenures:
        deed = deeds.get(tenure.start_time)
        route = tenure.content.get("route")
        split = sorted((route or {"split": {}})["split"].items(), key=lambda item: (-item[1], item[0]))
        table.add_row(
            moment(tenure.start_time),
            span((tenure.end_time - tenure.start_time).total_seconds())
            if tenure.end_time
            else cell("now", "bold green"),
            str(tenure.revision),
            cell(tenure.cause, CAUSE_STYLES.get(tenure.cause, "")),
            cell(", ".join(f"{arm} {weight:,}" for arm, weight in split) or "nobody"),
            cell(deed.principal if deed else "-"),
            cell(deed.reason if deed else "-"),
        )
    return table
