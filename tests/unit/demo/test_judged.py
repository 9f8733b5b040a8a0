from datetime import UTC, datetime

import pytest

from support.flown import SETTINGS, WatchingGateway, flights
from tidegate import drift
from tidegate.demo.flights import DAY_S, columns
from tidegate.demo.judged import Counted, read_counted, read_month

FIRST = datetime(2013, 4, 1, tzinfo=UTC)
APRIL_S = int(FIRST.timestamp())


@pytest.fixture(scope="module")
def gateway():
    """One that was asked about April and a day of May."""
    gateway = WatchingGateway()
    for day in range(31):
        gateway.ask(flights(FIRST, 31)[day * 60 : (day + 1) * 60])
    return gateway


def test_a_month_that_was_judged_is_the_comparison_of_its_rows(gateway):
    judged = read_month(gateway.report(), APRIL_S)
    table = drift.compare(current=columns(flights(FIRST, 30)), profile=gateway.profile)
    assert dict(judged.report) == dict(table)
    assert judged.report.settings == SETTINGS


def test_days_are_kept_by_their_midnight(gateway):
    days = read_month(gateway.report(), APRIL_S).days
    assert list(days) == [APRIL_S + day * DAY_S for day in range(30)]
    assert set(days[APRIL_S].psi) == {"carrier", "dep_hour"}
    assert days[APRIL_S].listed == ()


@pytest.mark.parametrize("versions", [[], [{"watch": None}], [{"watch": {"windows": {}}}]])
def test_before_anything_was_judged_there_is_no_month(versions):
    assert read_month({"versions": versions}, APRIL_S) is None


@pytest.mark.parametrize("latest", [None, {"start_s": APRIL_S}])
def test_another_month_than_the_asked_one_is_none(latest):
    document = {"versions": [{"watch": {"windows": {"1mo": {"latest": latest}}}}]}
    assert read_month(document, APRIL_S + 30 * DAY_S) is None


def test_rows_are_counted_over_all_classes_and_late_ones_told(gateway):
    assert read_counted(gateway.report()) == Counted(rows=31 * 60, misplaced=0)
    found = {"watch": {"rows": {"split": 3, "pinned": 4}, "late": 2}, "timeless": 1}
    assert read_counted({"versions": [found]}) == Counted(rows=7, misplaced=3)
