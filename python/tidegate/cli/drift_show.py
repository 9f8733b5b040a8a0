"""`tidegate drift show`: what a gateway makes of the features of a route."""

import json
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import RenderableType
from rich.text import Text

from tidegate.cli.drift_gate import gate
from tidegate.cli.drift_table import limits, listing
from tidegate.cli.drift_unjudged import unjudged
from tidegate.cli.drift_versions import comparison_parts, read_comparisons
from tidegate.cli.drift_watch import WatchedVersion, Window, read_watch, settings_of
from tidegate.cli.gateways import DEFAULT, Http, url_of
from tidegate.cli.output import BAD_INPUT, FAILED, BadInput, Output, console, fail, printable
from tidegate.errors import GatewayError, NotServed, UnexpectedAnswer
from tidegate.gateway.http import read_json

_SPARKS = "▁▂▃▄▅▆▇█"
_GAP = "·"

T = TypeVar("T")

RouteArgument = Annotated[str, typer.Argument(help="A route, or a model without one, that has a monitor.")]
WindowOption = Annotated[str | None, typer.Option(help="1m, 1h, 1d or 1mo; the longest that was judged if left out.")]
VersionOption = Annotated[str | None, typer.Option(help="Only this version, as model/number.")]


def show(
    route: RouteArgument,
    *,
    window: WindowOption = None,
    version: VersionOption = None,
    versions: Annotated[bool, typer.Option("--versions", help="Each version beside the stable one.")] = False,
    http: Http = DEFAULT,
    output: Annotated[Output, typer.Option(help="How the result is written.")] = Output.table,
) -> None:
    """List the features of a route by how far they have drifted; the worst first, with how they went."""
    if versions:
        _show_versions(route, http, version, window, output)
        return
    document, found = watched(route, http, version)
    if output is Output.json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    screen = console()
    for one in found:
        for part in (*_parts(route, one, window), *gate(one.gate)):
            screen.print(part)


def _show_versions(route: str, http: str, version: str | None, window: str | None, output: Output) -> None:
    """The versions of a split beside each other."""
    document, (settings, comparisons) = _read(
        route, http, lambda document: (settings_of(document), read_comparisons(document))
    )
    chosen = [found for found in comparisons if version in (None, found.version)]
    if not chosen:
        compared = ", ".join(found.version for found in comparisons)
        nobody = "Nothing is compared: a comparison needs two versions with a share of the split."
        fail([printable(f"{version} is not compared here; {compared} are." if compared else nobody)], BAD_INPUT)
    if output is Output.json:
        own = [found for found in document["comparisons"] if version in (None, found["version"])]
        typer.echo(json.dumps(own, indent=2, ensure_ascii=False))
        return
    screen = console()
    for found in chosen:
        for part in comparison_parts(route, found, window, settings):
            screen.print(part)


def watched(route: str, http: str, version: str | None) -> tuple[Any, Sequence[WatchedVersion]]:
    """What the gateway answers about a route, as it is and as it is shown; ends the command where it does not."""
    document, versions = _read(route, http, read_watch)
    try:
        return document, _chosen(versions, version)
    except BadInput as error:
        fail([printable(str(error))], BAD_INPUT)


def _read(route: str, http: str, read: Callable[[Any], T]) -> tuple[Any, T]:
    """What the gateway answers about a route, and what is read of it."""
    try:
        base = url_of(http)
        document = read_json(base, f"/drift/{urllib.parse.quote(route, safe='')}")
        try:
            return document, read(document)
        except (KeyError, TypeError, ValueError):
            raise UnexpectedAnswer(base, "it sends no report about drift") from None
    except (BadInput, NotServed) as error:
        fail([printable(str(error))], BAD_INPUT)
    except GatewayError as error:
        fail([printable(str(error))], FAILED)


def _chosen(versions: Sequence[WatchedVersion], version: str | None) -> Sequence[WatchedVersion]:
    chosen = [found for found in versions if version in (None, found.version)]
    if versions and not chosen:
        names = dict.fromkeys(found.version for found in versions)
        raise BadInput(f"{version} is not watched here; {', '.join(names)} are.")
    # What was counted by another profile before is history.
    chosen = [found for found in chosen if found.is_served] or chosen
    if not versions:
        raise BadInput("No version of it has a profile.json that fits it; the gateway's log says why.")
    return chosen


def chosen_window(found: WatchedVersion, length: str | None) -> Window | None:
    """The newest judged window of a length, or of the longest there is."""
    return next((window for window in found.windows if length in (None, window.length)), None)


def _parts(route: str, found: WatchedVersion, length: str | None) -> Iterator[RenderableType]:
    yield from _judged(route, found, length)
    yield from unjudged(found.unjudged, length)


def _judged(route: str, found: WatchedVersion, length: str | None) -> Iterator[RenderableType]:
    window = chosen_window(found, length)
    heading = Text.assemble((printable(route), "bold"), "  ", printable(found.version))
    if window is None:
        lengths = f" of {length}" if length else ""
        said = f"no window{lengths} was judged yet" if found.profile_digest else "no profile: counted, and not judged"
        yield Text.assemble(heading, f"  {said} · {_rows(found)}")
        return
    profile = (found.profile_digest or "").removeprefix("sha256:")[:12]
    yield Text.assemble(
        heading,
        f"  {window.length} {window.span} · {len(window.report.drifted):,} of {len(window.report):,} listed",
        (f"\n{limits(window.report.settings)} · {_rows(found)} · profile {profile}", "dim"),
    )
    yield ""
    yield from listing(window.report, {name: sparkline(psi) for name, psi in window.history.items()})
    yield ""


def _rows(found: WatchedVersion) -> str:
    rows = " + ".join(f"{count:,} {name}" for name, count in found.rows.items() if count) or "no"
    asides = {"late": found.late, "without their time": found.timeless}
    return f"{rows} rows" + "".join(f", {count:,} {name}" for name, count in asides.items() if count)


def sparkline(values: Sequence[float | None]) -> str:
    """One character a value, the highest for the largest; a dot where there is none."""
    largest = max((value for value in values if value is not None), default=0.0) or 1.0
    top = len(_SPARKS) - 1
    return "".join(_GAP if value is None else _SPARKS[round(value / largest * top)] for value in values)
