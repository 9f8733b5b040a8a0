"""`tidegate shadow`: how the answers of a shadow differ from those that callers get."""

import json
import urllib.parse
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer

from tidegate.cli.files import write_bytes
from tidegate.cli.gateways import DEFAULT, Http, url_of
from tidegate.cli.output import BAD_INPUT, FAILED, BadInput, Output, console, fail, printable
from tidegate.cli.shadow_report import Report
from tidegate.cli.shadow_table import show
from tidegate.errors import GatewayError, NotServed, UnexpectedAnswer
from tidegate.gateway.http import read_json


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    shadow = typer.Typer(help="Compare the answers of shadows.", no_args_is_help=True)
    shadow.command("report")(report)
    # Without a callback typer would make the only command the whole group.
    shadow.callback()(_group)
    app.add_typer(shadow, name="shadow")


def report(
    route: Annotated[str, typer.Argument(help="A route that has a shadow.")],
    *,
    http: Http = DEFAULT,
    output: Annotated[Output, typer.Option(help="How the report is written.")] = Output.table,
    png: Annotated[Path | None, typer.Option(help="Draw the report into this file, too.")] = None,
) -> None:
    """Show how far the answers of a route's shadows lie from the primary's, how often decisions flip, and what it costs."""
    try:
        draw = _plotter() if png else None
        base = url_of(http)
        document = read_json(base, f"/shadow/{urllib.parse.quote(route, safe='')}")
        found = _parse(document, base)
        if draw and png:
            write_bytes(png, draw(found))
    except (BadInput, NotServed) as error:
        fail([printable(str(error))], BAD_INPUT)
    except GatewayError as error:
        fail([printable(str(error))], FAILED)
    if output is Output.json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        show(found, console())


def _plotter() -> Any:
    """The function that draws; asked for before the gateway is, so that nobody waits for half a result."""
    try:
        from tidegate.cli.shadow_plot import draw  # noqa: PLC0415  # matplotlib takes a second, and few have it
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise BadInput("Drawing needs matplotlib: pip install 'tidegate[plot]'.") from None
    return draw


def _parse(document: Any, base: str) -> Report:
    try:
        found = Report.model_validate(document)
    except pydantic.ValidationError:
        raise UnexpectedAnswer(base, "it sends no shadow report") from None
    if not found.shadows:
        raise BadInput(f"The route {found.route} has no shadow.")
    return found


def _group() -> None:
    """Compare the answers of shadows."""
