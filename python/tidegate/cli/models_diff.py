"""`tidegate models diff`: what two versions differ in."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from tidegate.cli.models_evidence import facts_of
from tidegate.cli.output import Output, OutputOption, cell, console, print_json, short_digest
from tidegate.cli.registries import asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry
    from tidegate.errors import Violation

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SAID_IN_NUMBERS = ("metrics", "run")
"""Evidence whose lines are compared one by one."""
_NEVER_THE_SAME = ("digest", "name")


@asks
def diff(
    registry: "Registry",
    old: Annotated[str, typer.Argument(help="A version: model/2, model@alias or model@sha256:…")],
    new: Annotated[str, typer.Argument(help="The version that it is compared with.")],
    *,
    output: OutputOption = Output.table,
) -> None:
    """Show what two versions differ in: files, signature, metrics, run, and what else is said about them."""
    found = registry.diff(old, new)
    facts = [facts_of(registry, registry.show(ref)) for ref in (old, new)]
    said = {kind: _differences(facts[0].get(kind, ()), facts[1].get(kind, ())) for kind in _SAID_IN_NUMBERS}
    if output is Output.json:
        print_json({"files": found.files, "signature": found.signature, "evidence": found.evidence, "said": said})
        return
    screen = console()
    screen.print(Text.assemble((old, "red"), (" → ", "dim"), (new, "green")))
    parts = {"files": found.files, "signature": found.signature, "evidence": found.evidence}
    for name, findings in parts.items():
        screen.print(Text.assemble((name, "bold"), ("" if findings else "  the same", "dim")))
        if findings:
            screen.print(_findings(findings))
    for name, differences in said.items():
        if differences:
            screen.print(Text(name, style="bold"))
            screen.print(_was_becomes(differences))


def _differences(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """What is said otherwise, with a dash for what is absent."""
    was, becomes = dict(old), dict(new)
    names = dict.fromkeys((*was, *becomes))
    return {
        name: (was.get(name, "-"), becomes.get(name, "-"))
        for name in names
        if was.get(name) != becomes.get(name) and name not in _NEVER_THE_SAME
    }


def _findings(findings: "Sequence[Violation]") -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for path, reason in findings:
        short = _DIGEST.sub(lambda found: short_digest(found.group()), reason)
        grid.add_row("", cell(path), cell(short, "yellow"))
    return grid


def _was_becomes(differences: Mapping[str, tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, (old, new) in differences.items():
        grid.add_row("", cell(name), Text.assemble(cell(old, "red"), (" → ", "dim"), cell(new, "green")))
    return grid
