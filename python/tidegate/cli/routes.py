"""`tidegate routes`: who answers, who did, who shall; and why a request goes where it goes."""

import typer

from tidegate.cli.routes_apply import apply
from tidegate.cli.routes_diff import diff
from tidegate.cli.routes_explain import explain
from tidegate.cli.routes_history import history, list_routes, show
from tidegate.cli.routes_plan import plan
from tidegate.cli.routes_simulate import simulate
from tidegate.cli.routes_switch import switch


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    routes = typer.Typer(
        help="Plan and apply routes, look at their history, ask why a request goes where it goes.",
        no_args_is_help=True,
    )
    routes.command("plan")(plan)
    routes.command("apply")(apply)
    routes.command("switch")(switch)
    routes.command("list")(list_routes)
    routes.command("show")(show)
    routes.command("history")(history)
    routes.command("explain")(explain)
    routes.command("simulate")(simulate)
    routes.command("diff")(diff)
    app.add_typer(routes, name="routes")
