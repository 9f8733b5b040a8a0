"""The command line, put together."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# Each is a module of this package with `register(app)`, under the same name unless Python has another use for it.
COMMANDS = (
    "up",
    "backup",
    "restore",
    "serve",
    "apply",
    "status",
    "routes",
    "rollback",
    "import",
    "shadow",
    "infer",
    "models",
    "aliases",
    "config",
    "profiles",
    "drift",
    "monitors",
    "journal",
    "gc",
    "tokens",
)

_MODULES = {"import": "imports"}


class _Whole(TyperGroup):
    """Every command, each imported when it is looked at: completion of one word must not import all of them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the signature is click's
        """All there are, in the order of their table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None if there is none."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands.update(get_group(_alone(cmd_name)).commands)
        return super().get_command(ctx, cmd_name)


def build(asked: str | None) -> typer.Typer:
    """The application with the command that was asked for, or with every command.

    A gateway lives for months: it must not carry what other commands import (the client alone brings grpcio and numpy).
    """
    if asked in COMMANDS:
        return _alone(asked)
    app = _application(cls=_Whole, add_completion=True)
    app.callback()(lambda: None)
    return app


def _alone(command: str) -> typer.Typer:
    app = _application(cls=TyperGroup, add_completion=False)
    import_module(f"tidegate.cli.{_MODULES.get(command, command)}").register(app)
    # With a single command typer would take its name for an argument.
    app.callback()(lambda: None)
    return app


def _application(*, cls: type[TyperGroup], add_completion: bool) -> typer.Typer:
    return typer.Typer(
        name="tidegate",
        help="A gRPC gateway for ONNX models: serve them, split traffic between versions, ask them.",
        no_args_is_help=True,
        cls=cls,
        add_completion=add_completion,
        pretty_exceptions_enable=False,
    )
