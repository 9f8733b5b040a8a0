"""The journal's rows, and the one row that knows where it ends."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, ScalarSelect, Select, bindparam, select

from tidegate.core.journal import FIRST, Entry, read
from tidegate.stores import tables

_BESIDE = ("seq", "time_us", "actor", "kind", "action", "resource", "outcome")


class End(NamedTuple):
    """Where the journal ends."""

    instance: str
    incarnation: int
    seq: int
    time_us: int
    hash: bytes


# What every change asks is made once: making a statement takes longer than running it.
_END = select(*(tables.registry.c[name] for name in End._fields))
_MOVE_END = tables.registry.update()
_ADD = tables.journal.insert()
_AFTER = (
    select(tables.journal.c.resource)
    .where(tables.journal.c.seq > bindparam("after"))
    .order_by(tables.journal.c.seq)
    .limit(bindparam("most"))
)


def found(connection: Connection, instance: str) -> None:
    """Gives a new registry its name and an empty journal; leaves one that has them as it is."""
    if connection.execute(select(tables.registry.c.id)).first() is None:
        row = End(instance=instance, incarnation=1, seq=0, time_us=0, hash=FIRST)
        connection.execute(tables.registry.insert().values(id=1, **row._asdict()))


def end(connection: Connection) -> End:
    """Where it ends now."""
    return End(*connection.execute(_END).one())


def move_end(connection: Connection, to: End) -> None:
    """Has it end elsewhere."""
    connection.execute(_MOVE_END, to._asdict())


def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Adds entries behind the last one."""
    rows = []
    for entry in entries:
        said = read(entry.body)
        rows.append(
            {name: said[name] for name in _BESIDE}
            | {"body": entry.body, "previous": entry.previous, "hash": entry.hash}
        )
    connection.execute(_ADD, rows)


def walk(connection: Connection) -> Iterator[tuple[Entry, Mapping[str, Any]]]:
    """Every entry with what stands beside its bytes, the first one first."""
    rows = connection.execution_options(yield_per=1_000).execute(select(tables.journal).order_by(tables.journal.c.seq))
    for row in rows:
        yield _entry(row), {name: getattr(row, name) for name in _BESIDE}


def page(
    connection: Connection,
    *,
    resource: str | None = None,
    before: int | None = None,
    until_us: int | None = None,
    limit: int,
) -> list[Entry]:
    """Entries, the newest first: of one resource, before a number, up to a time."""
    query: Select[Any] = select(tables.journal).order_by(tables.journal.c.seq.desc()).limit(limit)
    if resource is not None:
        query = query.where(tables.journal.c.resource == resource)
    if before is not None:
        query = query.where(tables.journal.c.seq < before)
    if until_us is not None:
        query = query.where(tables.journal.c.seq <= _last_until(until_us))
    return [_entry(row) for row in connection.execute(query)]


def _last_until(until_us: int) -> ScalarSelect[int]:
    """The number of the last entry up to a time. Times never go back, so that all entries before it are up to it, too."""
    table = tables.journal
    until = select(table.c.seq).where(table.c.time_us <= until_us)
    return until.order_by(table.c.time_us.desc(), table.c.seq.desc()).limit(1).scalar_subquery()


def after(connection: Connection, seq: int, *, limit: int) -> list[Entry]:
    """The entries that follow a number, the oldest first."""
    query = select(tables.journal).where(tables.journal.c.seq > seq).order_by(tables.journal.c.seq).limit(limit)
    return [_entry(row) for row in connection.execute(query)]


def after_resources(connection: Connection, seq: int, *, limit: int) -> list[str]:
    """What the entries that follow a number are about, the oldest first."""
    return list(connection.execute(_AFTER, {"after": seq, "most": limit}).scalars())


def _entry(row: Row[Any]) -> Entry:
    # Whoever tampers with a row may leave text where bytes were; that is for the reader of the chain to find.
    body, previous, own = (value.encode() if isinstance(value, str) else value for value in row[-3:])
    return Entry(seq=row.seq, body=body, previous=previous, hash=own)
