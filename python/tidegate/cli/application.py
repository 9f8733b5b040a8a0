"""The command line, put together."""

from importlib import import_module

import typer

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


def build(asked: str | None) -> typer.Typer:
    """The application with the command that was asked for, or with every command.

    A gateway lives for months: it must not carry what other commands import (the client alone brings grpcio and numpy).
    """
    app = typer.Typer(
        name="tidegate",
        help="A gRPC gateway for ONNX models: serve them, split traffic between versions, ask them.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in (asked,) if asked in COMMANDS else COMMANDS:
        import_module(f"tidegate.cli.{_MODULES.get(command, command)}").register(app)
    if asked in COMMANDS:
        # With a single command typer would take its name for an argument.
        app.callback()(lambda: None)
    return app
