"""`tidegate journal`: who changed what, when and why, and whether anybody has tampered with it."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from tidegate.cli.output import (
    FAILED,
    Output,
    OutputOption,
    cell,
    console,
    fail,
    moment,
    plain_table,
    print_json,
    short_digest,
)
from tidegate.cli.registries import asks
from tidegate.cli.routes_history import moment_of

if TYPE_CHECKING:
    from tidegate.client.registry import Registry

MOST_STEPS = 3
MOST_VALUE_CHARACTERS = 40


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    journal = typer.Typer(help="Who changed what, when and why.", no_args_is_help=True)
    journal.command("show")(show)
    journal.command("verify")(verify)
    app.add_typer(journal, name="journal")


@asks
def show(
    registry: "Registry",
    *,
    resource: Annotated[
        str, typer.Option(help="Of one thing: a route, model/3, model@alias, or a full name such as tokens have.")
    ] = "",
    until: Annotated[str | None, typer.Option(help="Up to a moment: 2026-11-01T12:00Z.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 20,
    output: OutputOption = Output.table,
) -> None:
    """Show changes and refusals, the newest first."""
    entries = registry.journal(
        resource=_full_name(resource), until=None if until is None else moment_of(until), limit=limit
    )
    if output is Output.json:
        print_json(entries)
        return
    table = plain_table("entry", "time", "by", "did", "resource", "what", "why", right=("entry",))
    for entry in entries:
        table.add_row(
            str(entry.number),
            moment(entry.time),
            cell(f"{entry.principal}", "" if entry.kind == "person" else "cyan"),
            cell(entry.action, "red" if entry.is_refused else ""),
            cell(_short(entry.resource), "bold"),
            cell("refused", "red") if entry.is_refused else cell(_patch(entry.patch)),
            cell(entry.reason or "-"),
        )
    console().print(table)


@asks
def verify(registry: "Registry", *, output: OutputOption = Output.table) -> None:
    """Read the whole journal and check its chain; exits with 1 where it breaks, and names the entry."""
    found = registry.verify()
    is_broken = found.broken_entry is not None
    if output is Output.json:
        print_json(found)
        if is_broken:
            raise typer.Exit(FAILED)
        return
    if is_broken:
        fail(
            [
                f"Entry {found.broken_entry} is broken: {found.broken_reason}.",
                f"The {found.entries:,} entries before it hold. Restore a backup that is older than the damage.",
            ],
            FAILED,
        )
    console().print(Text.assemble(("the chain holds", "bold green"), f"  {found.entries:,} entries"))
    console().print(Text(f"last hash  {found.last_hash}", style="dim"))


def _full_name(text: str) -> str:
    """The name as the journal has it; a word alone is a route, for a model has its own with a slash or an @."""
    from tidegate.client.registry.names import alias_name, model_name, route_name  # noqa: PLC0415  # as all of the client

    if not text or text.startswith(("projects/", "principals/")) or text == "blobs":
        return text
    if "@" in text:
        return alias_name(text)
    model, slash, number = text.partition("/")
    if slash:
        return f"{model_name(model)}/versions/{number}" if number else model_name(model)
    return route_name(text)


def _short(name: str) -> str:
    from tidegate.client.registry.names import short_name  # noqa: PLC0415

    return short_name(name)


def _patch(patch: Sequence[Mapping[str, Any]]) -> str:
    """What changed, in one line; --output json has all of it."""
    # A table of ranges follows from weights, and has thousands of numbers.
    told = [step for step in patch if not step["path"].endswith("/ranges")]
    steps = [_step(step) for step in told[:MOST_STEPS]]
    more = [f"… {len(told) - MOST_STEPS:,} more"] if len(told) > MOST_STEPS else []
    return ", ".join([*steps, *more]) or "-"


def _step(step: Mapping[str, Any]) -> str:
    # A JSON pointer, whose slashes within keys are written ~1.
    place = step["path"].removeprefix("/").removeprefix("content/").replace("~1", "/").replace("~0", "~")
    said = "removed" if step["op"] == "remove" else _value(step.get("value"))
    return f"{place} {said}" if place else said


def _value(value: Any) -> str:
    """A value in a few words: of a mapping what is plain in it."""
    if isinstance(value, dict):
        plain = {
            key: inner for key, inner in value.items() if inner not in (None, "") and not isinstance(inner, dict | list)
        }
        text = " · ".join(f"{key} {_value(inner)}" for key, inner in plain.items()) or "…"
    elif isinstance(value, str):
        text = short_digest(value) if value.startswith("sha256:") else value
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_VALUE_CHARACTERS else f"{text[: MOST_VALUE_CHARACTERS - 1]}…"
