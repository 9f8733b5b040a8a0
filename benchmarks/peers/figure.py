"""The picture of the servers beside each other: requests per second of each cell, on one scale."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.peers.rounds import Contest

OURS = "#0b7285"
THEIRS = "#868e96"
FAINT = "#dee2e6"
INK = "#343a40"
PIXELS_PER_INCH = 130


def draw(contests: Sequence[Contest], caption: str, path: Path) -> None:
    """Write a PNG: a panel a cell, a row a server, its median with the range of its rounds."""
    servers = [standing.server for standing in contests[0].standings]
    figure = Figure(figsize=(9.5, 0.42 * len(servers) + 1.3), facecolor="white", layout="constrained")
    figure.subplots(1, len(contests), sharex=True, sharey=True)
    for panel, contest in zip(figure.axes, contests, strict=True):
        _panel(panel, contest)
    first = figure.axes[0]
    first.set_yticks(range(len(servers)), servers)
    first.invert_yaxis()
    for label in first.get_yticklabels():
        label.set_color(_colour(label.get_text()))
    figure.supxlabel(caption, fontsize=8, color=INK)
    figure.savefig(path, dpi=PIXELS_PER_INCH, metadata={"Software": None})


def _panel(panel: Axes, contest: Contest) -> None:
    for row, standing in enumerate(contest.standings):
        rates = [run.rate for run in standing.runs]
        middle, colour = median(rates), _colour(standing.server)
        panel.plot([min(rates), max(rates)], [row, row], color=colour, linewidth=2, solid_capstyle="round")
        panel.plot([middle], [row], "o", color=colour, markersize=6)
        panel.annotate(
            f"{middle:,.0f}", (max(rates), row), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8
        )
    panel.set_title(contest.cell, fontsize=10, color=INK)
    panel.set_xscale("log")
    panel.margins(x=0.18, y=0.1)
    panel.grid(axis="x", color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panel.tick_params(axis="both", length=0, labelsize=8)
    panel.tick_params(axis="x", which="minor", labelbottom=False)
    for side in panel.spines.values():
        side.set_visible(False)


def _colour(server: str) -> str:
    return OURS if server.startswith("Tidegate") else THEIRS
