"""`tidegate routes plan`: what a document would change about a route, before anything changes."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.documents import Written, read_document
from tidegate.cli.output import Output, OutputOption, cell, console, moment, plain_table, print_json, short_digest, size
from tidegate.cli.registries import asks_for_a_plan
from tidegate.errors import InputRefused, Missing

if TYPE_CHECKING:
    from tidegate.client.registry import Plan, Registry, Route

CHANGES = 2
"""Exit code of a plan that changes something."""

DocumentFile = Annotated[
    str, typer.Option("--file", "-f", help="The route's document, YAML or JSON; - for standard input.")
]


@asks_for_a_plan
def plan(registry: "Registry", *, file: DocumentFile, output: OutputOption = Output.table) -> None:
    """Show what a document would change about its route; the plan is kept for an hour.

    Exits with 0 when nothing changes, with 2 when something does, and with 1 when there is no plan.
    """
    made = planned(registry, read_document(file))
    if output is Output.json:
        print_json(made)
    else:
        show_plan(registry, made)
        if made.changes:
            plan_id = made.name.rpartition("/")[2]
            typer.echo(
                f"\nApply it before {moment(made.expire_time)}: tidegate routes apply --plan {plan_id} --reason …"
            )
    if made.changes:
        raise typer.Exit(CHANGES)


def planned(registry: "Registry", written: Written) -> "Plan":
    """The plan for a document.

    Raises:
        DocumentRefused: The document breaks rules; with the lines of its file.
        RegistryError: As it says.
    """
    try:
        return registry.plan(written.fields)
    except InputRefused as refusal:
        raise written.refused(refusal) from refusal


def show_plan(registry: "Registry", made: "Plan") -> None:
    """The plan as a person reads it."""
    current = _current(registry, made.route)
    screen = console()
    for part in _parts(registry, made, current):
        screen.print(part)


def _current(registry: "Registry", name: str) -> "Route | None":
    try:
        return registry.route(name)
    except Missing:
        return None


def _parts(registry: "Registry", made: "Plan", current: "Route | None") -> Iterator[RenderableType]:
    yield from _changes(made, current)
    yield ""
    yield _versions(registry, made)
    if made.loads:
        files = size(sum(size_bytes for _, size_bytes in made.loads))
        loads = (
            f"{len(made.loads)} version{'s' if len(made.loads) > 1 else ''}, {files} of files, before anything changes"
        )
        yield Text.assemble(("gateways load  ", "dim"), loads)
    if made.breaking:
        yield ""
        yield Text("! breaks callers of what answers now: apply it with --allow-breaking if they know", "bold red")
        yield _notes(dict(made.breaking), "red")
    if current is not None and current.hold:
        yield ""
        yield Text(f"! held: {current.hold}; a person applies it with --release-hold", style="yellow")
    if made.changes:
        yield ""
        yield _way_back(registry, made)


def _changes(made: "Plan", current: "Route | None") -> Iterator[RenderableType]:
    from tidegate.cli.routes_diff import route_parts  # noqa: PLC0415  # the native core, which lists do without

    before = None if current is None else current.content
    if not made.changes:
        yield Text.assemble(("= ", "dim"), (made.route, "bold"), "  nothing changes")
        return
    was = before and before["route"]
    yield from route_parts(made.route, was or None, made.content["route"])
    others = {
        name: (before.get(name), made.content[name])
        for name in ("keep_warm_s", "about")
        if before is not None and before.get(name) != made.content[name]
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, (old, new) in others.items():
        grid.add_row("", cell(name), Text.assemble((_said(old), "red"), (" → ", "dim"), (_said(new), "green")))
    for version, said in _new_settings(before, made.content).items():
        grid.add_row("", cell(f"versions.{version}"), Text(said, style="green"))
    if grid.row_count:
        yield grid


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"{key} {inner}" for key, inner in value.items() if inner) or "-"
    return str(value)


def _new_settings(before: Mapping[str, Any] | None, content: Mapping[str, Any]) -> dict[str, str]:
    """Versions that stay and are run or judged otherwise."""
    old = {} if before is None else before["versions"]
    return {
        version: ", ".join(f"another {name}" for name in ("settings", "profile") if said[name] != old[version][name])
        for version, said in content["versions"].items()
        if version in old and said != old[version]
    }


def _versions(registry: "Registry", made: "Plan") -> Table:
    """Every version that the route needs, by digest; whether a gateway has to load it, and how large it is."""
    loads = dict(made.loads)
    written = _written_as(registry, made.document)
    table = plain_table("version", "written as", "digest", "size", "gateways", "profile", right=("size",))
    for version in sorted(made.content["versions"]):
        said = made.content["versions"][version]
        table.add_row(
            cell(version, "bold"),
            cell(", ".join(written.get(version, ())) or "-"),
            cell(short_digest(said["digest"]), "dim"),
            size(said["size_bytes"]),
            Text("load it first", style="yellow") if version in loads else Text("have it", style="dim"),
            cell(short_digest(said["profile"]) if said["profile"] else "-", "dim"),
        )
    return table


def _written_as(registry: "Registry", document: Any) -> dict[str, list[str]]:
    """The aliases and digests in a document, by the version that they mean now."""
    found: dict[str, list[str]] = {}
    for reference in sorted(_references(document)):
        found.setdefault(registry.show(reference).name, []).append(reference)
    return found


def _references(value: Any) -> set[str]:
    match value:
        case Mapping():
            return {found for key, inner in value.items() for found in (*_references(key), *_references(inner))}
        case list() | tuple():
            return {found for inner in value for found in _references(inner)}
        case str() if "@" in value and " " not in value and "/" not in value.partition("@")[0]:
            return {value}
    return set()


def _way_back(registry: "Registry", made: "Plan") -> Text:
    if made.replaced_revision is None:
        return Text("rollback  there is nothing before it: this is the first revision", style="dim")
    [now] = registry.history(made.route, limit=1)
    asked = f"{made.min_bake_s:g} s" if made.min_bake_s < 60 else f"{made.min_bake_s / 60:g} min"  # noqa: PLR2004
    return Text.assemble(
        ("rollback  ", "dim"),
        f"tidegate rollback {made.route} leads to revision {made.replaced_revision}, live since {moment(now.start_time)}",
        (f"\n          {asked} are asked for; --to names any", "dim"),
    )


def _notes(notes: Mapping[str, str], style: str) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, reason in notes.items():
        grid.add_row("", cell(name, style), cell(reason))
    return grid
