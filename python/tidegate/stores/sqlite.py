"""A registry in one file of SQLite: write-ahead log, every commit on the disk before it is acknowledged."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from tidegate.errors import AlreadyThere, RegistryDamaged, RegistryError, RegistryUnavailable
from tidegate.stores.upgrade import upgrade

WAIT_S = 5.0
"""How long a change waits for one of another process."""
READERS = 16
"""Connections that are kept; more readers than that wait for one another."""


class SqliteStore:
    """See :class:`tidegate.stores.base.Store`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _engine(path)
        # SQLite lets one process after another write, in no order; in this one nobody starves.
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """The only change at its time."""
        if not self._turn.acquire(timeout=WAIT_S):
            raise _busy(self._path)
        try:
            with self._transaction("IMMEDIATE") as connection:
                yield connection
        finally:
            self._turn.release()

    def back_up(self, to: Path) -> None:
        """Writes a copy by SQLite's own online backup."""
        if to.exists():
            raise AlreadyThere(f"{to} is there already; name a new file.", reason="BACKUP_EXISTS", path=str(to))
        try:
            with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(to)) as target:
                source.backup(target)
        except sqlite3.Error as error:
            raise _explained(error, to) from error

    def close(self) -> None:
        """Gives up every connection."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.info["mode"] = mode
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise _explained(error.orig or error, self._path) from error


def open_sqlite(where: str) -> SqliteStore:
    """Opens the file, makes it if there is none, and brings it to the newest form."""
    store = SqliteStore(Path(where))
    try:
        with store.changing() as connection:
            upgrade(connection)
    except BaseException:
        store.close()
        raise
    return store


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=0,
        connect_args={"timeout": WAIT_S, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Transactions are begun by the listener below; the driver's own would begin late, and not immediate.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.info.get('mode', 'DEFERRED')}")

    return engine


def _explained(error: BaseException, path: Path) -> RegistryError:
    """The error of the driver as a sentence."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return _busy(path)
    if "full" in text or "disk I/O" in text:
        return RegistryUnavailable(
            f"{path} cannot be written ({text}): make room on its disk, then try again; nothing was changed.",
            reason="DISK_FULL",
            path=str(path),
        )
    if "malformed" in text or "not a database" in text or "append-only" in text:
        return RegistryDamaged(
            f"{path} is damaged ({text}): restore a backup with `tidegate restore`.",
            reason="STORE_DAMAGED",
            path=str(path),
        )
    return RegistryUnavailable(f"{path} cannot be used: {text}", reason="STORE_UNAVAILABLE", path=str(path))


def _busy(path: Path) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"Another change of {path} did not end within {WAIT_S:.0f} s; try again.", reason="STORE_BUSY", path=str(path)
    )
