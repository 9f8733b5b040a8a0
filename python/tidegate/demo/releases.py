"""The last act: the same trainings through a registry, their weights shifted and taken back while flights are asked about."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.client import Client
from tidegate.client.registry import Registry
from tidegate.demo import acts, gateway
from tidegate.demo.deeds import Load, ask_during, broken_claims
from tidegate.demo.flights import Flight
from tidegate.demo.registry import VERSIONS, Material, Up, register, up
from tidegate.demo.replay import Prediction

DOCUMENT = "release.yaml"
ALL_TO_STABLE = {acts.STABLE: 1}
FIRST_REVISION = 1
MOST_LINES = 51  # of what `models show` says: up to the first dataset
WIDE = 120  # in columns, for files and pipes: a history needs so many
WINDOWS = ("all to 1", "while 70/30 was applied", "70/30", "during the rollback", "after the rollback returned")

Ask = Callable[[Flight], Prediction | str]


class Terminal:
    """Where the commands of the act are typed: tells each with what it said, and keeps those that failed."""

    def __init__(self, console: Console, running: Up) -> None:
        """Commands are typed in the folder of `running`, where they find the owner's token."""
        self._console = console
        self._up = running
        self._width = console.width if console.is_terminal else WIDE
        self.failed: list[str] = []

    def type(self, *words: str, says: str = "", most_lines: int | None = None) -> bool:
        """Run a command; whether it ended well."""
        line = shlex.join(("tidegate", *words))
        comment = f"     # {says}" if says else ""
        self._console.print(Text(f"\n$ {line}{comment}", style="bold"), soft_wrap=True)
        code, said = gateway.run_command(
            *words, width=self._width, folder=self._up.folder, variables={"TIDEGATE_ADMIN": self._up.admin}
        )
        self._console.print(Text(said if most_lines is None else shortened(said, most_lines)), soft_wrap=True)
        if code:
            self.failed.append(f"`{line}` ended with {code}.")
        return code == 0


def play_releases(
    console: Console,
    folder: Path,
    *,
    top: Path,
    material: Material,
    flights: Sequence[Flight],
    asking: Callable[[Client], Ask],
) -> int:
    """Register, apply, shift, take back, and check the journal; 0 if it held.

    Args:
        console: Where it is told.
        folder: Of the registry; whatever is in it goes.
        top: Where paths are shown from.
        material: What is registered.
        flights: Asked about meanwhile.
        asking: How a flight is asked about through a client.
    """
    console.print(
        f"\nThe same models through a registry: tidegate up --data {folder.relative_to(top)}/tidegate-data",
        highlight=False,
        style="bold",
        soft_wrap=True,
    )
    with up(folder) as running:
        console.print(f"gRPC on {running.grpc}, admin API on {running.admin}", highlight=False)
        terminal = Terminal(console, running)
        with Registry(running.admin, token_file=running.token_file) as registry:
            made = [each.version.name for each in register(registry, material)]
        console.print(f"Registered by tidegate.training.run: {', '.join(made)}", highlight=False)
        terminal.failed += [] if made == list(VERSIONS) else [f"Expected {', '.join(VERSIONS)} in a new registry."]
        terminal.type("models", "show", acts.CANDIDATE, most_lines=MOST_LINES)
        if not _apply(terminal, running, ALL_TO_STABLE, "first release"):
            return conclude(console, None, terminal.failed)
        with Client(running.grpc) as client:
            load = _shift_and_take_back(console, terminal, running, flights, asking(client))
        terminal.type("routes", "history", acts.ROUTE)
        terminal.type("journal", "verify")
    console.print(Text(), load_table(load))
    return conclude(console, load, terminal.failed)


def load_table(load: Load) -> RenderableType:
    """Who answered the requests that began in each window."""
    table = Table.grid(padding=(0, 3))
    table.add_column()
    arms = (acts.STABLE, acts.CANDIDATE)
    for _ in arms:
        table.add_column(justify="right")
    table.add_row(Text("requests that began", style="dim"), *(Text(arm, style="dim") for arm in arms))
    for name, window in zip(WINDOWS, load.windows, strict=False):
        table.add_row(name, *(f"{window[arm]:,}" for arm in arms))
    return table


def conclude(console: Console, load: Load | None, failed: Sequence[str]) -> int:
    """Say in one sentence whether the act held what it promises, and return the exit code."""
    broken = [*failed, *(broken_claims(load) if load is not None else ())]
    for sentence in broken:
        console.print(Text(sentence), soft_wrap=True)
    if broken or load is None:
        console.print(Text("\nThe releases did not hold."))
        return 1
    console.print(
        f"\nAll {load.tally.requests:,} requests were answered while weights were shifted and taken back; of those that "
        f"began after the rollback had returned, {acts.CANDIDATE} answered none; the journal holds.",
        highlight=False,
    )
    return 0


def release(weights: Mapping[str, int]) -> str:
    """The document of the route with these weights."""
    split = ", ".join(f'"{arm}": {weight}' for arm, weight in weights.items())
    return f"""\
route: {acts.ROUTE}
sticky: metadata["{acts.STICKY_METADATA}"]
stable: {acts.STABLE}
split: {{{split}}}
"""


def shortened(text: str, most_lines: int) -> str:
    """The first lines, and how many there are more."""
    lines = text.splitlines()
    if len(lines) <= most_lines:
        return text
    return "\n".join([*lines[:most_lines], f"… {len(lines) - most_lines:,} lines more"])


def _shift_and_take_back(
    console: Console, terminal: Terminal, running: Up, flights: Sequence[Flight], ask: Ask
) -> Load:
    def shift() -> None:
        _apply(terminal, running, acts.SECOND_SPLIT, "more of version 2")

    def take_back() -> None:
        words = ("rollback", acts.ROUTE, "--to", str(FIRST_REVISION), "--reason", "too many alarms")
        terminal.type(*words, says="named, for nothing has been live for ten minutes")

    console.print("\nFrom here on flights of May are asked about, four at a time.", highlight=False)
    return ask_during(flights, ask, (shift, take_back))


def _apply(terminal: Terminal, running: Up, weights: Mapping[str, int], reason: str) -> bool:
    (running.folder / DOCUMENT).write_text(release(weights))
    split = ", ".join(f"{arm} {weight}" for arm, weight in weights.items())
    words = ("routes", "apply", "-f", DOCUMENT, "--yes", "--reason", reason)
    return terminal.type(*words, says=split)
