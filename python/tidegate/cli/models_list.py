"""`tidegate models list`: what there is."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.models_states import STATE_STYLES
from tidegate.cli.output import Output, OutputOption, cell, console, moment, plain_table, print_json, short_digest
from tidegate.cli.registries import asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry


@asks
def list_models(
    registry: "Registry",
    model: Annotated[str | None, typer.Argument(help="A model whose versions are listed.")] = None,
    *,
    output: OutputOption = Output.table,
) -> None:
    """List the models, or the versions of one."""
    if model is not None:
        versions = registry.list_versions(model)
        table = plain_table("version", "state", "registered", "digest", "why")
        for version in versions:
            table.add_row(
                cell(version.name, "bold"),
                cell(version.state, STATE_STYLES.get(version.state, "")),
                moment(version.create_time),
                cell(short_digest(version.digest), "dim"),
                cell(version.state_reason),
            )
        return print_json(versions) if output is Output.json else console().print(table)
    models = registry.list_models()
    table = plain_table("model", "newest", "owner", "contact", "since")
    for each in models:
        newest = f"{each.name}/{each.latest_version}" if each.latest_version else "-"
        cells = (cell(each.name, "bold"), cell(newest), cell(each.owner or "-"), cell(each.contact or "-"))
        table.add_row(*cells, moment(each.create_time))
    if output is Output.json:
        return print_json(models)
    if not models:
        typer.echo("There are no models: register one with `tidegate models register MODEL PATH`.")
        return None
    return console().print(table)
