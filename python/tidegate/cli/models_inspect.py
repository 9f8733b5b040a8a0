"""`tidegate models inspect`: what a model file is, before anybody serves it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli.output import BAD_INPUT, Output, fail
from tidegate.errors import GatewayNotStarted

MOST_NODES = 20
"""Of a profile in the table; JSON has all of them."""


def inspect(
    model: Annotated[Path, typer.Argument(help="A model file, such as model.onnx.")],
    *,
    output: Annotated[Output, typer.Option(help="How the findings are written.")] = Output.table,
    profile: Annotated[bool, typer.Option("--profile", help="Also show which nodes a run's time goes to.")] = False,
    rows: Annotated[int | None, typer.Option(min=1, max=65_536, help="Rows of a profiled run; 1 without it.")] = None,
) -> None:
    """Show inputs, outputs, operator sets, size, whether requests can share a run and why not, and the cost of a row."""
    from tidegate.gateway import inspect_model  # noqa: PLC0415  # the other commands of models load no native module

    if rows is not None and not profile:
        fail(["--rows is about a profile: add --profile"], BAD_INPUT)
    try:
        found = inspect_model(model, profiled_rows=(rows or 1) if profile else None)
    except GatewayNotStarted as error:
        fail([str(error)], BAD_INPUT)
    if output is Output.json:
        typer.echo(json.dumps(found, indent=2))
        return
    console = Console()
    console.print(_tensors(found))
    console.print(_facts(found))
    if found["profile"]:
        console.print()
        console.print(_profile(found["profile"]))


def _tensors(found: dict[str, Any]) -> Table:
    table = Table(title="inputs and outputs", title_justify="left")
    for heading in ("", "name", "datatype", "shape"):
        table.add_column(heading)
    for kind in ("inputs", "outputs"):
        for tensor in found[kind]:
            shape = ", ".join(axis or str(extent) for extent, axis in zip(tensor["shape"], tensor["axes"], strict=True))
            table.add_row(kind[:-1], Text(tensor["name"]), tensor["datatype"], Text(f"[{shape}]"))
    return table


def _facts(found: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    opsets = ", ".join(f"{domain} {version}" for domain, version in found["opsets"].items())
    batchable = "yes" if found["batchable"] else f"no: {found['not_batchable_because']}"
    facts = {
        "batchable": batchable,
        "cost of one row": _microseconds(found["one_row_microseconds"]),
        "cost per row, 64 together": _microseconds(found["row_in_a_batch_of_64_microseconds"]),
        "operator sets": opsets,
        "size": f"{found['size_bytes']:,} bytes",
        "external data": ", ".join(found["external_data"]) or "none",
        "digest": found["digest"],
        "producer": found["producer"] or "not named",
        "ONNX Runtime": found["runtime"],
    }
    for name, fact in facts.items():
        table.add_row(name, Text(fact, overflow="fold"))
    return table


def _profile(found: dict[str, Any]) -> Table:
    """The nodes that take longest; the profiler takes some time itself."""
    whole, nodes = found["run_microseconds"], found["nodes"]
    rows = f"{found['rows']:,} row{'s' if found['rows'] > 1 else ''}"
    table = Table(
        title=f"a run of {rows}: {whole:,.1f} µs under the profiler, mean of {found['runs']}", title_justify="left"
    )
    for heading, justify in (
        ("µs", "right"),
        ("share", "right"),
        ("operator", "left"),
        ("node", "left"),
        ("runs on", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # one of rich's words
    for node in nodes[:MOST_NODES]:
        where = node["provider"].removesuffix("ExecutionProvider")
        share = f"{node['share']:.1%}"
        table.add_row(
            f"{node['microseconds']:,.1f}", share, node["operator"], Text(node["name"], overflow="fold"), where
        )
    if others := nodes[MOST_NODES:]:
        took = sum(node["microseconds"] for node in others)
        table.add_row(f"{took:,.1f}", f"{took / whole:.1%}", f"{len(others)} others", "", "")
    return table


def _microseconds(cost: float | None) -> str:
    return "not known: its shape is not fixed" if cost is None else f"{cost:,.1f} µs"
