"""`tidegate models show`: everything that is known of a version."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.models_evidence import facts_of
from tidegate.cli.models_states import STATE_STYLES, Ref
from tidegate.cli.output import (
    Output,
    OutputOption,
    cell,
    console,
    moment,
    percent,
    plain_table,
    print_json,
    short_digest,
    size,
)
from tidegate.cli.registries import asks

if TYPE_CHECKING:
    from tidegate.client.registry import Past, Registry, Version

MOST_EDGES = 20
MOST_STATES = 20


@asks
def show(registry: "Registry", ref: Ref, *, output: OutputOption = Output.table) -> None:
    """Show a version: signature, digests, states, lineage, metrics, profile, and where it serves since when."""
    from tidegate.client.registry import state_history  # noqa: PLC0415  # as all of the client

    version = registry.show(ref)
    states = state_history(registry, version.name, limit=MOST_STATES + 1)
    serves = [_serving(registry, route, version.name) for route in version.routes]
    facts = facts_of(registry, version)
    if output is Output.json:
        print_json({**_fields(version), "states": states, "serves": serves, "said": facts})
        return
    screen = console()
    for part in _parts(version, states, serves, facts):
        screen.print(part)


def _serving(registry: "Registry", route: str, version: str) -> dict[str, Any]:
    """How a route uses a version, and since when it has done so without a break."""
    since: dt.datetime | None = None
    content: Mapping[str, Any] = {}
    for tenure in registry.history(route, limit=200):
        if version not in tenure.content["versions"]:
            break
        content = content or tenure.content
        since = tenure.start_time
    split = content.get("route") or {"split": {}, "segments": [], "shadow": []}
    whole = sum(split["split"].values())
    segments = [segment["name"] for segment in split["segments"] if segment["split"].get(version)]
    return {
        "route": route,
        "share": split["split"].get(version, 0) / whole if whole else 0.0,
        "segments": segments,
        "is_shadow": any(shadow["to"] == version for shadow in split["shadow"]),
        "since": since,
    }


def _fields(version: "Version") -> dict[str, Any]:
    return {name: getattr(version, name) for name in version.__dataclass_fields__}


def _parts(
    version: "Version", states: "Sequence[Past]", serves: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> Iterator[RenderableType]:
    heading = Text.assemble((version.name, "bold"), "  ", (version.state, STATE_STYLES.get(version.state, "")))
    if version.state_reason:
        heading.append(f"  {version.state_reason}", style="yellow")
    yield heading
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(cell("digest", "dim"), cell(version.digest))
    grid.add_row(cell("files", "dim"), cell(f"{len(version.files)}, {size(version.size_bytes)}"))
    grid.add_row(cell("registered", "dim"), moment(version.create_time))
    grid.add_row(cell("aliases", "dim"), cell(", ".join(f"@{alias}" for alias in version.aliases) or "-"))
    yield grid
    yield ""
    yield _signature(version)
    yield ""
    yield _serves(serves)
    yield ""
    yield from _states(version, states)
    for name, rows in facts.items():
        yield ""
        yield Text(name, style="bold")
        yield _rows(rows)
    if version.edges:
        yield ""
        yield from _lineage(version)


def _signature(version: "Version") -> Table:
    table = plain_table("", "tensor", "datatype", "shape")
    for kind, tensors in (("input", version.inputs), ("output", version.outputs)):
        for tensor in tensors:
            shape = ", ".join("?" if extent < 0 else str(extent) for extent in tensor.shape)
            table.add_row(cell(kind, "dim"), cell(tensor.name, "bold"), tensor.datatype, cell(f"[{shape}]"))
    return table


def _serves(serves: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not serves:
        return Text("serves no route", style="dim")
    table = plain_table("serves", "share", "segments", "shadow", "since", right=("share",))
    for each in serves:
        table.add_row(
            cell(each["route"], "bold"),
            percent(each["share"]),
            cell(", ".join(each["segments"]) or "-"),
            "●" if each["is_shadow"] else "-",
            moment(each["since"]),
        )
    return table


def _states(version: "Version", states: "Sequence[Past]") -> Iterator[RenderableType]:
    table = plain_table("state", "from", "to", "by", "why")
    for past in states[:MOST_STATES]:
        state = past.was or "-"
        end = moment(past.end_time) if past.end_time else "now"
        style = STATE_STYLES.get(state, "")
        table.add_row(cell(state, style), moment(past.start_time), end, cell(past.principal), cell(past.reason or "-"))
    yield table
    if len(states) > MOST_STATES:
        yield Text(f"… more: tidegate journal show --resource {version.name}", style="dim")


def _rows(rows: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, said in rows:
        grid.add_row("", cell(name), cell(said))
    return grid


def _lineage(version: "Version") -> Iterator[RenderableType]:
    names = {version.digest: version.name} | {each.file.digest: each.kind for each in version.evidence}
    yield Text("lineage", style="bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    for edge in version.edges[:MOST_EDGES]:
        source, target = (_named(digest, names) for digest in (edge.source, edge.target))
        grid.add_row("", cell(source), cell(f"─ {edge.role} →", "dim"), cell(target))
    yield grid
    if len(version.edges) > MOST_EDGES:
        yield Text(f"  … {len(version.edges) - MOST_EDGES:,} more: --output json has all of them", style="dim")


def _named(digest: str, names: Mapping[str, str]) -> str:
    if not digest.startswith("sha256:"):
        return digest
    return f"{names[digest]} {short_digest(digest)}" if digest in names else short_digest(digest)
