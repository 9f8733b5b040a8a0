"""`tidegate routes explain`: the decision about one request, with every step on the way."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.gateways import DEFAULT, Http, SnapshotFile, snapshot_of
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
)
from tidegate.cli.pairs import pairs, parameters
from tidegate.core.routing import BUCKETS, Asked, Explanation, RequestHead, Sampled
from tidegate.core.routing import explain as explain_head
from tidegate.errors import GatewayError, RouteUnknown, SnapshotUnreadable

BY_ID = "prediction_id"
OUTCOME_STYLES = {"match": "green", "allow": "green", "deny": "red", "no match": "dim"}


def explain(
    route: Annotated[str, typer.Argument(help="A route of the gateway.")],
    *,
    key: Annotated[str | None, typer.Option(help="The sticky value, wherever the route looks for it.")] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the metadata; repeatable.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of the parameters (JSON, or else text); repeatable.")
    ] = None,
    version: Annotated[str, typer.Option(help="The version that the caller names.")] = "",
    peer: Annotated[str, typer.Option(help="The caller's IP address.")] = "",
    prediction_id: Annotated[str, typer.Option(help="Of the answer; decides where no sticky value does.")] = "",
    http: Http = DEFAULT,
    snapshot: SnapshotFile = None,
    output: Annotated[Output, typer.Option(help="How the explanation is written.")] = Output.table,
) -> None:
    """Show which version answers a request and why: bucket, pins, every segment, every shadow."""
    try:
        head = RequestHead(
            metadata={name.lower(): value for name, value in pairs(metadata, "--metadata").items()},
            params=parameters(param),
            model_version=version,
            peer=peer,
            prediction_id=prediction_id,
            key=key,
        )
        found = explain_head(snapshot_of(http, snapshot).only(route), route, head)
    except (BadInput, RouteUnknown, SnapshotUnreadable, ValueError) as error:
        fail([str(error)], BAD_INPUT)
    except GatewayError as error:
        fail([str(error)], FAILED)
    if output is Output.json:
        typer.echo(json.dumps(_as_json(found, has_id=bool(prediction_id)), indent=2, ensure_ascii=False))
        return
    screen = console()
    for part in _parts(found, has_id=bool(prediction_id)):
        screen.print(part)


def _parts(found: Explanation, *, has_id: bool) -> Iterator[RenderableType]:
    yield _heading(found)
    yield ""
    if found.bucket is not None:
        yield _facts(found)
        yield ""
    yield _steps(found, has_id=has_id)
    if not _is_certain(found, has_id=has_id):
        yield Text("! dealt by the id that the gateway gives it: name one with --prediction-id", style="yellow")


def _heading(found: Explanation) -> Text:
    if found.version is None:
        return Text.assemble(("refused", "bold red"), f"  {printable(found.refusal or '')}")
    return Text.assemble((printable(found.version), "bold green"), f"  {printable(found.reason or '')}")


def _facts(found: Explanation) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(cell("bucket", "dim"), f"{found.bucket:,} of {BUCKETS:,}")
    grid.add_row(cell("probability", "dim"), percent(found.probability or 0))
    grid.add_row(cell("keyed by", "dim"), cell("prediction id" if found.keyed_by == BY_ID else found.keyed_by))
    return grid


def _steps(found: Explanation, *, has_id: bool) -> Table:
    table = plain_table("step", "outcome", "when")
    table.add_row("pins", _outcome(found.pins.outcome), cell(found.pins.when or ""))
    for segment in found.segments:
        is_chosen = found.reason == f"segment:{segment.name}"
        table.add_row(cell(f"segment {segment.name}", "bold" if is_chosen else ""), *_asked(segment))
    for shadow in found.shadows:
        name = cell(f"shadow {shadow.to}, {percent(shadow.share_bp / 10_000)}")
        when = cell(shadow.when.when or "") if shadow.when else ""
        table.add_row(name, _copied(shadow, found, has_id=has_id), when)
    return table


def _asked(asked: Asked) -> tuple[Text, Text]:
    return _outcome(asked.outcome), cell(asked.when or "")


def _outcome(outcome: str) -> Text:
    return cell(outcome, OUTCOME_STYLES.get(outcome, "yellow"))


def _copied(shadow: Sampled, found: Explanation, *, has_id: bool) -> Text:
    if shadow.when is not None and shadow.when.outcome != "match":
        return _outcome(shadow.when.outcome)
    if shadow.to == found.version:
        return cell("answers itself", "dim")
    if not has_id:
        return cell("by prediction id", "dim")
    return cell("copied", "green") if shadow.is_copied else cell("not sampled", "dim")


def _is_certain(found: Explanation, *, has_id: bool) -> bool:
    """Whether every such request is decided so, and not only one with this prediction id."""
    return has_id or found.keyed_by != BY_ID or found.probability in (None, 1)


def _as_json(found: Explanation, *, has_id: bool) -> dict[str, Any]:
    written = asdict(found)
    if not has_id:
        # Shadows are sampled by the prediction id.
        written["shadows"] = [{**shadow, "is_copied": None} for shadow in written["shadows"]]
    return {**written, "is_certain": _is_certain(found, has_id=has_id)}
