"""Models, their versions and aliases."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, select

from tidegate.core.names import ModelName, VersionName
from tidegate.core.versions import State
from tidegate.stores import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A trained thing."""

    name: ModelName
    owner: str
    contact: str
    runbook: str
    next_number: int
    create_us: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One release of a model."""

    name: VersionName
    artifact: str
    """The digest of its manifest."""
    files: str
    """The digest under which gateways know its files."""
    signature: dict[str, Any]
    state: State
    state_reason: str
    create_us: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name that points to a version, and may point to another tomorrow."""

    model: ModelName
    alias: str
    number: int
    seq: int


# What every change asks is made once: making a statement takes longer than running it.
_VERSION = select(tables.version).where(
    tables.version.c.project == bindparam("project"),
    tables.version.c.model == bindparam("model"),
    tables.version.c.number == bindparam("number"),
)


def get_model(connection: Connection, name: ModelName) -> Model | None:
    """The model of a name."""
    row = connection.execute(select(tables.model).where(_of(tables.model, name))).first()
    return None if row is None else _model(row)


def list_models(connection: Connection, project: str, *, after: str = "", limit: int) -> list[Model]:
    """Models of a project in the order of names, behind one."""
    table = tables.model
    query = select(table).where(table.c.project == project, table.c.model > after).order_by(table.c.model).limit(limit)
    return [_model(row) for row in connection.execute(query)]


def put_model(connection: Connection, model: Model) -> None:
    """Adds a model, or changes the one of the name."""
    values = {
        "owner": model.owner,
        "contact": model.contact,
        "runbook": model.runbook,
        "next_number": model.next_number,
        "create_us": model.create_us,
        "seq": model.seq,
    }
    changed = connection.execute(tables.model.update().where(_of(tables.model, model.name)).values(**values))
    if not changed.rowcount:
        connection.execute(tables.model.insert().values(project=model.name.project, model=model.name.model, **values))


def get_version(connection: Connection, name: VersionName) -> Version | None:
    """The version of a number."""
    key = {"project": name.model.project, "model": name.model.model, "number": name.number}
    row = connection.execute(_VERSION, key).first()
    return None if row is None else _version(row)


def version_of(connection: Connection, model: ModelName, artifact: str) -> Version | None:
    """The version of a model whose manifest has this digest."""
    return _one_version(connection, model, tables.version.c.artifact == artifact)


def signature_of(connection: Connection, files: str) -> dict[str, Any] | None:
    """The signature of a model that is in the same files as some version, of whichever model."""
    query = select(tables.version.c.signature).where(tables.version.c.files == files).limit(1)
    found = connection.execute(query).scalar()
    return None if found is None else json.loads(found)


def list_versions(connection: Connection, model: ModelName, *, before: int | None = None, limit: int) -> list[Version]:
    """Versions of a model, the newest first, before a number."""
    table = tables.version
    query = select(table).where(_of(table, model)).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    return [_version(row) for row in connection.execute(query)]


def add_version(connection: Connection, version: Version) -> None:
    """Adds a version."""
    name = version.name
    connection.execute(
        tables.version.insert().values(
            project=name.model.project,
            model=name.model.model,
            number=name.number,
            artifact=version.artifact,
            files=version.files,
            signature=json.dumps(version.signature, separators=(",", ":")),
            state=version.state.value,
            state_reason=version.state_reason,
            create_us=version.create_us,
            seq=version.seq,
        )
    )


def move_version(connection: Connection, name: VersionName, state: State, reason: str, seq: int) -> None:
    """Gives a version another state."""
    table = tables.version
    of_number = and_(_of(table, name.model), table.c.number == name.number)
    connection.execute(table.update().where(of_number).values(state=state.value, state_reason=reason, seq=seq))


def get_alias(connection: Connection, model: ModelName, alias: str) -> Alias | None:
    """An alias of a model."""
    table = tables.alias
    row = connection.execute(select(table).where(_of(table, model), table.c.alias == alias)).first()
    return None if row is None else Alias(model=model, alias=alias, number=row.number, seq=row.seq)


def list_aliases(connection: Connection, model: ModelName) -> list[Alias]:
    """Every alias of a model, in the order of names."""
    table = tables.alias
    rows = connection.execute(select(table).where(_of(table, model)).order_by(table.c.alias))
    return [Alias(model=model, alias=row.alias, number=row.number, seq=row.seq) for row in rows]


def put_alias(connection: Connection, alias: Alias) -> None:
    """Has an alias point to a version."""
    remove_alias(connection, alias.model, alias.alias)
    connection.execute(
        tables.alias.insert().values(
            project=alias.model.project,
            model=alias.model.model,
            alias=alias.alias,
            number=alias.number,
            seq=alias.seq,
        )
    )


def remove_alias(connection: Connection, model: ModelName, alias: str) -> None:
    """Has an alias point nowhere."""
    table = tables.alias
    connection.execute(table.delete().where(_of(table, model), table.c.alias == alias))


def _of(table: Table, name: ModelName) -> ColumnElement[bool]:
    return and_(table.c.project == name.project, table.c.model == name.model)


def _one_version(connection: Connection, model: ModelName, condition: ColumnElement[bool]) -> Version | None:
    row = connection.execute(select(tables.version).where(_of(tables.version, model), condition)).first()
    return None if row is None else _version(row)


def _model(row: Row[Any]) -> Model:
    return Model(
        name=ModelName(row.project, row.model),
        owner=row.owner,
        contact=row.contact,
        runbook=row.runbook,
        next_number=row.next_number,
        create_us=row.create_us,
        seq=row.seq,
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        name=VersionName(ModelName(row.project, row.model), row.number),
        artifact=row.artifact,
        files=row.files,
        signature=json.loads(row.signature),
        state=State(row.state),
        state_reason=row.state_reason,
        create_us=row.create_us,
        seq=row.seq,
    )
