"""`tidegate models`: what there is to serve, what is known of it, and what may still be done with it."""

import typer

from tidegate.cli.groups import add_group

_COMMANDS = {
    "inspect": "models_inspect:inspect",
    "register": "models_register:register_version",
    "list": "models_list:list_models",
    "show": "models_show:show",
    "diff": "models_diff:diff",
    "retire": "models_states:retire",
    "restore": "models_states:restore",
    "quarantine": "models_states:quarantine",
    "release": "models_states:release",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    add_group(app, "models", _COMMANDS, about="Register models, look at their versions, take versions out.")
