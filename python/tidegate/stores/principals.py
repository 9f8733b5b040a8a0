"""Who may ask."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from tidegate.core.journal import Kind
from tidegate.stores import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who may ask, for as long as the token is not revoked."""

    name: str
    kind: Kind
    create_us: int
    revoke_us: int | None
    seq: int


def by_token(connection: Connection, token: str) -> Principal | None:
    """Whose token has this digest."""
    return _one(connection, tables.principal.c.token == token)


def by_name(connection: Connection, name: str) -> Principal | None:
    """Who has this name."""
    return _one(connection, tables.principal.c.name == name)


def list_all(connection: Connection) -> list[Principal]:
    """Everybody, in the order of names."""
    return [_principal(row) for row in connection.execute(select(tables.principal).order_by(tables.principal.c.name))]


def put(connection: Connection, principal: Principal, token: str | None = None) -> None:
    """Adds somebody with a token, or changes who is there."""
    values = {
        "name": principal.name,
        "kind": principal.kind.value,
        "create_us": principal.create_us,
        "revoke_us": principal.revoke_us,
        "seq": principal.seq,
    }
    if token is not None:
        connection.execute(tables.principal.insert().values(token=token, **values))
    else:
        connection.execute(tables.principal.update().where(tables.principal.c.name == principal.name).values(**values))


def _one(connection: Connection, condition: ColumnElement[bool]) -> Principal | None:
    row = connection.execute(select(tables.principal).where(condition)).first()
    return None if row is None else _principal(row)


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        name=row.name,
        kind=Kind(row.kind),
        create_us=row.create_us,
        revoke_us=row.revoke_us,
        seq=row.seq,
    )
