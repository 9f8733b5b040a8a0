"""Comparisons as pictures: features by PSI beside their thresholds, and the bins of one.

Needs matplotlib; only who draws imports this module. The two sides are told apart by blue and orange, which colour-blind
readers can, and states by the shape of their mark as well.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from tidegate.drift.report import Bin, Judgement, Psi, Report, State

DPI = 130
MOST_FEATURES = 40
# The bins of so many listed features are drawn below the overview.
MOST_EXPLAINED = 4
BLUE, ORANGE, GREY, INK, FAINT = "#2f6db3", "#d9730d", "#9aa5b1", "#22303c", "#dde3e9"
MARKS = {State.WARN: ("D", ORANGE), State.OK: ("o", BLUE), State.INSUFFICIENT: ("x", GREY)}
_WIDTH, _ROW, _HEADING, _PANEL = 10.0, 0.3, 1.3, 3.2
LONGEST_NAME = 28
_LONGEST_TITLE = 48
_LONGEST_LABEL = 18


def draw_report(report: Report) -> Figure:
    """The overview, and below it the bins of the worst listed features."""
    shown = list(report.values())[:MOST_FEATURES]
    explained = report.drifted[:MOST_EXPLAINED]
    rows = math.ceil(len(explained) / 2)
    heights = [_HEADING + _ROW * max(3, len(shown)), *[_PANEL] * rows]
    figure = new_figure(sum(heights))
    parts = figure.subfigures(1 + rows, 1, squeeze=False, height_ratios=heights)[:, 0]
    _overview(parts[0].subplots(), report, shown)
    for at, part in enumerate(parts[1:]):
        pair = explained[2 * at : 2 * at + 2]
        panels = part.subplots(1, 2, squeeze=False)[0]
        for panel, judgement in zip(panels, pair, strict=False):
            _bins(panel, judgement, most=20)
        for panel in panels[len(pair) :]:
            panel.set_visible(False)
    return figure


def draw_feature(judgement: Judgement, report: Report) -> Figure:
    """Old and new shares of every bin of a feature, and below them what each adds to PSI."""
    figure = new_figure(6.4)
    shares, terms = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.4])
    _bins(shares, judgement, most=64)
    shares.set_xlabel("")
    _legend(shares, report.reference, report.current)
    _terms(terms, judgement, most=64)
    return figure


def to_png(figure: Figure) -> bytes:
    """The figure as a file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def new_figure(height: float) -> Figure:
    """A figure of the house's width and so many inches of height."""
    return Figure(figsize=(_WIDTH, height), dpi=DPI, layout="constrained", facecolor="white")


def _overview(panel: Axes, report: Report, shown: Sequence[Judgement]) -> None:
    left, right = _reach([judgement.psi for judgement in shown if judgement.psi is not None])
    for at, judgement in enumerate(shown):
        if judgement.psi is None:
            told = "too few rows to say" if judgement.state is State.INSUFFICIENT else "no values left to compare"
            panel.annotate(told, (left, at), (6, 0), textcoords="offset points", va="center", fontsize=8, color=INK)
        else:
            _row(panel, at, judgement, judgement.psi, left)
    panel.set_xscale("log")
    panel.set_xlim(left, right)
    panel.set_yticks(range(len(shown)), [readable(shortened(judgement.name, LONGEST_NAME)) for judgement in shown])
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("PSI (logarithmic): mark = found, bar = up to its threshold, tick = expected when nothing drifts")
    left_out = len(report) - len(shown)
    more = f", {left_out} more not drawn" if left_out else ""
    title = f"{len(report.drifted)} of {len(report)} features listed{more}"
    _title(panel, title, f"{readable(report.current)} against {readable(report.reference)}")
    panel.grid(axis="x", color=FAINT, linewidth=0.8)


def _row(panel: Axes, at: int, judgement: Judgement, psi: Psi, left: float) -> None:
    marker, colour = MARKS[judgement.state]
    panel.plot([left, psi.threshold], [at, at], color=FAINT, linewidth=7, solid_capstyle="butt", zorder=1)
    panel.plot([psi.threshold] * 2, [at - 0.32, at + 0.32], color=INK, linewidth=1.4, zorder=2)
    panel.plot([max(psi.expected, left)] * 2, [at - 0.16, at + 0.16], color=GREY, linewidth=1.2, zorder=2)
    # A PSI of 0 has no place on a logarithmic axis but its end.
    panel.plot(max(psi.value, left), at, marker=marker, color=colour, markersize=6.5, zorder=3, clip_on=False)


def _reach(psis: Sequence[Psi]) -> tuple[float, float]:
    """What the logarithmic axis shows."""
    if not psis:
        return 1e-4, 1.0
    least = min(min(psi.threshold, psi.expected or psi.threshold) for psi in psis)
    return max(least / 10, 1e-9), 1.6 * max(*(psi.value for psi in psis), *(psi.threshold for psi in psis), 1e-8)


def _bins(panel: Axes, judgement: Judgement, *, most: int) -> None:
    """Shares side by side; of more bins than there is room for, those that moved most, in their order."""
    bins = _most_moved(judgement.bins, most)
    width = 0.4
    places = range(len(bins))
    panel.bar([at - width / 2 for at in places], [bin_.reference_share for bin_ in bins], width=width, color=BLUE)
    panel.bar([at + width / 2 for at in places], [bin_.current_share for bin_ in bins], width=width, color=ORANGE)
    _legend(panel, "reference", "current")
    _title(panel, readable(shortened(judgement.name, _LONGEST_TITLE)), _evidence(judgement))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    panel.grid(axis="y", color=FAINT, linewidth=0.8)
    _label(panel, bins)


def _evidence(judgement: Judgement) -> str:
    """What a feature is listed for, in a line."""
    psi, new, missing = judgement.psi, judgement.new, judgement.missing
    told = [] if psi is None else [f"PSI {psi.value:.3g}", f"threshold {psi.threshold:.3g}"]
    told += [f"n {judgement.n:,}", f"m {judgement.m:,}"]
    shares = {"new": new, "missing": missing}
    told += [
        f"{100 * share.current:.3g} % {what}" for what, share in shares.items() if share is not None and share.current
    ]
    return ", ".join(told)


def _legend(panel: Axes, *sides: str) -> None:
    """Above the panel, where no bar can be."""
    labels = [readable(shortened(side, LONGEST_NAME)) for side in sides]
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 2, "borderaxespad": 2.2}
    panel.legend(labels=labels, frameon=False, fontsize=8, labelcolor=INK, handlelength=1.2, **place)


def _terms(panel: Axes, judgement: Judgement, *, most: int) -> None:
    bins = _most_moved(judgement.bins, most)
    panel.bar(range(len(bins)), [bin_.term or 0.0 for bin_ in bins], width=0.8, color=GREY)
    _title(panel, "", "what each bin adds to PSI")
    panel.grid(axis="y", color=FAINT, linewidth=0.8)
    _label(panel, bins)


def _most_moved(bins: Sequence[Bin], most: int) -> Sequence[Bin]:
    bins = [bin_ for bin_ in bins if bin_.reference or bin_.current]
    if len(bins) <= most:
        return bins
    kept = sorted(range(len(bins)), key=lambda at: -abs(bins[at].current_share - bins[at].reference_share))[:most]
    return [bins[at] for at in sorted(kept)]


def _label(panel: Axes, bins: Sequence[Bin]) -> None:
    labels = [readable(shortened(bin_.label, _LONGEST_LABEL)) for bin_ in bins]
    panel.set_xticks(range(len(bins)), labels, rotation=50, ha="right", rotation_mode="anchor")
    panel.set_xlim(-0.7, len(bins) - 0.3)


def _title(panel: Axes, title: str, subtitle: str) -> None:
    panel.set_title(title, loc="left", fontsize=11, color=INK, pad=22 if title else 14, fontweight="bold")
    panel.annotate(
        subtitle, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", fontsize=9, color=INK
    )
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(GREY)
    panel.tick_params(colors=INK, labelsize=8.5, color=GREY)
    panel.set_axisbelow(True)
    panel.xaxis.label.set(color=INK, fontsize=9)
    panel.yaxis.label.set(color=INK, fontsize=9)


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def readable(text: str) -> str:
    """A name of somebody else's, in which `$` would begin mathematics."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text).replace("$", r"\$")
