"""The command line, put together."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from tidegate.cli.groups import LazyGroup, lazily

# Each is a module of this package with `register(app)`, under the same name unless Python has another use for it; with
# what it says of itself, so that a list of all commands imports none.
COMMANDS: Mapping[str, str] = {
    "up": "Serve a gateway, a registry and its admin API from one folder; a second signal ends at once.",
    "backup": "Copy a registry, with every byte that it needs, while it goes on: all of one moment.",
    "restore": "Make a registry of a backup, in a folder that has none; gateways follow it from then on.",
    "serve": "Serve the models of a gateway document until Ctrl-C or SIGTERM; a second signal ends at once.",
    "apply": "Have the running gateway serve a document: routes and versions change without losing a request.",
    "status": "Show what a running gateway serves: its routes with their arms, its versions, and what is on its way.",
    "routes": "Plan and apply routes, look at their history, ask why a request goes where it goes.",
    "rollback": "Have a route answer as it did before, at once; it is held there until a person releases it.",
    "import": "Register every version that a gateway document names, and apply its routes with the tables that are in force.",
    "shadow": "Compare the answers of shadows.",
    "infer": "Ask a route or model, and print its answer.",
    "models": "Register models, look at their versions, take versions out.",
    "aliases": "Name versions: fraud@champion.",
    "config": "Look at a gateway document.",
    "profiles": "Make and read profiles of reference data.",
    "drift": "Find the features that drift, of a route that is watched or between tables.",
    "monitors": "Say what is watched for drift.",
    "journal": "Who changed what, when and why.",
    "gc": "Give up bytes that no version needs and that came a day ago or more; exits with 1 if needed bytes are missing.",
    "tokens": "Who may ask the registry: persons, automations, gateways.",
}

_MODULES = {"import": "imports"}


class _Whole(LazyGroup):
    """Every command: told of without its module, which is imported when it is run, or asked for its own help."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None if there is none."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is to be run."""
        if args:
            super().get_command(ctx, args[0])
        return super().resolve_command(ctx, args)


def build(asked: str | None) -> typer.Typer:
    """The application with the command that was asked for, or with every command.

    A gateway lives for months: it must not carry what other commands import (the client alone brings grpcio and numpy).
    """
    if asked is not None and asked in COMMANDS:
        return _alone(asked)
    app = _application(cls=lazily(_Whole, tuple(COMMANDS), _add), add_completion=True)
    app.callback()(lambda: None)
    return app


def _alone(command: str) -> typer.Typer:
    app = _application(cls=TyperGroup, add_completion=False)
    _add(command, app)
    # With a single command typer would take its name for an argument.
    app.callback()(lambda: None)
    return app


def _add(command: str, app: typer.Typer) -> None:
    import_module(f"tidegate.cli.{_MODULES.get(command, command)}").register(app)


def _application(*, cls: type[TyperGroup], add_completion: bool) -> typer.Typer:
    return typer.Typer(
        name="tidegate",
        help="A gRPC gateway for ONNX models: serve them, split traffic between versions, ask them.",
        no_args_is_help=True,
        cls=cls,
        add_completion=add_completion,
        pretty_exceptions_enable=False,
    )
