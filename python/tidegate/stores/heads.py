"""Heads and revisions: what a route or a monitor is and was. A scope is its full name."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, bindparam, func, select

from tidegate.core.revisions import Cause, Lived, Tenure
from tidegate.errors import Missing
from tidegate.stores import tables

_MOST_READ = 16_384
"""Contents and documents that are kept read: of as many routes as a gateway may have."""

# What every change asks is made once: making a statement takes longer than running it.
_HEAD = select(tables.head).where(tables.head.c.scope == bindparam("scope"))
_REVISION = select(tables.revision).where(
    tables.revision.c.scope == bindparam("scope"), tables.revision.c.number == bindparam("number")
)
_NEWEST = (
    select(tables.revision.c.number)
    .where(tables.revision.c.scope == bindparam("scope"))
    .order_by(tables.revision.c.number.desc())
    .limit(1)
)
_ADD_HEAD, _ADD_TENURE = tables.head.insert(), tables.tenure.insert()
_ADD_REVISION = tables.revision.insert()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a scope is now."""

    scope: str
    generation: int
    revision: int
    hold: str | None
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRevision:
    """One immutable content of a scope."""

    scope: str
    number: int
    cause: Cause
    change: str
    document: dict[str, Any]
    """As it was written."""
    content: dict[str, Any]
    """As it was resolved: everything that changes together."""
    digest: str
    create_us: int
    seq: int


def get(connection: Connection, scope: str) -> Head | None:
    """The head of a scope."""
    row = connection.execute(_HEAD, {"scope": scope}).first()
    return None if row is None else _head(row)


def list_under(connection: Connection, prefix: str, *, after: str = "", limit: int) -> list[Head]:
    """Heads whose scope begins with a prefix that ends with a slash, in the order of names, behind one."""
    column = tables.head.c.scope
    under = select(tables.head).where(_begins_with(prefix), column > after)
    return [_head(row) for row in connection.execute(under.order_by(column).limit(limit))]


def swap(connection: Connection, head: Head, *, expected: int) -> bool:
    """Has a scope be another revision, if its generation is still the expected one; 0 for a scope that is new."""
    values = {"generation": head.generation, "revision": head.revision, "hold": head.hold, "seq": head.seq}
    table = tables.head
    if expected == 0:
        if get(connection, head.scope) is not None:
            return False
        connection.execute(_ADD_HEAD, {"scope": head.scope, **values})
        return True
    same = table.update().where(table.c.scope == head.scope, table.c.generation == expected)
    return connection.execute(same.values(**values)).rowcount == 1


def begin_tenure(connection: Connection, head: Head, cause: Cause, begin_us: int) -> None:
    """Notes since when a revision is the head."""
    connection.execute(
        _ADD_TENURE,
        {
            "scope": head.scope,
            "generation": head.generation,
            "revision": head.revision,
            "cause": cause.value,
            "begin_us": begin_us,
            "seq": head.seq,
        },
    )


def tenures(connection: Connection, scope: str, *, upto: int | None = None, limit: int | None = None) -> list[Tenure]:
    """The times of a scope up to a generation, oldest first; of very many the newest."""
    table = tables.tenure
    query = select(table).where(table.c.scope == scope).order_by(table.c.generation.desc())
    if upto is not None:
        query = query.where(table.c.generation <= upto)
    rows = connection.execute(query if limit is None else query.limit(limit)).all()
    return [_tenure(row) for row in reversed(rows)]


def tenures_at(connection: Connection, scope: str, at_us: int) -> list[Tenure]:
    """The time that a moment is in, and the one after it; nothing before the first."""
    table = tables.tenure
    newest_first = table.c.begin_us.desc(), table.c.generation.desc()
    # Times never go back: of those that begin at once, the last one is what the moment is in.
    begun = select(table).where(table.c.scope == scope, table.c.begin_us <= at_us).order_by(*newest_first).limit(1)
    row = connection.execute(begun).first()
    if row is None:
        return []
    following = select(table).where(table.c.scope == scope, table.c.generation == row.generation + 1)
    return [_tenure(each) for each in (row, connection.execute(following).first()) if each is not None]


def get_revision(connection: Connection, scope: str, number: int) -> StoredRevision | None:
    """A revision of a scope."""
    row = connection.execute(_REVISION, {"scope": scope, "number": number}).first()
    return None if row is None else _revision(row)


def revision_of(connection: Connection, scope: str, number: int) -> StoredRevision:
    """A revision of a scope.

    Raises:
        Missing: There is no such revision.
    """
    revision = get_revision(connection, scope, number)
    if revision is None:
        raise Missing(
            f"{scope} has no revision {number}: `tidegate routes history` shows what there is.",
            reason="REVISION_MISSING",
            resource=scope,
            revision=str(number),
        )
    return revision


def revisions_of(connection: Connection, scope: str, numbers: Collection[int]) -> dict[int, StoredRevision]:
    """Revisions of a scope by their numbers, no more than of one page.

    Raises:
        Missing: There is no such revision.
    """
    table = tables.revision
    rows = connection.execute(select(table).where(table.c.scope == scope, table.c.number.in_(set(numbers))))
    found = {row.number: _revision(row) for row in rows}
    return {number: found[number] if number in found else revision_of(connection, scope, number) for number in numbers}


def changes(connection: Connection, scope: str, numbers: Collection[int] | None = None) -> dict[int, str]:
    """What some revisions of a scope are a part of, or all of them, by their numbers."""
    table = tables.revision
    query = select(table.c.number, table.c.change).where(table.c.scope == scope)
    rows = connection.execute(query if numbers is None else query.where(table.c.number.in_(numbers)))
    return {row.number: row.change for row in rows}


def proven(connection: Connection, scope: str, *, now_us: int, min_us: int, limit: int) -> dict[int, list[Lived]]:
    """The lives of those revisions that were the head for so long without a break, by number: of the newest ones."""
    table = tables.tenure
    in_order = table.c.generation
    lives = (
        select(
            table.c.generation,
            table.c.revision,
            (func.coalesce(func.lead(table.c.begin_us).over(order_by=in_order), now_us) - table.c.begin_us).label("us"),
            func.lead(table.c.cause).over(order_by=in_order).label("successor"),
        )
        .where(table.c.scope == scope)
        .cte("lives")
    )
    newest = select(lives.c.revision).where(lives.c.us >= min_us).distinct().order_by(lives.c.revision.desc())
    query = select(lives).where(lives.c.revision.in_(newest.limit(limit))).order_by(lives.c.generation)
    found: dict[int, list[Lived]] = {}
    for row in connection.execute(query):
        successor = None if row.successor is None else Cause(row.successor)
        found.setdefault(row.revision, []).append(Lived(row.us, successor))
    return found


def list_revisions(
    connection: Connection, scope: str, *, before: int | None = None, limit: int
) -> list[StoredRevision]:
    """Revisions of a scope, the newest first, before a number."""
    table = tables.revision
    query = select(table).where(table.c.scope == scope).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    return [_revision(row) for row in connection.execute(query)]


def contents_under(connection: Connection, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The contents of every head whose scope begins with a prefix, by scope."""
    for row in _revisions_under(connection, prefix, tables.revision.c.content):
        yield row.scope, read(row.content)


def documents_under(connection: Connection, prefix: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Document and content of every route whose name begins with a prefix, by scope."""
    for row in _revisions_under(connection, prefix, tables.revision.c.document, tables.revision.c.content):
        if "/routes/" in row.scope:
            yield row.scope, read(row.document), read(row.content)


def _revisions_under(connection: Connection, prefix: str, *columns: Column[Any]) -> Iterable[Any]:
    head, revision = tables.head, tables.revision
    joined = head.join(revision, (revision.c.scope == head.c.scope) & (revision.c.number == head.c.revision))
    query = select(head.c.scope, *columns).select_from(joined)
    return connection.execute(query.where(_begins_with(prefix)).order_by(head.c.scope))


def _begins_with(prefix: str) -> ColumnElement[bool]:
    """Whether a head is below a prefix that ends with a slash: a range, which an index knows, as it knows no LIKE."""
    column = tables.head.c.scope
    return and_(column > prefix, column < prefix[:-1] + chr(ord("/") + 1))


def newest_revision(connection: Connection, scope: str) -> int:
    """The highest number of a scope's revisions; 0 if there is none."""
    return connection.execute(_NEWEST, {"scope": scope}).scalar() or 0


def add_revision(connection: Connection, revision: StoredRevision) -> None:
    """Adds a revision."""
    connection.execute(
        _ADD_REVISION,
        {
            "scope": revision.scope,
            "number": revision.number,
            "cause": revision.cause.value,
            "change": revision.change,
            "document": json.dumps(revision.document, ensure_ascii=False),
            "content": json.dumps(revision.content, ensure_ascii=False),
            "digest": revision.digest,
            "create_us": revision.create_us,
            "seq": revision.seq,
        },
    )


@lru_cache(_MOST_READ)
def read(text: str) -> dict[str, Any]:
    """A document or a content; the same value each time, which nobody changes: revisions are immutable."""
    value: dict[str, Any] = json.loads(text)
    return value


def _tenure(row: Any) -> Tenure:
    return Tenure(generation=row.generation, revision=row.revision, cause=Cause(row.cause), begin_us=row.begin_us)


def _head(row: Any) -> Head:
    return Head(scope=row.scope, generation=row.generation, revision=row.revision, hold=row.hold, seq=row.seq)


def _revision(row: Any) -> StoredRevision:
    return StoredRevision(
        scope=row.scope,
        number=row.number,
        cause=Cause(row.cause),
        change=row.change,
        document=read(row.document),
        content=read(row.content),
        digest=row.digest,
        create_us=row.create_us,
        seq=row.seq,
    )
