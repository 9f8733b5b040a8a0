"""The first form."""

from alembic import op

from tidegate.stores.tables import APPEND_ONLY, metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, and guard those that only grow."""
    metadata.create_all(op.get_bind())
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
                f"BEGIN SELECT RAISE(ABORT, 'append-only table {table.name}'); END"
            )
