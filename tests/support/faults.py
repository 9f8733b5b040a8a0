"""Ends a process at every point at which it could be ended, and looks at what is left.

A point is before and after every statement and every commit, and before every opening, renaming and removing of a file of the
registry. They are counted, not listed: what is added to the code is tried as well. Run as a program, so that what is forked
has one thread: `python -m support.faults SCENARIO FOLDER`.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from support import models
from support.forks import Ended, count_of, forked
from support.registries import Kept, open_registry
from tidegate.blobs import open_blobs
from tidegate.core.names import RouteName
from tidegate.services import backup, journal, quarantine, routes, versions
from tidegate.services.publications import Publications
from tidegate.stores import artifacts, open_store, tables

SUM = RouteName.parse("sum")
SAVED = "saved"
FILE_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.mkdir"})


class Points:
    """Counts points, and ends the process at one of them."""

    def __init__(self, folder: Path, end_at: int | None) -> None:
        self.passed = 0
        self._folder = str(folder)
        self._end_at = end_at
        self._is_on = True
        event.listen(Engine, "before_cursor_execute", self._point)
        event.listen(Engine, "after_cursor_execute", self._point)
        commit = SQLiteDialect_pysqlite.do_commit

        def do_commit(dialect: Any, connection: Any) -> None:
            self._point()
            commit(dialect, connection)
            self._point()

        SQLiteDialect_pysqlite.do_commit = do_commit
        sys.addaudithook(self._hear)

    def _hear(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in FILE_EVENTS and str(arguments[0]).startswith(self._folder):
            self._point()

    def _point(self, *_: Any) -> None:
        self.passed += 1
        if self.passed == self._end_at:
            os.kill(os.getpid(), signal.SIGKILL)


def register(kept: Kept) -> Iterator[str]:
    """A version that is new, and one that is not."""
    for number in (2, 1):
        kept.register("m", models.add(number))
        yield f"m/{number}"


def change(kept: Kept) -> Iterator[str]:
    """Every way in which a route changes."""
    for number in (1, 2, 3):
        kept.apply({"route": "sum", "split": {f"m/{number}": 1}})
        yield f"apply {number}"
        kept.clock.pass_hours(1)
    routes.rollback(kept.registry, kept.caller, SUM)
    yield "rollback"
    quarantine.quarantine(kept.registry, kept.caller, "m/2")
    yield "quarantine"


def back_up(kept: Kept) -> Iterator[str]:
    """A copy of everything."""
    backup.back_up(
        kept.store,
        kept.blobs,
        kept.folder / SAVED,
        open_rows=lambda folder: open_store(f"sqlite:{folder}/registry.db"),
        open_bytes=lambda folder: open_blobs(f"folder:{folder}/artifacts"),
        tell=lambda *_: None,
    )
    yield SAVED


SCENARIOS: dict[str, Callable[[Kept], Iterator[str]]] = {"register": register, "change": change, "backup": back_up}
AFTER_CHANGE = {
    "": None,
    "apply 1": "m/1",
    "apply 2": "m/2",
    "apply 3": "m/3",
    "rollback": "m/2",
    "quarantine": "m/1",
}


def check(scenario: str, folder: Path, acknowledged: list[str]) -> None:
    """What was acknowledged is there, and nothing that is half done."""
    kept = open_registry(folder)
    assert journal.check(kept.registry).broken is None
    with kept.registry.reading() as connection:
        needed = set(artifacts.needed_blobs(connection))
        heads = list(connection.execute(select(tables.head)))
        tenures = list(connection.execute(select(tables.tenure).order_by(tables.tenure.c.generation)))
        found = list(connection.execute(select(tables.version).order_by(tables.version.c.number)))
    assert all(kept.blobs.has(digest) for digest in needed), "what a manifest names is there"
    for row in found:
        versions.show(kept.registry, f"m/{row.number}")
    assert [row.number for row in found] == list(range(1, len(found) + 1)), "numbers have no gaps"
    for head in heads:
        own = [tenure for tenure in tenures if tenure.scope == head.scope]
        assert [tenure.generation for tenure in own] == list(range(1, head.generation + 1))
        assert own[-1].revision == head.revision
    if scenario == "register":
        assert len(found) == 2 or not acknowledged
        # The rest can be done again, and ends as if nothing had happened.
        list(register(kept))
        assert len(versions.list_versions(kept.registry, versions.ModelName.parse("m"))) == 2
    elif scenario == "change":
        _check_route(kept, acknowledged)
    else:
        _check_backup(kept, acknowledged)
    kept.store.close()


def _check_route(kept: Kept, acknowledged: list[str]) -> None:
    steps = list(AFTER_CHANGE)
    at = len(acknowledged)
    # What was under way when it ended may be done, whole, or not.
    expected = {AFTER_CHANGE[step] for step in steps[at : at + 2]}
    now = Publications(kept.registry, "default", "default").newest().routes
    answers = next(iter(now["sum"]["split"]), None) if now else None
    assert answers in expected, f"after {acknowledged} the route is answered by {answers}"


def _check_backup(kept: Kept, acknowledged: list[str]) -> None:
    saved = kept.folder / SAVED
    if not (saved / "registry.db").exists():
        assert not acknowledged
        list(back_up(kept))
    copy = open_registry(saved)
    assert len(versions.list_versions(copy.registry, versions.ModelName.parse("m"))) == 3
    with copy.registry.reading() as connection:
        assert all(copy.blobs.has(digest) for digest in artifacts.needed_blobs(connection))
    copy.store.close()


def run(scenario: str, folder: Path, end_at: int | None) -> Ended:
    """Goes through the scenario up to a point; tells what is acknowledged, and in the end how many points were passed."""

    def work(tell: Callable[[object], None]) -> None:
        kept = open_registry(folder)
        points = Points(folder, end_at)
        for done in SCENARIOS[scenario](kept):
            tell(done)
        tell(points.passed)

    return forked(work)


def main(scenario: str, folder: Path) -> None:
    """Tries every point of a scenario, and prints how many there are."""
    prepared = folder / "prepared"
    prepared.mkdir()
    kept = open_registry(prepared)
    kept.register_some("m", 1 if scenario == "register" else 3)
    kept.store.close()

    def fresh(name: str) -> Path:
        return Path(shutil.copytree(prepared, folder / name))

    whole = run(scenario, fresh("whole"), None)
    assert whole.code == 0
    count = int(whole.said[-1])

    def try_one(end_at: int) -> bool:
        tried = fresh(f"at-{end_at}")
        ended = run(scenario, tried, end_at)
        assert ended.is_killed, f"point {end_at} was not reached: {ended}"
        try:
            check(scenario, tried, ended.said)
        except AssertionError as error:
            error.add_note(f"ended at point {end_at} of {count}, after {ended.said}")
            raise
        shutil.rmtree(tried)
        return True

    print(json.dumps({"points": count_of(range(1, count + 1), try_one)}))  # the test reads it


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
