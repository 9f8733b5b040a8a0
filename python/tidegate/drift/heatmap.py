"""Comparisons one after another as one picture: features by windows, coloured by PSI, with what was listed marked.

Needs matplotlib; only who draws imports this module.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator

from tidegate.drift.picture import (
    BLUE,
    GREY,
    INK,
    LONGEST_NAME,
    ORANGE,
    new_figure,
    readable,
    shortened,
)
from tidegate.drift.report import Judgement, Report, State

MOST_FEATURES = 40
MOST_NUMBERED = 14
"""Windows of which there is room for numbers in the cells."""
MOST_NAMED = 3
"""Listed parts of a window of which there is room for names."""
LEAST_PSI, MOST_PSI = 1e-3, 1.0
"""What colours tell apart: below nothing has moved, above everything has."""
_PALE, _DARK = "#f4f7fb", "#0d2f5c"
_COLOURS = LinearSegmentedColormap.from_list("psi", [_PALE, "#b9d0ea", BLUE, _DARK])
_SHADES = LogNorm(LEAST_PSI, MOST_PSI, clip=True)
_DARK_FROM = 0.55
_LINE = 12
_INSIDE = 0.88
_ROW, _HEADING = 0.7, 2.1
_GAP = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a window, such as a day of its month."""

    name: str
    psi: Mapping[str, float | None]
    """By feature; None where there were too few rows."""
    listed: Collection[str]


def draw_heatmap(
    reports: Mapping[str, Report],
    *,
    title: str,
    notes: Mapping[str, str] | None = None,
    parts: Mapping[str, Sequence[Part]] | None = None,
) -> Figure:
    """PSI of each feature in each of the comparisons, the earliest first.

    Args:
        reports: Comparisons with one reference, by what stands below their columns.
        title: What stands above.
        notes: What is to be known of some of the columns, which stand apart: by the same names.
        parts: The parts of the windows in their order, by the same names: a strip at the foot of each cell.
    """
    notes, parts = notes or {}, parts or {}
    names = _names(reports)
    figure = new_figure(_HEADING + _ROW * max(2, len(names)))
    panel = figure.subplots()
    lefts = _lefts(list(reports), notes)
    for left, (label, report) in zip(lefts, reports.items(), strict=True):
        for at, name in enumerate(names):
            if name in report:
                _cell(panel, (left, at), report[name], is_numbered=len(reports) <= MOST_NUMBERED)
                _strip(panel, (left, at), name, parts.get(label, ()))
    panel.set_xlim(-0.06, lefts[-1] + 1.06)
    panel.set_ylim(len(names) + 0.06, -0.06)
    panel.set_xticks([left + 0.5 for left in lefts], [_below(label, notes) for label in reports])
    panel.set_yticks(
        [at + 0.5 for at in range(len(names))], [readable(shortened(name, LONGEST_NAME)) for name in names]
    )
    _dress(figure, panel, readable(title), has_parts=any(parts.values()))
    return figure


def _names(reports: Mapping[str, Report]) -> Sequence[str]:
    """Inputs first, then predictions; of very many features those that came worst."""
    worst: dict[str, float] = {}
    directions: dict[str, str] = {}
    for report in reports.values():
        for judgement in report.values():
            value = 0.0 if judgement.psi is None else judgement.psi.value / max(judgement.psi.threshold, 1e-12)
            worst[judgement.name] = max(worst.get(judgement.name, 0.0), value)
            directions[judgement.name] = judgement.direction
    kept = sorted(worst, key=lambda name: -worst[name])[:MOST_FEATURES]
    return sorted(kept, key=lambda name: (directions[name], name))


def _lefts(labels: Sequence[str], notes: Mapping[str, str]) -> list[float]:
    """Where each column begins: those with a note stand apart from those without."""
    lefts = [0.0]
    for before, after in pairwise(labels):
        lefts.append(lefts[-1] + 1 + (_GAP if (before in notes) != (after in notes) else 0.0))
    return lefts


def _cell(panel: Axes, place: tuple[float, float], judgement: Judgement, *, is_numbered: bool) -> None:
    left, top = place
    psi = judgement.psi
    shade = 0.0 if psi is None else _shade(psi.value)
    colour = "white" if psi is None else _colour(psi.value)
    panel.add_patch(Rectangle((left, top), 1, 1, facecolor=colour, edgecolor="white", linewidth=2, zorder=1))
    is_listed = judgement.state in (State.WARN, State.DRIFT)
    if is_numbered:
        shown: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8.5, "zorder": 4}
        ink, weight = "white" if shade > _DARK_FROM else INK, "bold" if is_listed else "normal"
        panel.annotate(_said(judgement), (left + 0.5, top + 0.42), color=ink, fontweight=weight, **shown)
    if is_listed:
        frame = Rectangle((left + 0.04, top + 0.06), 0.92, 0.88, fill=False, edgecolor=ORANGE, linewidth=2.2, zorder=3)
        panel.add_patch(frame)
        panel.plot(left + 0.87, top + 0.2, marker="D", color=ORANGE, markersize=5, markeredgecolor="white", zorder=5)


def _strip(panel: Axes, place: tuple[float, float], name: str, parts: Sequence[Part]) -> None:
    """Each part as a bar of its colour, a tick above those that are listed, and the names of these if they are few."""
    left, top = place
    width = _INSIDE / max(1, len(parts))
    listed = [part for part in parts if name in part.listed]
    for at, part in enumerate(parts):
        begins, psi = left + (1 - _INSIDE) / 2 + at * width, part.psi.get(name)
        colour = "white" if psi is None else _colour(psi)
        panel.add_patch(Rectangle((begins, top + 0.78), width, 0.14, facecolor=colour, linewidth=0, zorder=2))
        if part in listed:
            panel.add_patch(
                Rectangle(
                    (begins + 0.15 * width, top + 0.71), 0.7 * width, 0.05, facecolor=ORANGE, linewidth=0, zorder=3
                )
            )
            if len(listed) <= MOST_NAMED:
                beside: dict[str, Any] = {"ha": "right" if at > len(parts) / 2 else "left", "va": "bottom"}
                inside = begins + width if at > len(parts) / 2 else begins
                panel.annotate(part.name, (inside, top + 0.7), fontsize=6.5, color=INK, zorder=4, **beside)


def _said(judgement: Judgement) -> str:
    """PSI, and below it what else a listed feature may be listed for."""
    psi = judgement.psi
    value = "-" if psi is None else f"{psi.value:.3f}" if psi.value < 1 else f"{psi.value:.1f}"
    shares = {"new": judgement.new, "missing": judgement.missing}
    is_listed = judgement.state in (State.WARN, State.DRIFT)
    beside = [
        f"\n{100 * share.current:.2g} % {name}"
        for name, share in shares.items()
        if share and share.current and is_listed
    ]
    return value + "".join(beside)


def _shade(psi: float) -> float:
    return float(_SHADES(max(psi, LEAST_PSI)))


def _colour(psi: float) -> tuple[float, float, float, float]:
    return _COLOURS(_shade(psi))


def _below(label: str, notes: Mapping[str, str]) -> str:
    """The name of a column, and what is to be known of it in lines that fit below."""
    return "\n".join([readable(label), *wrap(readable(notes.get(label, "")), _LINE)])


def _dress(figure: Figure, panel: Axes, title: str, *, has_parts: bool) -> None:
    panel.set_title(title, loc="left", fontsize=11.5, color=INK, pad=24, fontweight="bold")
    above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    subtitle = "PSI against the reference" + (": of each window, and of its parts in the strip" if has_parts else "")
    panel.annotate(subtitle, (0, 1), (0, 9), fontsize=9, color=INK, **above)
    panel.plot([], [], linestyle="", marker="D", color=ORANGE, markersize=5, label="listed: beyond what is tolerated")
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
    panel.legend(frameon=False, fontsize=9, labelcolor=INK, handletextpad=0.1, **place)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0, labelsize=9, colors=INK)
    shades = ScalarMappable(norm=_SHADES, cmap=_COLOURS)
    scale = figure.colorbar(shades, ax=panel, fraction=0.022, pad=0.015, extend="both", aspect=18)
    scale.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale.ax.yaxis.set_minor_locator(NullLocator())
    scale.ax.tick_params(labelsize=8, labelcolor=INK, color=GREY)
    scale.outline.set_visible(False)
