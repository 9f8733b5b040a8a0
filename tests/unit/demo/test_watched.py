"""The last act, played before a gateway in this process: what holds is told and drawn, and what does not is a sentence."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from support.flown import WatchingGateway, flights
from tidegate import drift
from tidegate.demo import verdict, watched, year_view
from tidegate.demo.judged import Counted, JudgedDay
from tidegate.demo.offline import differences
from tidegate.demo.verdict import broken_claims

YEAR = [*flights(datetime(2013, 7, 1, tzinfo=UTC), 31), *flights(datetime(2013, 12, 1, tzinfo=UTC), 31, seed=12)]


def console():
    return Console(file=io.StringIO(), width=100)


def played(folder, gateway, out):
    """The year, as the demo plays it."""
    place = folder / "models" / "flight-delay" / "2"
    place.mkdir(parents=True)
    (place / "profile.json").write_text(gateway.profile.text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watched, "asking_days", lambda _: gateway.ask)
        patched.setattr(watched, "read_json", lambda *_: gateway.report())
        return watched.play_year(out, folder, YEAR, None, "127.0.0.1:1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("year") / "demo"


@pytest.fixture(scope="module")
def year(folder):
    return played(folder, WatchingGateway(), console())


def test_a_year_that_holds_is_told_drawn_and_exits_with_zero(year, folder):
    out = console()
    assert watched.tell_year(out, folder, year, folder.parent) == 0
    said = " ".join(out.file.getvalue().split())
    assert "! 2014-01 dep_hour: values are 60 times what they were: another unit?" in said
    assert "! 2014-02 carrier: 5.00 % are of categories that the reference does not know: 'ZZ'" in said
    assert "in each of the 4 months, number for number" in said
    assert "--current demo/months/2014-02.parquet" in said
    assert (folder / "drift.png").read_bytes().startswith(b"\x89PNG")


def test_each_month_is_a_line_as_it_comes_and_a_file_that_the_command_reads(year, folder):
    assert [year_view.month_line(replayed) for replayed in year.months] == [
        "2013-07  1,860 flights · listed: nothing",
        "2013-12  1,860 flights · listed: nothing",
        "2014-01  1,860 flights with minutes for hours · listed: dep_hour",
        "2014-02  1,680 flights with a new carrier ZZ · listed: carrier",
    ]
    files = sorted(path.name for path in (folder / "months").iterdir())
    assert files == [f"{replayed.month.name}.parquet" for replayed in year.months]
    profile = drift.read_profile(folder / "models" / "flight-delay" / "2" / "profile.json")
    for file, replayed in zip(files, year.months, strict=True):
        table = drift.compare(current=folder / "months" / file, profile=profile)
        assert differences(replayed.judged.report, table) == []


def test_a_gateway_that_loses_a_flight_is_found_out(tmp_path):
    out = console()
    year = played(tmp_path, WatchingGateway(dropped=1), out)
    assert watched.tell_year(out, tmp_path, year, tmp_path.parent) == 1
    said = out.file.getvalue()
    rows = year.requested_rows
    assert f"{rows:,} flights were asked about; the gateway counted {rows - 1:,}" in said
    assert "2013-07 carrier.bins[" in said
    assert "The year did not hold." in said


def test_each_claim_breaks_alone(year):
    july, december, minutes, stranger = year.months
    late = replace(year, counted=Counted(rows=year.requested_rows, misplaced=2))
    assert [sentence.split(";")[0] for sentence in broken_claims(late)] == ["7,320 flights were asked about"]
    halves = replace(year, halves=minutes.judged.report)
    assert broken_claims(halves) == ["dep_hour is listed between two halves of 2013-07."]
    swapped = replace(year, months=[july, december, stranger, minutes], tables=[*year.tables[:2], *year.tables[:1:-1]])
    assert [sentence.split(":")[0] for sentence in broken_claims(swapped)] == [
        "Minutes for hours are not named",
        "The carrier ZZ is not named",
    ]


def test_of_many_differences_some_are_shown_and_the_rest_counted(year):
    mixed = replace(year, tables=[year.tables[2], *year.tables[1:]])
    *shown, rest = broken_claims(mixed)
    assert len(shown) == verdict.MOST_SHOWN
    found = differences(year.months[0].judged.report, year.tables[2])
    assert rest == f"2013-07 and {len(found) - len(shown):,} numbers more."


def test_the_table_marks_what_is_listed(year):
    out = console()
    out.print(year_view.year_table(year.months))
    heading, carrier, hour = out.file.getvalue().rstrip().splitlines()
    assert heading.split() == ["Jul", "13", "Dec", "13", "Jan", "14", "Feb", "14"]
    assert [cell.endswith("◆") for cell in carrier.split()] == [False, False, False, False, True]
    assert [cell.endswith("◆") for cell in hour.split()] == [False, False, False, True, False]


def test_days_stand_out_only_in_months_that_nothing_was_done_to(year):
    def with_days(replayed, **listed):
        days = {midnight_s(day): JudgedDay(psi={}, listed=names) for day, names in listed.items()}
        return replace(replayed, judged=replace(replayed.judged, days=days))

    def midnight_s(day):
        return int(datetime.strptime(f"{day} +0000", "%b_%d_%Y %z").timestamp())

    july, december, minutes, stranger = year.months
    quiet = [with_days(replayed) for replayed in (december, minutes, stranger)]
    *_, line = year_view.lines([with_days(july, Jul_01_2013=()), *quiet])
    assert line == "Days that were listed: none"
    odd = with_days(july, Jul_01_2013=("dep_hour", "carrier"))
    odder = with_days(minutes, Dec_14_2013=("label",), Jan_02_2014=("dep_hour",))
    *_, line = year_view.lines([odd, quiet[0], odder, quiet[2]])
    assert line == "Days that were listed: Mon 01 Jul dep_hour, carrier · Sat 14 Dec label"
