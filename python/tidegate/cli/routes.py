"""`tidegate routes`: why a request goes where it goes, and who would move if weights were others."""

import typer

from tidegate.cli.routes_diff import diff
from tidegate.cli.routes_explain import explain
from tidegate.cli.routes_simulate import simulate


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    routes = typer.Typer(help="Ask why a request goes where it goes, and who would move.", no_args_is_help=True)
    routes.command("explain")(explain)
    routes.command("simulate")(simulate)
    routes.command("diff")(diff)
    app.add_typer(routes, name="routes")
