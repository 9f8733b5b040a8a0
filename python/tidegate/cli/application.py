"""The command line, put together."""

import typer

from tidegate.cli import config, infer, models, serve


def build() -> typer.Typer:
    """The application with every command."""
    app = typer.Typer(
        name="tidegate",
        help="A gRPC gateway for ONNX models: serve them, split traffic between versions, ask them.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in (serve, infer, models, config):
        command.register(app)
    return app
