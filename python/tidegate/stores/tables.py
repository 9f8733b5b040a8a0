"""The tables, the same in every database.

Times are microseconds since 1970. `seq` is the number of the journal entry that changed a row last: its etag. Rows of
append-only tables are never changed; triggers see to it.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=nullable)


def _int(name: str, *, key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=nullable, autoincrement=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


registry = Table(
    "registry",
    metadata,
    _int("id", key=True),
    _text("instance"),
    _int("incarnation"),
    _int("seq"),
    _int("time_us"),
    _bytes("hash"),
    CheckConstraint("id = 1", name="one_row"),
    comment="The one row that every change locks: the end of the journal.",
)

journal = Table(
    "journal",
    metadata,
    _int("seq", key=True),
    _int("time_us"),
    _text("actor"),
    _text("kind"),
    _text("action"),
    _text("resource"),
    _text("outcome"),
    _bytes("body"),
    _bytes("previous"),
    _bytes("hash"),
    Index(None, "resource", "seq"),
    Index(None, "time_us", "seq"),
    comment="Append-only. The body is what is hashed; the columns beside it are for searching.",
)

principal = Table(
    "principal",
    metadata,
    _text("name", key=True),
    _text("kind"),
    _text("token"),
    _int("create_us"),
    _int("revoke_us", nullable=True),
    _int("seq"),
    UniqueConstraint("token"),
    comment="Who may ask; the token is a digest.",
)

request = Table(
    "request",
    metadata,
    _text("actor", key=True),
    _text("request_id", key=True),
    _text("method"),
    _text("body"),
    _text("receipt"),
    _int("expire_us"),
    Index(None, "expire_us"),
    comment="What was answered to a request, so that its repetition does nothing; the body is a digest.",
)

artifact = Table(
    "artifact",
    metadata,
    _text("digest", key=True),
    _text("kind"),
    _text("subject", nullable=True),
    _bytes("manifest"),
    _int("size_bytes"),
    _int("create_us"),
    _int("seq"),
    Index(None, "subject", "seq"),
    comment="Append-only. Manifests of versions, and of the evidence that is attached to a subject.",
)

artifact_blob = Table(
    "artifact_blob",
    metadata,
    _text("artifact", key=True),
    _text("blob", key=True),
    Index(None, "blob"),
    comment="Append-only. Which blobs a manifest needs.",
)

model = Table(
    "model",
    metadata,
    _text("project", key=True),
    _text("model", key=True),
    _text("owner"),
    _text("contact"),
    _text("runbook"),
    _int("next_number"),
    _int("create_us"),
    _int("seq"),
)

version = Table(
    "version",
    metadata,
    _text("project", key=True),
    _text("model", key=True),
    _int("number", key=True),
    _text("artifact"),
    _text("files"),
    _text("signature"),
    _text("state"),
    _text("state_reason"),
    _int("create_us"),
    _int("seq"),
    UniqueConstraint("project", "model", "artifact"),
    ForeignKeyConstraint(["project", "model"], ["model.project", "model.model"]),
    Index(None, "artifact"),
    Index(None, "files"),
    comment="`files` is the digest under which a gateway knows the same files; `signature` is JSON.",
)

alias = Table(
    "alias",
    metadata,
    _text("project", key=True),
    _text("model", key=True),
    _text("alias", key=True),
    _int("number"),
    _int("seq"),
    ForeignKeyConstraint(["project", "model", "number"], ["version.project", "version.model", "version.number"]),
)

head = Table(
    "head",
    metadata,
    _text("scope", key=True),
    _int("generation"),
    _int("revision"),
    _text("hold", nullable=True),
    _int("seq"),
    comment="What a route or a monitor is now; the hold is why nobody may change it by the way. The scope is a full name.",
)

revision = Table(
    "revision",
    metadata,
    _text("scope", key=True),
    _int("number", key=True),
    _text("cause"),
    _text("change"),
    _text("document"),
    _text("content"),
    _text("digest"),
    _int("create_us"),
    _int("seq"),
    comment="Append-only. `document` as written, `content` as resolved, both JSON; the digest is the content's.",
)

tenure = Table(
    "tenure",
    metadata,
    _text("scope", key=True),
    _int("generation", key=True),
    _int("revision"),
    _text("cause"),
    _int("begin_us"),
    _int("seq"),
    Index(None, "scope", "begin_us", "generation"),
    comment="Append-only. Which revision was the head from when on.",
)

plan = Table(
    "plan",
    metadata,
    _text("id", key=True),
    _text("scope"),
    _int("base_generation"),
    _text("document"),
    _text("content"),
    _text("digest"),
    _int("expire_us"),
    Index(None, "expire_us"),
)

edge = Table(
    "edge",
    metadata,
    _text("source", key=True),
    _text("role", key=True),
    _text("target", key=True),
    _int("seq"),
    Index(None, "target"),
    comment="Append-only. What was made of what.",
)

APPEND_ONLY = (journal, artifact, artifact_blob, revision, tenure, edge)
