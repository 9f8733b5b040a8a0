"""`tidegate gc`: gives up bytes that no version needs."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.output import FAILED, Output, OutputOption, cell, console, plain_table, print_json, size
from tidegate.cli.registries import Reason, asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry

MOST_ROWS = 40


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("gc")(collect)


@asks
def collect(
    registry: "Registry",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and give up nothing.")] = False,
    reason: Reason = "",
    output: OutputOption = Output.table,
) -> None:
    """Give up bytes that no version needs and that came a day ago or more; exits with 1 if needed bytes are missing."""
    found = registry.garbage(dry_run=dry_run, reason=reason)
    if output is Output.json:
        print_json(found)
    else:
        if found.blobs:
            table = plain_table("digest", "size", right=("size",))
            for digest, size_bytes in found.blobs[:MOST_ROWS]:
                table.add_row(cell(digest, "dim"), size(size_bytes))
            console().print(table)
        if found.count > MOST_ROWS:
            typer.echo(f"… {found.count - MOST_ROWS:,} more: --output json has them")
        verb = "would go" if dry_run else "gone"
        if found.count:
            typer.echo(f"{found.count:,} blobs, {size(found.size_bytes)} {verb}.")
        if found.cut_off_count:
            typer.echo(f"{found.cut_off_count:,} uploads that were cut off, {size(found.cut_off_bytes)} {verb}.")
        if not found.count and not found.cut_off_count:
            typer.echo("Nothing is garbage.")
    if found.missing:
        typer.echo(f"{len(found.missing)} blobs are needed and not there: restore a backup.", err=True)
        for digest in found.missing[:MOST_ROWS]:
            typer.echo(f"  {digest}", err=True)
        raise typer.Exit(FAILED)
