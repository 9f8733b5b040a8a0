"""What was answered to requests, for a day."""

import json
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from tidegate.stores import tables


class Answered(NamedTuple):
    """A request that was answered."""

    method: str
    body: str
    """The digest of what was asked."""
    receipt: dict[str, Any]


_ANSWERED = select(tables.request.c.method, tables.request.c.body, tables.request.c.receipt).where(
    tables.request.c.actor == bindparam("actor"), tables.request.c.request_id == bindparam("request_id")
)


def find(connection: Connection, actor: str, request_id: str) -> Answered | None:
    """What was answered to a request of an actor."""
    row = connection.execute(_ANSWERED, {"actor": actor, "request_id": request_id}).first()
    return None if row is None else Answered(row.method, row.body, json.loads(row.receipt))


def keep(
    connection: Connection, actor: str, request_id: str, answered: Answered, *, now_us: int, expire_us: int
) -> None:
    """Remembers an answer, and forgets those whose day is over."""
    table = tables.request
    connection.execute(table.delete().where(table.c.expire_us <= now_us))
    receipt = json.dumps(answered.receipt, separators=(",", ":"))
    connection.execute(
        table.insert().values(
            actor=actor,
            request_id=request_id,
            method=answered.method,
            body=answered.body,
            receipt=receipt,
            expire_us=expire_us,
        )
    )
