"""Brings a database to the form that this release reads."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from tidegate.errors import RegistryDamaged

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Goes through every form between that of the database and the newest one, in the connection's transaction.

    Raises:
        RegistryDamaged: The database has tables of somebody else, or a form that only a newer release knows.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    has_form = inspect(connection).has_table("form")
    if not has_form and inspect(connection).get_table_names():
        raise RegistryDamaged(
            "The database has tables that are not of a registry; name another one.", reason="STORE_FOREIGN"
        )
    form = MigrationContext.configure(connection, opts={"version_table": "form"}).get_current_revision()
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if form is not None and form not in known:
        raise RegistryDamaged(
            f"The database has form {form}, which a newer release wrote; this one reads up to {known[0]}. Use the newer release.",
            reason="STORE_FROM_THE_FUTURE",
            form=form,
        )
    if form != known[0]:
        command.upgrade(config, "head")
