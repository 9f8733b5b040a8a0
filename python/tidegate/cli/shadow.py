"""`tidegate shadow`: how the answers of a shadow differ from those that callers get."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import pydantic
import typer
from rich.console import Console

from tidegate.cli.shadow_report import Report
from tidegate.cli.shadow_table import printable, show

BAD_INPUT, NOT_REACHABLE = 2, 1
TIMEOUT_S = 10
# Far more than the eight shadows of a route can say: a stranger on the port must not fill our memory.
MOST_BYTES = 64 << 20
# A server's sentence is passed on to people, a page of HTML is not.
MOST_SENTENCE = 500


class Output(StrEnum):
    """How the report is written."""

    table = "table"
    json = "json"


class Failed(Exception):  # noqa: N818  # becomes a sentence and an exit code at once
    """There is no report to show."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


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
    http: Annotated[
        str, typer.Option(help="Where the gateway listens for HTTP: HOST:PORT, or a URL.")
    ] = "127.0.0.1:8002",
    output: Annotated[Output, typer.Option(help="How the report is written.")] = Output.table,
    png: Annotated[Path | None, typer.Option(help="Draw the report into this file, too.")] = None,
) -> None:
    """Show how far the answers of a route's shadows lie from the primary's, how often decisions flip, and what it costs."""
    try:
        draw = _plotter() if png else None
        document = _fetch(_url(http, route))
        found = _parse(document, http)
        if draw and png:
            _write(png, draw(found))
    except Failed as failed:
        _fail(str(failed), failed.code)
    if output is Output.json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        show(found, Console(highlight=False))


def _plotter() -> Any:
    """The function that draws; asked for before the gateway is, so that nobody waits for half a result."""
    try:
        from tidegate.cli.shadow_plot import draw  # noqa: PLC0415  # matplotlib takes a second, and few have it
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise Failed("Drawing needs matplotlib: pip install 'tidegate[plot]'.", BAD_INPUT) from None
    return draw


def _url(http: str, route: str) -> str:
    base = http if "://" in http else f"http://{http}"
    try:
        parts = urllib.parse.urlsplit(base)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not base.isprintable() or " " in base:
        raise Failed(f"--http takes HOST:PORT or a URL, not {http!r}.", BAD_INPUT)
    return f"{base.rstrip('/')}/shadow/{urllib.parse.quote(route, safe='')}"


def _fetch(url: str) -> Any:
    """The JSON under the address.

    Raises:
        Failed: Nobody answers there, or the answer is another than a report.
    """
    where = urllib.parse.urlsplit(url).netloc
    # The gateway is on this machine or in this network: a proxy of the environment would look for another.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as response:
            body = response.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(where, error) from None
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"No gateway can be reached at {where}: {_reason(error)}.", NOT_REACHABLE) from None
    try:
        return json.loads(body)
    except ValueError:
        raise _stranger(where) from None


def _refused(where: str, error: urllib.error.HTTPError) -> Failed:
    try:
        sentence = error.read(MOST_SENTENCE).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        sentence = ""
    if error.code == http.HTTPStatus.NOT_FOUND and sentence:
        return Failed(printable(sentence), BAD_INPUT)
    return Failed(f"The gateway at {where} answers with HTTP status {error.code}.", NOT_REACHABLE)


def _reason(error: OSError | http.client.HTTPException) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"it does not answer within {TIMEOUT_S} s"
    return printable((isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__)


def _parse(document: Any, where: str) -> Report:
    try:
        found = Report.model_validate(document)
    except pydantic.ValidationError:
        raise _stranger(where) from None
    if not found.shadows:
        raise Failed(f"The route {printable(found.route)} has no shadow.", BAD_INPUT)
    return found


def _stranger(where: str) -> Failed:
    return Failed(
        f"What answers at {where} sends no shadow report; is this the HTTP port of a gateway of this release?",
        NOT_REACHABLE,
    )


def _write(png: Path, picture: bytes) -> None:
    try:
        png.write_bytes(picture)
    except OSError as error:
        raise Failed(f"{png} cannot be written: {error.strerror}.", BAD_INPUT) from error


def _fail(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def _group() -> None:
    """Compare the answers of shadows."""
