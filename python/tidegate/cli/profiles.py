"""`tidegate profiles`: what the reference data of a model looked like, as a file that travels with it."""

import typer

from tidegate.cli.groups import add_group

_COMMANDS = {"build": "profiles_build:build", "check": "profiles_check:check", "show": "profiles_show:show"}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    add_group(app, "profiles", _COMMANDS, about="Make and read profiles of reference data.")
