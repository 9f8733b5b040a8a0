"""Manifests: of versions, and of what is attached to them; and what was made of what."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, or_, select

from tidegate.core.manifests import Listed, Manifest
from tidegate.core.names import ModelName, VersionName
from tidegate.core.versions import State
from tidegate.errors import RegistryDamaged
from tidegate.stores import tables

# What every change asks is made once: making a statement takes longer than running it.
_OF_DIGEST = select(tables.artifact).where(tables.artifact.c.digest == bindparam("digest"))
_ATTACHED = (
    select(tables.artifact)
    .where(tables.artifact.c.subject == bindparam("subject"))
    .order_by(tables.artifact.c.seq, tables.artifact.c.digest)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A manifest with its place in history."""

    digest: str
    kind: str
    subject: str | None
    manifest: dict[str, Any]
    size_bytes: int
    create_us: int
    seq: int


class Edge(NamedTuple):
    """`source` was made of `target`, which played a role in it."""

    source: str
    role: str
    target: str


def get(connection: Connection, digest: str) -> Artifact | None:
    """The manifest of a digest."""
    row = connection.execute(_OF_DIGEST, {"digest": digest}).first()
    return None if row is None else _artifact(row)


def of(connection: Connection, digest: str) -> Artifact:
    """The manifest of a version that is there.

    Raises:
        RegistryDamaged: It is not there, though a version is never added without it.
    """
    found = get(connection, digest)
    if found is None:
        raise RegistryDamaged(
            f"The manifest {digest} is missing: restore a backup with `tidegate restore`.",
            reason="MANIFEST_MISSING",
            digest=digest,
        )
    return found


def attached(connection: Connection, subject: str) -> list[Artifact]:
    """What is attached to a manifest, in the order in which it was."""
    return [_artifact(row) for row in connection.execute(_ATTACHED, {"subject": subject})]


def add(connection: Connection, manifest: Manifest, *, blobs: Sequence[str], now_us: int, seq: int) -> bool:
    """Adds a manifest and what it needs; False if it is there already."""
    if get(connection, manifest.digest) is not None:
        return False
    connection.execute(
        tables.artifact.insert().values(
            digest=manifest.digest,
            kind=manifest.kind,
            subject=manifest.subject,
            manifest=manifest.body,
            size_bytes=manifest.size_bytes,
            create_us=now_us,
            seq=seq,
        )
    )
    rows = [{"artifact": manifest.digest, "blob": blob} for blob in sorted(set(blobs))]
    connection.execute(tables.artifact_blob.insert(), rows)
    return True


def needed_blobs(connection: Connection) -> Iterator[str]:
    """Every blob that a manifest needs, once: all of the manifests, and the files of versions that are not retired."""
    blob, artifact, version = tables.artifact_blob, tables.artifact, tables.version
    joined = blob.join(artifact, artifact.c.digest == blob.c.artifact).outerjoin(
        version, version.c.artifact == func.coalesce(artifact.c.subject, artifact.c.digest)
    )
    is_needed = or_(blob.c.blob == artifact.c.digest, version.c.state.is_(None), version.c.state != State.RETIRED.value)
    yield from connection.execute(select(blob.c.blob).select_from(joined).where(is_needed).distinct()).scalars()


def listed(connection: Connection) -> Iterator[Listed]:
    """Every version that is not retired, and what is attached to one: that of which every byte is needed."""
    artifact, version = tables.artifact, tables.version
    manifest = artifact.c.digest, artifact.c.kind, func.length(artifact.c.manifest).label("size_bytes")
    is_kept = version.c.state != State.RETIRED.value
    versions = (
        select(*manifest, version.c.project, version.c.model, version.c.number)
        .select_from(version.join(artifact, artifact.c.digest == version.c.artifact))
        .where(is_kept)
        .order_by(version.c.project, version.c.model, version.c.number)
    )
    for row in connection.execute(versions):
        reference = VersionName(ModelName(row.project, row.model), row.number).short
        yield Listed(digest=row.digest, size_bytes=row.size_bytes, kind=row.kind, reference=reference)
    subjects = select(version.c.artifact).where(is_kept)
    attached = select(*manifest).where(artifact.c.subject.in_(subjects)).order_by(artifact.c.seq, artifact.c.digest)
    for said in connection.execute(attached):
        yield Listed(digest=said.digest, size_bytes=said.size_bytes, kind=said.kind, reference=None)


def link(connection: Connection, edges: Sequence[Edge], seq: int) -> None:
    """Notes what was made of what; what is known already stays."""
    for edge in edges:
        table = tables.edge
        same = select(table.c.seq).where(
            table.c.source == edge.source, table.c.role == edge.role, table.c.target == edge.target
        )
        if connection.execute(same).first() is None:
            connection.execute(table.insert().values(seq=seq, **edge._asdict()))


def made_of(connection: Connection, source: str) -> list[Edge]:
    """What a thing was made of."""
    table = tables.edge
    rows = connection.execute(select(table).where(table.c.source == source).order_by(table.c.role, table.c.target))
    return [Edge(row.source, row.role, row.target) for row in rows]


def _artifact(row: Any) -> Artifact:
    return Artifact(
        digest=row.digest,
        kind=row.kind,
        subject=row.subject,
        manifest=json.loads(row.manifest),
        size_bytes=row.size_bytes,
        create_us=row.create_us,
        seq=row.seq,
    )
