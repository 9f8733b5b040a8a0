"""`tidegate import`: a registry adopts the folder of models and the routes of a gateway, and no caller moves."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tidegate.cli.files import read_json
from tidegate.cli.output import BadInput, Output, OutputOption, cell, console, plain_table, print_json
from tidegate.cli.registries import asks

if TYPE_CHECKING:
    from tidegate.cli.imports_routes import RouteImport
    from tidegate.cli.imports_versions import VersionImport
    from tidegate.client.registry import Registry
    from tidegate.config import Document
    from tidegate.core.snapshots import Snapshot

_ELSEWHERE = ("repository", "state_dir", "routes", "versions", "monitors")
"""What becomes of the registry; the rest is a gateway's own."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("import")(import_document)


@asks
def import_document(
    registry: "Registry",
    document: Annotated[Path, typer.Argument(help="The gateway document, such as gateway.yaml.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Deal callers anew where the gateway's state has another split, or is lost.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for the journal; by default the document's name.")] = "",
    output: OutputOption = Output.table,
) -> None:
    """Register every version that a gateway document names, and apply its routes with the tables that are in force.

    May be repeated: versions that are there are found again, and routes that have changed since are left alone.
    """
    from tidegate.cli.imports_routes import import_monitors, import_routes  # noqa: PLC0415  # the native core
    from tidegate.cli.imports_versions import import_versions  # noqa: PLC0415
    from tidegate.config import load  # noqa: PLC0415

    loaded = load(document)
    applied = _applied(loaded, anew=anew)
    why = reason or f"imported from {document.name}"
    versions = import_versions(registry, loaded, reason=why, dry_run=dry_run)
    routes = import_routes(registry, loaded, applied, versions, reason=why, dry_run=dry_run)
    monitors = import_monitors(registry, loaded, routes, reason=why, dry_run=dry_run)
    rest = sorted(_written(loaded).keys() - set(_ELSEWHERE))
    if output is Output.json:
        found = {"versions": versions, "routes": routes, "monitors": monitors, "not_imported": rest, "dry_run": dry_run}
        print_json(found)
        return
    screen = console()
    for part in _parts(versions, routes, monitors, rest, dry_run=dry_run):
        screen.print(part)


def _written(document: "Document") -> Mapping[str, Any]:
    from tidegate.config.source import read_source  # noqa: PLC0415

    value = read_source(document.text, is_json=document.path.suffix == ".json").value
    return value if isinstance(value, dict) else {}


def _applied(document: "Document", *, anew: bool) -> "Snapshot | None":
    """What the gateway serves, whose tables are taken over; None where there is none, or none is wished.

    Raises:
        BadInput: It is lost, or of another document.
    """
    from tidegate.core.adoption import strayed  # noqa: PLC0415
    from tidegate.core.snapshots import read_snapshot  # noqa: PLC0415
    from tidegate.errors import SnapshotUnreadable  # noqa: PLC0415

    path = document.state_dir / "applied.json"
    if anew:
        return None
    if not path.exists():
        raise BadInput(
            f"There is no {path}, which has the tables that say who answers whom: no gateway has served {document.path} "
            "from here. Say --anew if callers may be dealt anew."
        )
    try:
        applied = read_snapshot(read_json(str(path)))
        others = strayed(document.fields, applied)
    except SnapshotUnreadable as unreadable:
        raise BadInput(
            f"{path} is not what a gateway writes ({unreadable.reason}): restore it, or say --anew."
        ) from None
    if others:
        raise BadInput(
            f"{document.path} says otherwise than its gateway serves about {', '.join(others)}: run "
            f"`tidegate apply {document.path}` first, or say --anew if callers may be dealt anew."
        )
    return applied


def _parts(
    versions: "Sequence[VersionImport]",
    routes: "Sequence[RouteImport]",
    monitors: Mapping[str, str],
    rest: Sequence[str],
    *,
    dry_run: bool,
) -> Iterator[RenderableType]:
    if dry_run:
        yield Text("Nothing is done; this is what would be:", style="yellow")
    table = plain_table("folder", "version", "what", "evidence")
    for each in versions:
        is_other = each.folder != each.version
        name = cell(each.version, "bold yellow" if is_other else "bold")
        table.add_row(cell(each.folder), name, cell(each.what), cell("profile" if each.has_profile else "-"))
    yield table
    for each in versions:
        if each.left_out:
            yield Text(f"! {each.folder}: left out, for no answer depends on it: {', '.join(each.left_out)}", "yellow")
    if any(each.folder != each.version for each in versions):
        yield Text("! numbers are others in the registry; routes are written with those", style="yellow")
    yield ""
    table = plain_table("route", "what", "callers")
    for route in routes:
        table.add_row(cell(route.route, "bold"), cell(route.what), cell(route.callers))
    yield table
    for watched, what in monitors.items():
        yield Text.assemble(("monitor  ", "dim"), (watched, "bold"), f"  {what}")
    if rest:
        yield ""
        yield Text(f"Stays with the gateway: {', '.join(rest)} (tidegate up --config takes a document of those)", "dim")
