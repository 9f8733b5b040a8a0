"""How a table of results is shown and kept."""

import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich import table as rich_table
from rich.console import Console

from benchmarks.metrics import cpu_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under columns, each `left` or `right`; `note` says how to read it, `lines` what else was seen."""

    title: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[Sequence[str]]
    note: str
    lines: Sequence[str]


def show(table: Table) -> None:
    """Print it."""
    # Wide enough for every column even where the output is a file.
    console = Console(width=max(190, Console().width))
    shown = rich_table.Table(title=table.title, caption=table.note, caption_justify="left")
    for name, side in table.columns:
        shown.add_column(name, justify="right" if side == "right" else "left", no_wrap=True)
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)
    for line in table.lines:
        console.print(line, highlight=False, markup=False)


def keep(
    folder: Path, table: Table, details: Mapping[str, Any], *, module: str, tools: Sequence[str], suffix: str = ""
) -> tuple[Path, Path]:
    """Write `<date>-<cpu><suffix>.json` with all details and `.md` with the table; returns both paths.

    `module` is what was run, with the arguments of this process; `tools` are what else has a version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    surroundings = _surroundings(module, tools)
    stem = f"{surroundings['date'][:10]}-{_slug(surroundings['cpu'])}{suffix}"
    machine_readable, readable = folder / f"{stem}.json", folder / f"{stem}.md"
    machine_readable.write_text(json.dumps({"title": table.title, **surroundings, **details}, indent=1) + "\n")
    lines = [f"# {table.title}", ""]
    lines += [f"- {name}: {value}" for name, value in surroundings.items()]
    lines += ["", "| " + " | ".join(name for name, _ in table.columns) + " |"]
    lines += ["|" + "|".join("---:" if side == "right" else "---" for _, side in table.columns) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    lines += ["", table.note, ""] + [f"- {line}" for line in table.lines]
    readable.write_text("\n".join(lines) + "\n")
    return machine_readable, readable


def _surroundings(module: str, tools: Sequence[str]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "command": " ".join([f"python -m {module}", *sys.argv[1:]]),
        "versions": ", ".join([f"Python {platform.python_version()}", *_versions(), *tools]),
    }


def _versions() -> list[str]:
    found: list[str] = []
    for package in ("tidegate", "onnxruntime", "grpcio", "numpy"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", text.lower())).strip("-")
