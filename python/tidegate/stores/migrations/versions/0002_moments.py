"""A moment is found by an index, in the journal and among the times of a route; a table that nothing used is gone.

The first form is made of the tables as they are now, so a new database has all of this already.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is missing, and drop what is too much."""
    op.create_index("ix_journal_time_us_seq", "journal", ["time_us", "seq"], if_not_exists=True)
    columns = ["scope", "begin_us", "generation"]
    op.create_index("ix_tenure_scope_begin_us_generation", "tenure", columns, if_not_exists=True)
    op.drop_table("environment", if_exists=True)
