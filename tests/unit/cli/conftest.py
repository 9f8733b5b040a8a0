"""Commands as they are typed, on a page of 100 columns."""

from importlib import import_module

import pytest
import typer
from typer.testing import CliRunner

from support.snapshots import snapshot
from support.stand_ins import http_port


@pytest.fixture
def command():
    """Runs a command of `tidegate` with its arguments; `text` is its standard input."""

    def run(*arguments, text=None):
        app = typer.Typer()
        import_module(f"tidegate.cli.{arguments[0]}").register(app)
        # With a single command typer would take its name for an argument.
        app.callback()(lambda: None)
        environment = {"COLUMNS": "100", "TERM": "dumb"}
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text, env=environment)

    return run


@pytest.fixture
def http_gateway():
    """The HTTP port of a gateway: its address, and what it says."""
    with http_port() as port:
        yield port


@pytest.fixture
def ask(command, http_gateway):
    """Runs a command of `tidegate routes` against a gateway with a snapshot."""
    address, gateway = http_gateway

    def ask(what, *arguments, route="flights", text=None, **content):
        gateway.says(snapshot(**content))
        return command("routes", what, route, "--http", address, *arguments, text=text)

    return ask
