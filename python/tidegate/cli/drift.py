"""`tidegate drift`: does what comes look like what was learnt from?"""

import typer

from tidegate.cli.groups import add_group

_COMMANDS = {
    "show": "drift_show:show",
    "compare": "drift_compare:compare",
    "explain": "drift_explain:explain",
    "selftest": "drift_selftest:selftest",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    about = "Find the features that drift, of a route that is watched or between tables."
    add_group(app, "drift", _COMMANDS, about=about)
