"""Plans: what a route may become."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from tidegate.stores import tables
from tidegate.stores.heads import read

_PLAN = select(tables.plan).where(tables.plan.c.id == bindparam("id"))
_ADD_PLAN = tables.plan.insert()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A change that was looked at and can be made as long as nothing else changes."""

    id: str
    scope: str
    base_generation: int
    document: dict[str, Any]
    content: dict[str, Any]
    digest: str
    expire_us: int


def keep(connection: Connection, plan: Plan, *, now_us: int) -> None:
    """Keeps a plan, and forgets those whose time is over."""
    table = tables.plan
    connection.execute(table.delete().where((table.c.expire_us <= now_us) | (table.c.id == plan.id)))
    connection.execute(
        _ADD_PLAN,
        {
            "id": plan.id,
            "scope": plan.scope,
            "base_generation": plan.base_generation,
            "document": json.dumps(plan.document, ensure_ascii=False),
            "content": json.dumps(plan.content, ensure_ascii=False),
            "digest": plan.digest,
            "expire_us": plan.expire_us,
        },
    )


def get(connection: Connection, plan_id: str) -> Plan | None:
    """A plan, whether or not its time is over."""
    row = connection.execute(_PLAN, {"id": plan_id}).first()
    if row is None:
        return None
    return Plan(
        id=row.id,
        scope=row.scope,
        base_generation=row.base_generation,
        document=read(row.document),
        content=read(row.content),
        digest=row.digest,
        expire_us=row.expire_us,
    )
