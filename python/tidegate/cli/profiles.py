"""`tidegate profiles`: what the reference data of a model looked like, as a file that travels with it."""

import typer

from tidegate.cli.profiles_build import build
from tidegate.cli.profiles_check import check
from tidegate.cli.profiles_show import show


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    profiles = typer.Typer(help="Make and read profiles of reference data.", no_args_is_help=True)
    profiles.command("build")(build)
    profiles.command("check")(check)
    profiles.command("show")(show)
    app.add_typer(profiles, name="profiles")
