"""How commands speak: tables for people or JSON for programs on stdout, sentences on stderr, and the exit code."""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

if TYPE_CHECKING:
    # Drawing takes longer to import than a command that is refused takes to run: what draws imports it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

FAILED = 1
"""Exit code: it could not be done, or was done in part."""
BAD_INPUT = 2
"""Exit code: what was typed, or what stands in a file, cannot be used."""
LEAST_WIDTH = 100
"""What tables need: in a narrower terminal, or a pipe, it is better to break lines than numbers."""


class Output(StrEnum):
    """How a result is written."""

    table = "table"
    json = "json"


OutputOption = Annotated[Output, typer.Option(help="How the result is written.")]


class BadInput(Exception):  # noqa: N818  # becomes a sentence and an exit code at once
    """What was typed, or what is in the file, cannot be used."""


def fail(sentences: Iterable[str], code: int) -> NoReturn:
    """Ends the command with sentences and an exit code."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def cell(text: str, style: str = "") -> "Text":
    """A text from elsewhere as one of a table: neither markup nor control characters of it reach the terminal."""
    from rich.text import Text  # noqa: PLC0415  # see above

    return Text(printable(text), style=style, overflow="fold")


def console(*, stderr: bool = False) -> "Console":
    """The terminal, or a page of a usual width where there is none."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(highlight=False, stderr=stderr)
    console.width = max(console.width, LEAST_WIDTH)
    return console


TIMES = frozenset({"from", "to", "since", "time", "registered", "revoked"})
"""Headings of times, which are never broken into lines."""


def plain_table(*headings: str, right: Iterable[str] = ()) -> "Table":
    """A table without edges: one line is drawn, below the headings; the columns in `right` are numbers."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading in TIMES)
    return table


def percent(share: float) -> str:
    """A share of one as a percentage with two decimals, never rounded to none or all of it."""
    if 0 < share < 0.0001:  # noqa: PLR2004  # what two decimals cannot say
        return "< 0.01 %"
    if 0.9999 < share < 1:  # noqa: PLR2004
        return "> 99.99 %"
    return f"{share:.2%}".replace("%", " %")


def span(seconds: float) -> str:
    """The two largest units of a span of time."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def print_json(value: Any) -> None:
    """A value of our own as JSON on stdout: times in ISO 8601, everything else as it is."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    match value:
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case tuple() if hasattr(value, "_asdict"):
            return {key: _plain(item) for key, item in value._asdict().items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def moment(time: dt.datetime | None) -> str:
    """A time to the second in UTC, as options take it; a dash where there is none."""
    return "-" if time is None else f"{time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}Z"


def size(size_bytes: int) -> str:
    """A number of bytes in the largest unit of which there is one at least."""
    if size_bytes < 1 << 10:
        return f"{size_bytes} B"
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size_bytes >= 1 << shift:
            return f"{size_bytes / (1 << shift):,.1f} {unit}"
    raise AssertionError(size_bytes)


def short_digest(digest: str) -> str:
    """The first digits of a digest: enough to tell those of one model apart."""
    return digest.removeprefix("sha256:")[:12]
