"""`tidegate routes`: who answers, who did, who shall; and why a request goes where it goes."""

import typer

from tidegate.cli.groups import add_group

_COMMANDS = {
    "plan": "routes_plan:plan",
    "apply": "routes_apply:apply",
    "switch": "routes_switch:switch",
    "list": "routes_history:list_routes",
    "show": "routes_history:show",
    "history": "routes_history:history",
    "explain": "routes_explain:explain",
    "simulate": "routes_simulate:simulate",
    "diff": "routes_diff:diff",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    about = "Plan and apply routes, look at their history, ask why a request goes where it goes."
    add_group(app, "routes", _COMMANDS, about=about)
