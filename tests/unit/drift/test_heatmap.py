"""Comparisons one after another are drawn whatever they found, in a picture that says what was listed."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from support.departures import departures, with_column
from tidegate.drift import compare
from tidegate.drift.heatmap import MOST_FEATURES, MOST_NAMED, MOST_NUMBERED, Part, draw_heatmap
from tidegate.drift.picture import ORANGE, to_png


@pytest.fixture(scope="module")
def reports():
    """A quiet month, one of minutes for hours, and one with a new carrier."""
    current = departures(seed=2)
    minutes = with_column(current, "dep_hour", 60 * current.column("dep_hour").to_numpy())
    carriers = current.column("carrier").to_pylist()
    stranger = with_column(current, "carrier", ["ZZ" if at % 10 == 0 else each for at, each in enumerate(carriers)])
    months = {"Apr": current, "May": minutes, "Jun": stranger}
    return {month: compare(reference=departures(), current=table) for month, table in months.items()}


def drawn(reports, **beside):
    """The panel of the picture, which must also become a file."""
    figure = draw_heatmap(reports, title="Months", **beside)
    assert to_png(figure).startswith(b"\x89PNG")
    return figure.axes[0]


def words(labels):
    return [label.get_text() for label in labels]


def framed(panel):
    """The cells that are marked, by column and row."""
    frames = [patch for patch in panel.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    assert all(frame.get_edgecolor()[:3] == pytest.approx(_rgb(ORANGE), abs=0.01) for frame in frames)
    return {(int(frame.get_x()), int(frame.get_y())) for frame in frames}


def _rgb(colour):
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def test_what_was_listed_is_framed_and_says_what_for(reports):
    panel = drawn(reports)
    features = words(panel.get_yticklabels())
    assert features == ["carrier", "dep_hour", "late"]
    assert framed(panel) == {(1, features.index("dep_hour")), (2, features.index("carrier"))}
    assert next(text for text in words(panel.texts) if "new" in text).endswith("10 % new")


def test_every_cell_has_the_psi_of_its_report(reports):
    shown = words(drawn(reports).texts)
    for report in reports.values():
        for judgement in report.values():
            value = judgement.psi.value
            assert any(text.startswith(f"{value:.3f}" if value < 1 else f"{value:.1f}") for text in shown)


def test_columns_with_a_note_stand_apart_and_carry_it(reports):
    panel = drawn(reports, notes={"Jun": "a new carrier ZZ"})
    assert words(panel.get_xticklabels()) == ["Apr", "May", "Jun\na new\ncarrier ZZ"]
    april, may, june = panel.get_xticks()
    assert june - may > may - april


def test_too_few_rows_and_a_feature_that_one_report_lacks_are_drawn(reports):
    few = compare(reference=departures(), current=departures(rows=3))
    less = compare(reference=departures(), current=departures(seed=3), exclude=["late"])
    panel = drawn({**reports, "few": few, "less": less})
    assert words(panel.get_yticklabels()) == ["carrier", "dep_hour", "late"]
    assert "-" in words(panel.texts)


def test_of_many_features_and_windows_the_worst_are_drawn_without_numbers():
    names = [f"f{at:02}" for at in range(MOST_FEATURES + 5)]
    rng = np.random.default_rng(1)
    reference, current = ({name: rng.normal(0, 1, 500) for name in names} for _ in range(2))
    report = compare(reference=reference, current={**current, "f44": current["f44"] + 3})
    panel = drawn({str(at): report for at in range(MOST_NUMBERED + 1)})
    assert len(panel.get_yticklabels()) == MOST_FEATURES
    assert "f44" in words(panel.get_yticklabels())
    assert words(panel.texts) == ["PSI against the reference"]


def test_names_are_drawn_as_they_are(reports):
    april = reports["Apr"]
    assert words(drawn({"$ in $": april}).get_xticklabels()) == [r"\$ in \$"]


def ticks(panel):
    """The marks above listed parts, by the column and row of their cell."""
    filled = [patch for patch in panel.patches if isinstance(patch, Rectangle) and patch.get_fill()]
    found = [patch for patch in filled if patch.get_facecolor()[:3] == pytest.approx(_rgb(ORANGE), abs=0.01)]
    return [(int(tick.get_x()), int(tick.get_y())) for tick in found]


def test_parts_are_a_strip_and_those_that_are_listed_have_a_tick_and_a_name(reports):
    quiet = Part(name="1 Apr", psi={"carrier": 0.001, "dep_hour": None}, listed=())
    odd = Part(name="2 Apr", psi={"carrier": 0.3, "dep_hour": 0.2}, listed=("carrier",))
    panel = drawn(reports, parts={"Apr": [quiet, odd, quiet]})
    assert ticks(panel) == [(0, 0)]
    assert [text for text in words(panel.texts) if "Apr" in text] == ["2 Apr"]
    assert "of its parts" in words(panel.texts)[-1]


def test_of_many_listed_parts_no_name_is_drawn(reports):
    odd = Part(name="odd", psi={"carrier": 0.3}, listed=("carrier",))
    panel = drawn(reports, parts={"May": [odd] * (MOST_NAMED + 1)})
    assert ticks(panel) == [(1, 0)] * (MOST_NAMED + 1)
    assert "odd" not in words(panel.texts)
