"""`tidegate drift`: does what comes look like what was learnt from?"""

import typer

from tidegate.cli.drift_compare import compare
from tidegate.cli.drift_explain import explain
from tidegate.cli.drift_selftest import selftest
from tidegate.cli.drift_show import show


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    drift = typer.Typer(
        help="Find the features that drift, of a route that is watched or between tables.", no_args_is_help=True
    )
    drift.command("show")(show)
    drift.command("compare")(compare)
    drift.command("explain")(explain)
    drift.command("selftest")(selftest)
    app.add_typer(drift, name="drift")
