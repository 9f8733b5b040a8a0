"""`tidegate models`: what there is to serve, what is known of it, and what may still be done with it."""

import typer

from tidegate.cli.models_diff import diff
from tidegate.cli.models_inspect import inspect
from tidegate.cli.models_register import register_version
from tidegate.cli.models_show import list_models, show
from tidegate.cli.models_states import quarantine, release, restore, retire


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    models = typer.Typer(help="Register models, look at their versions, take versions out.", no_args_is_help=True)
    models.command("inspect")(inspect)
    models.command("register")(register_version)
    models.command("list")(list_models)
    models.command("show")(show)
    models.command("diff")(diff)
    models.command("retire")(retire)
    models.command("restore")(restore)
    models.command("quarantine")(quarantine)
    models.command("release")(release)
    app.add_typer(models, name="models")
