"""Pictures are drawn of whatever a comparison finds, also of nothing and of names that would mean something to matplotlib."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from support.departures import departures, with_column
from tidegate.drift import compare
from tidegate.drift.picture import MOST_FEATURES, draw_feature, to_png


def numbers(columns, rows=500, seed=1, shift=0.0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(shift, 1, rows) for name in columns}


def labels(panel):
    return [label.get_text() for label in panel.get_yticklabels()]


def test_features_are_drawn_the_worst_first_and_the_listed_ones_with_their_bins():
    current = departures(seed=2)
    minutes = with_column(current, "dep_hour", 60 * current.column("dep_hour").to_numpy())
    figure = compare(reference=departures(), current=minutes).plot()
    assert isinstance(figure, Figure)
    overview, bins, nothing = figure.axes
    assert labels(overview) == ["dep_hour", "late", "carrier"] or labels(overview) == ["dep_hour", "carrier", "late"]
    assert overview.get_title(loc="left") == "1 of 3 features listed"
    assert (bins.get_title(loc="left"), bins.get_visible(), nothing.get_visible()) == ("dep_hour", True, False)


def test_of_many_features_the_first_are_drawn_and_the_rest_is_counted():
    names = [f"f{at}" for at in range(MOST_FEATURES + 5)]
    (overview,) = compare(reference=numbers(names), current=numbers(names, seed=2)).plot().axes
    assert len(labels(overview)) == MOST_FEATURES
    assert overview.get_title(loc="left") == f"0 of {len(names)} features listed, 5 more not drawn"


@pytest.mark.parametrize("rows", [1, 500])
def test_names_and_too_few_rows_are_drawn_as_they_are(rows):
    names = ["price in $ or $", "a\x1b[31m", "x" * 300]
    report = compare(reference=numbers(names), current=numbers(names, rows=rows, shift=3))
    assert to_png(report.plot()).startswith(b"\x89PNG")
    for judgement in report.values():
        assert to_png(draw_feature(judgement, report)).startswith(b"\x89PNG")


def test_a_column_that_has_gone_missing_is_drawn():
    report = compare(reference=departures(), current=with_column(departures(), "dep_hour", [None] * 4_000))
    assert to_png(report.plot()).startswith(b"\x89PNG")
