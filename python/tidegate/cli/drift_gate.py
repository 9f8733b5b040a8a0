"""What a gate has flagged or rejected, for the terminal."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from tidegate.cli.drift_watch import Gate
from tidegate.cli.output import cell, plain_table

MOST_ROWS = 40
"""Of features and rules; the rest is counted."""


def gate(gate: Gate) -> Iterator[RenderableType]:
    """What the gate does and has done, the most broken rule first; nothing of one that only observes and always has."""
    if gate.mode == "observe" and not gate.rows:
        return
    counts = {"rejected": gate.rejected, "flagged": gate.flagged}
    done = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none of them broke a rule"
    yield Text.assemble(("gate", "bold"), f"  {gate.mode} · requests: {done}")
    if gate.rows:
        table = plain_table("feature", "rule", "rejected", "flagged", right=("rejected", "flagged"))
        for rows in gate.rows[:MOST_ROWS]:
            table.add_row(cell(rows.feature), cell(rows.rule), f"{rows.rejected:,}", f"{rows.flagged:,}")
        yield ""
        yield table
    if (left_out := len(gate.rows) - MOST_ROWS) > 0:
        yield Text(f"… {left_out:,} more rules", style="dim")
    yield ""
