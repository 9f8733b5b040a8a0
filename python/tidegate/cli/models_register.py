"""`tidegate models register`: a model file becomes a version, with everything that is said about it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.files import read_json
from tidegate.cli.models_datasets import datasets_of
from tidegate.cli.output import BadInput, Output, OutputOption, print_json, short_digest
from tidegate.cli.registries import Reason, asks

if TYPE_CHECKING:
    from tidegate.client.registry import AliasSet, Registered, Registry

File = Path | None


@asks
def register_version(
    registry: "Registry",
    model: Annotated[str, typer.Argument(help="The model's name; it is made if it is new.")],
    path: Annotated[Path, typer.Argument(help="An ONNX file, or a folder with model.onnx and what it needs.")],
    *,
    external: Annotated[File, typer.Option(help="A folder with the external data of an ONNX file.")] = None,
    profile: Annotated[File, typer.Option(help="What `tidegate profiles build` has written.")] = None,
    run: Annotated[File, typer.Option(help="The training run, JSON.")] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="A dataset: train=FILE, FILE (Parquet, CSV), or its description in JSON. May be repeated."),
    ] = None,
    locator: Annotated[
        list[str] | None, typer.Option(help="Where a dataset can be read again: train=s3://bucket/key@v12.")
    ] = None,
    store_copies: Annotated[bool, typer.Option("--store-copies", help="Keep copies of the datasets' files.")] = False,
    metrics: Annotated[File, typer.Option(help="What an evaluation has measured, JSON.")] = None,
    card: Annotated[File, typer.Option(help="A text for people, Markdown.")] = None,
    owner: Annotated[str, typer.Option(help="Who answers for the model, if it is new.")] = "",
    contact: Annotated[str, typer.Option(help="How they are reached, if it is new.")] = "",
    runbook: Annotated[str, typer.Option(help="Where it says what to do, if it is new.")] = "",
    alias: Annotated[list[str] | None, typer.Option(help="An alias to set, such as champion. May be repeated.")] = None,
    reason: Reason = "",
    output: OutputOption = Output.table,
) -> None:
    """Register a model file as a version, or find the version that it is, and attach what is said about it."""
    _check_files({"--profile": profile, "--run": run, "--metrics": metrics, "--card": card, "PATH": path})
    described = datasets_of(dataset or (), locator or (), store_copies=store_copies)
    made = registry.register(
        model,
        path,
        external=external,
        profile=profile,
        run=run,
        # What is measured may stand there alone; the façade puts it in its place.
        metrics=None if metrics is None else read_json(str(metrics)),
        card=card,
        datasets=[each.document for each in described],
        copies=[each.copy for each in described if each.copy is not None],
        owner=owner,
        contact=contact,
        runbook=runbook,
        reason=reason,
    )
    aliases = [registry.set_alias(f"{model}@{name}", made.version.name, reason=reason) for name in alias or ()]
    if output is Output.json:
        print_json({"registered": made, "aliases": aliases})
    else:
        _print(made, aliases)


def _check_files(files: dict[str, File]) -> None:
    missing = [f"{option}: there is no {path}" for option, path in files.items() if path and not path.exists()]
    if missing:
        raise BadInput("\n".join(missing))


def _print(made: "Registered", aliases: "list[AliasSet]") -> None:
    version = made.version
    digest = short_digest(version.digest)
    if made.is_new:
        typer.echo(f"{version.name} is registered ({digest}).")
    else:
        typer.echo(f"{version.name} has these bytes already ({digest}): nothing new is registered.")
    new = [each.kind for each in version.evidence if each.digest in made.attached]
    if new:
        typer.echo(f"  attached: {', '.join(new)}")
    for each in aliases:
        before = f" (was {each.previous})" if each.previous and each.previous != each.version else ""
        typer.echo(f"  {each.name} points to it{before}")
        for route in each.routes:
            typer.echo(f"    {route} serves the one before: plan and apply it to move it")
