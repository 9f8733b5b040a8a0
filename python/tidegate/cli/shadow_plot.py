"""A shadow report as a picture: differences of each output, latency, and flips with their interval.

Needs matplotlib; nothing else imports this module.
"""

import io
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tidegate.cli.output import printable
from tidegate.cli.shadow_report import Bin, Flips, LatencyRatio, OutputDifference, Report, Shadow
from tidegate.cli.shadow_table import interval, number, percent

COLUMNS = 3
# Three rows of three panels; a model has one to three outputs.
MOST_OUTPUTS = 7
PANEL_INCHES = (4.4, 2.9)
HEADING_INCHES = 0.8
DPI = 130

RATIOS = (0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1000)
BLUE, GREY, RED, INK, FAINT = "#3572b0", "#9aa5b1", "#c8442f", "#22303c", "#dde3e9"


def draw(report: Report) -> bytes:
    """A PNG with one block of panels a shadow."""
    blocks = [_drawn(shadow) for shadow in report.shadows]
    heights = [
        HEADING_INCHES + PANEL_INCHES[1] * (_rows(len(outputs) + 2) if shadow.comparison.pairs else 0)
        for shadow, outputs in zip(report.shadows, blocks, strict=True)
    ]
    figure = Figure(figsize=(PANEL_INCHES[0] * COLUMNS, sum(heights)), dpi=DPI, layout="constrained", facecolor="white")
    parts = figure.subfigures(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, shadow, outputs in zip(parts, report.shadows, blocks, strict=True):
        _block(part, report.route, shadow, outputs)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _drawn(shadow: Shadow) -> Sequence[OutputDifference]:
    """The outputs that have a panel: text has no differences to draw."""
    return [output for output in shadow.comparison.outputs if output.abs_histogram][:MOST_OUTPUTS]


def _rows(panels: int) -> int:
    return math.ceil(panels / COLUMNS)


def _block(part: SubFigure, route: str, shadow: Shadow, outputs: Sequence[OutputDifference]) -> None:
    left_out = sum(bool(output.abs_histogram) for output in shadow.comparison.outputs) - len(outputs)
    counted = f"{shadow.share_bp / 100:g} % of requests sampled, {shadow.compared:,} compared"
    more = f", {left_out} outputs more" if left_out else ""
    part.suptitle(
        f"{_text(route)} → {_text(shadow.to)}\n{counted}{more}",
        x=0.012,
        ha="left",
        fontsize=13,
        color=INK,
        linespacing=1.4,
    )
    if not shadow.comparison.pairs:
        return
    grid = part.subplots(_rows(len(outputs) + 2), COLUMNS, squeeze=False)
    panels = list(grid.flat)
    for panel, output in zip(panels, outputs, strict=False):
        _differences(panel, output)
    _latency(panels[len(outputs)], shadow.comparison.latency_ratio)
    _flips(panels[len(outputs) + 1], shadow.comparison.flips)
    for panel in panels[len(outputs) + 2 :]:
        panel.set_visible(False)


def _differences(panel: Axes, output: OutputDifference) -> None:
    """Requests by their largest |Δ|; those without any have a bar of their own, where a logarithmic axis has no place."""
    positive = [bin_ for bin_ in output.abs_histogram if bin_.low > 0 or bin_.high != 0]
    equal = sum(bin_.requests for bin_ in output.abs_histogram) - sum(bin_.requests for bin_ in positive)
    _histogram(panel, positive, smallest=1e-12)
    _title(
        panel, f"|Δ| of {_text(output.name)}", f"max {number(output.max_abs)}, {percent(_share(equal, output))} equal"
    )
    if equal:
        low, _ = panel.get_xlim()
        panel.bar(low - 0.15, equal, width=0.3, color=GREY)
        panel.set_xlim(low - 0.5, None)
        # A tick right beside the bar would run into its label.
        panel.set_xticks([low - 0.15, *_decades(low + 0.3, panel.get_xlim()[1])])
        panel.xaxis.set_major_formatter(FuncFormatter(lambda at, _: "0" if at < low else _power(at)))
    for name, value in {"p50": output.p50_abs, "p99": output.p99_abs}.items():
        if value:
            _mark(panel, value, name)
    panel.set_xlabel("largest |Δ| in a request")
    panel.set_ylabel("requests")


def _latency(panel: Axes, ratio: LatencyRatio) -> None:
    told = interval(number(ratio.low), number(ratio.high))
    subtitle = f"geometric mean {number(ratio.geometric_mean)} {told} times" if ratio.requests else ""
    _title(panel, "Latency: shadow / primary", subtitle)
    if not ratio.requests:
        _nothing(panel)
        return
    _histogram(panel, _merged(ratio.histogram), smallest=1e-3)
    panel.axvline(0, color=INK, linewidth=1)
    if ratio.geometric_mean:
        _mark(panel, ratio.geometric_mean, "mean", color=RED)
    panel.set_xlabel("times as long")
    panel.set_ylabel("requests")
    low, high = (10**end for end in panel.get_xlim())
    panel.set_xticks([math.log10(tick) for tick in RATIOS if low <= tick <= high])
    panel.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{10**at:.3g}"))


def _flips(panel: Axes, flips: Flips) -> None:
    _title(panel, "Flipped decisions", _text(f"by {flips.rule}") if flips.rule else "")
    if flips.share is None or flips.low is None or flips.high is None:
        _nothing(panel)
        return
    reach = [[flips.share - flips.low], [flips.high - flips.share]]
    panel.errorbar([flips.share], [0], xerr=reach, fmt="o", color=RED, markersize=8, capsize=7, linewidth=2)
    told = f"{percent(flips.share)} {interval(percent(flips.low), percent(flips.high))}"
    panel.text(0.5, 0.72, told, transform=panel.transAxes, ha="center", fontsize=11, color=INK)
    counted = f"{flips.flipped:,} of {flips.requests:,} requests"
    panel.text(0.5, 0.24, counted, transform=panel.transAxes, ha="center", fontsize=9, color=INK)
    end = min(1.02, 1.4 * flips.high)
    # A little room, so that a point at 0 is a whole one.
    panel.set_xlim(-0.03 * end, end)
    panel.set_ylim(-1, 1)
    panel.set_yticks([])
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    panel.set_xlabel("requests that flip, 95 % interval")


def _histogram(panel: Axes, bins: Sequence[Bin], *, smallest: float) -> None:
    """Bars on an axis of powers of ten; what is below or above the scale gets a bar as wide as its neighbour."""
    width = 1 / 8
    for low, high, requests in bins:
        left = math.log10(low) if low > 0 else math.log10(smallest) - width
        right = math.log10(high) if high else left + width
        panel.bar(left, requests, width=right - left, align="edge", color=BLUE, edgecolor="white", linewidth=0.4)
    left, right = panel.get_xlim() if bins else (-1.0, 1.0)
    # Two decades at least: a single bar over the whole axis would say nothing.
    spare = max(0.0, 2 - (right - left)) / 2
    panel.set_xlim(left - spare, right + spare)
    panel.set_xticks(_decades(*panel.get_xlim()))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _power(at)))


def _merged(bins: Sequence[Bin]) -> Sequence[Bin]:
    """Ratios with 32 bars per decade: with 64, a few thousand requests look like a comb."""
    merged: dict[int, list[Bin]] = {}
    for bin_ in bins:
        at = math.floor(32 * math.log10(bin_.low) + 0.25) if bin_.low > 0 else -1000
        merged.setdefault(at, []).append(bin_)
    return [Bin(group[0].low, group[-1].high, sum(bin_.requests for bin_ in group)) for group in merged.values()]


def _decades(low: float, high: float) -> list[int]:
    """Whole powers of ten, at most seven of them, with 1 among them where it lies there."""
    first, last = math.ceil(low), math.floor(high)
    step = 1 + (last - first) // 7
    return list(range(math.ceil(first / step) * step, last + 1, step))


def _power(exponent: float) -> str:
    return f"{10**exponent:g}" if abs(exponent) <= 3 else f"$10^{{{exponent:.0f}}}$"  # noqa: PLR2004  # few digits


def _mark(panel: Axes, value: float, name: str, color: str = INK) -> None:
    at = math.log10(value)
    low, high = panel.get_xlim()
    if not low <= at <= high:
        return
    panel.axvline(at, color=color, linewidth=1, linestyle=(0, (4, 3)))
    top = panel.get_xaxis_transform()
    panel.text(at, 1.0, name, transform=top, ha="center", va="bottom", fontsize=7.5, color=color)


def _title(panel: Axes, title: str, subtitle: str) -> None:
    panel.set_title(title, loc="left", fontsize=10.5, color=INK, pad=24, fontweight="bold")
    panel.text(0, 1.075, subtitle, transform=panel.transAxes, fontsize=8.5, color=INK)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(GREY)
    panel.tick_params(colors=INK, labelsize=8.5, color=GREY)
    panel.grid(axis="y", color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    panel.xaxis.label.set(color=INK, fontsize=8.5)
    panel.yaxis.label.set(color=INK, fontsize=8.5)


def _nothing(panel: Axes) -> None:
    panel.text(0.5, 0.5, "nothing compared", transform=panel.transAxes, ha="center", color=GREY)
    panel.set_xticks([])
    panel.set_yticks([])


def _share(count: int, output: OutputDifference) -> float | None:
    return count / output.requests if output.requests else None


def _text(text: str) -> str:
    """A name of somebody else's, in which `$` would begin mathematics."""
    return printable(text).replace("$", r"\$")
