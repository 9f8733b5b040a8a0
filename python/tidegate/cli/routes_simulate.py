"""`tidegate routes simulate`: who would move if the weights of a route were others."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.files import read_bytes, where
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
from tidegate.core.documents import fill_in
from tidegate.core.routing import BUCKETS, Range
from tidegate.core.simulation import Simulation, bucket_counts, stable_of
from tidegate.core.simulation import simulate as simulate_weights
from tidegate.core.snapshots import RouteContent
from tidegate.errors import DocumentRefused, GatewayError, RouteUnknown, SnapshotUnreadable

MOST_KEY_BYTES = 1024
"""The gateway hashes no longer ones, and no empty ones."""


def simulate(
    route: Annotated[str, typer.Argument(help="A route of the gateway.")],
    *,
    split: Annotated[list[str], typer.Option(help="VERSION=WEIGHT of the new split; repeatable, or with commas.")],
    keys: Annotated[str | None, typer.Option(help="A file with a sticky value a line; - for standard input.")] = None,
    stable: Annotated[str, typer.Option(help="The new stable arm, instead of the route's.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="List the keys that move: key, from, to.")] = False,
    http: Http = DEFAULT,
    snapshot: SnapshotFile = None,
    output: Annotated[Output, typer.Option(help="How the result is written.")] = Output.table,
) -> None:
    """Show how many callers a new split moves, and from which version to which: of all, and of a list of keys."""
    try:
        content = snapshot_of(http, snapshot).content(route)
        weights, new_stable = _new_split(route, split, stable, content)
        read = _read_keys(keys, content.fields["sticky"]) if keys else ()
        found = simulate_weights(content.table, weights, stable=new_stable, keys=read)
    except DocumentRefused as refused:
        fail([f"{violation.path}: {violation.reason}" for violation in refused.violations], BAD_INPUT)
    except (BadInput, RouteUnknown, SnapshotUnreadable) as error:
        fail([str(error)], BAD_INPUT)
    except GatewayError as error:
        fail([str(error)], FAILED)
    if output is Output.json:
        typer.echo(json.dumps(_as_json(found, content, listed=listed), indent=2, ensure_ascii=False))
        return
    # With a list the tables are not a part of what a pipe reads.
    screen = console(stderr=listed)
    for part in _parts(found, content, has_keys=keys is not None):
        screen.print(part)
    if listed:
        for moved in found.key_moves:
            typer.echo("\t".join((_spelled(moved.key, content), moved.move.before, moved.move.after)))


def _new_split(route: str, split: Sequence[str], stable: str, content: RouteContent) -> tuple[dict[str, int], str]:
    """The new weights and their stable arm, checked as a document's are."""
    weights: dict[str, int | str] = {}
    for item in ",".join(split).split(","):
        version, equals, weight = item.strip().partition("=")
        if not equals or version in weights:
            raise BadInput(f"--split takes VERSION=WEIGHT, each version once, not {item!r}.")
        weights[version] = int(weight) if weight.isdecimal() else weight
    filled = fill_in({"routes": {route: {"split": weights, "stable": stable or None}}})["routes"][route]
    return filled["split"], stable_of(filled["split"], filled["stable"], content.table.stable)


def _read_keys(name: str, sticky: str | None) -> list[bytes]:
    """The sticky values of a file as the gateway hashes them, each once."""
    if sticky is None:
        raise BadInput("The route has no sticky key: its requests are dealt by their prediction ids; leave --keys out.")
    keys: dict[bytes, None] = {}
    for number, line in enumerate(read_bytes(name).splitlines(), start=1):
        if line:
            keys[_key(line, sticky, f"{where(name)}, line {number}")] = None
    return list(keys)


def _key(line: bytes, sticky: str, place: str) -> bytes:
    try:
        key = base64.b64decode(line + b"=" * (-len(line) % 4), validate=True) if _is_binary(sticky) else line
    except binascii.Error as error:
        raise BadInput(f"{place} is no sticky value: binary metadata is written in base64.") from error
    if not 0 < len(key) <= MOST_KEY_BYTES:
        raise BadInput(f"{place} is no sticky value: these have 1 to {MOST_KEY_BYTES} bytes.")
    return key


def _is_binary(sticky: str) -> bool:
    """Whether the key is metadata that is sent as bytes."""
    return sticky.startswith("metadata") and sticky.endswith('-bin"]')


def _spelled(key: bytes, content: RouteContent) -> str:
    """A key as it stood in the file."""
    if _is_binary(content.fields["sticky"]):
        return base64.b64encode(key).decode()
    return printable(key.decode(errors="backslashreplace"))


def _parts(found: Simulation, content: RouteContent, *, has_keys: bool) -> Iterator[RenderableType]:
    yield _heading(found, has_keys=has_keys)
    yield ""
    yield _arms(found, has_keys=has_keys)
    if found.moved_buckets:
        yield ""
        yield _moves(found, has_keys=has_keys)
    if content.fields["ranges"] is not None:
        yield Text("! the route has explicit ranges; this is what moves when they make way for weights", style="yellow")
    if content.fields["segments"]:
        yield Text("! whoever matches a segment is dealt by its own split", style="yellow")


def _heading(found: Simulation, *, has_keys: bool) -> Text:
    share = sum(found.moved_buckets.values()) / BUCKETS
    heading = Text.assemble((percent(share), "bold"), " of all callers move, the fewest that the new weights allow")
    if has_keys:
        heading.append(f" · {len(found.key_moves):,} of {found.keys_before.total():,} keys")
    return heading


def _arms(found: Simulation, *, has_keys: bool) -> Table:
    columns = ("now", "then", *(("keys now", "keys then") if has_keys else ()))
    table = plain_table("arm", *columns, "stable", right=columns)
    before, after = bucket_counts(found.before.ranges), bucket_counts(found.after.ranges)
    for arm in sorted({*before, *after}):
        shares = (percent(counts.get(arm, 0) / BUCKETS) for counts in (before, after))
        keys = (f"{counts[arm]:,}" for counts in (found.keys_before, found.keys_after)) if has_keys else ()
        table.add_row(cell(arm), *shares, *keys, "●" if arm == found.after.stable else "")
    return table


def _moves(found: Simulation, *, has_keys: bool) -> Table:
    columns = ("of all callers", *(("keys",) if has_keys else ()))
    table = plain_table("from", "to", *columns, right=columns)
    keys = Counter(moved.move for moved in found.key_moves)
    for move, buckets in sorted(found.moved_buckets.items()):
        counted = (f"{keys[move]:,}",) if has_keys else ()
        table.add_row(cell(move.before), cell(move.after), percent(buckets / BUCKETS), *counted)
    return table


def _as_json(found: Simulation, content: RouteContent, *, listed: bool) -> dict[str, Any]:
    keys = Counter(moved.move for moved in found.key_moves)
    moves = [
        {"from": move.before, "to": move.after, "buckets": buckets, "share": buckets / BUCKETS, "keys": keys[move]}
        for move, buckets in sorted(found.moved_buckets.items())
    ]
    written = {
        "salt": found.after.salt,
        "stable": found.after.stable,
        "moved_share": sum(found.moved_buckets.values()) / BUCKETS,
        "moves": moves,
        "before": _sides(found.before.ranges, found.keys_before),
        "after": _sides(found.after.ranges, found.keys_after),
        "keys": found.keys_before.total(),
        "moved_keys": len(found.key_moves),
    }
    if listed:
        written["key_moves"] = [
            {"key": _spelled(moved.key, content), "from": moved.move.before, "to": moved.move.after}
            for moved in found.key_moves
        ]
    return written


def _sides(ranges: Sequence[Range], keys: Mapping[str, int]) -> dict[str, dict[str, int]]:
    counts = bucket_counts(ranges)
    return {arm: {"buckets": counts[arm], "keys": keys.get(arm, 0)} for arm in sorted(counts)}
