"""`tidegate serve`: a gateway in the foreground, ended by Ctrl-C or SIGTERM."""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from tidegate.config import load
from tidegate.errors import DocumentRefused, GatewayNotStarted
from tidegate.gateway import Gateway

BAD_INPUT, CUT_OFF = 2, 1
# Python runs signal handlers between two waits, so this is how long Ctrl-C may take to be heard.
WAIT_MS = 100


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve")(serve)


def serve(document: Annotated[Path, typer.Argument(help="The gateway document, such as gateway.yaml.")]) -> None:
    """Serve the models of a gateway document until Ctrl-C or SIGTERM; a second signal ends at once."""
    # Python would hear Ctrl-C only after the models are loaded; until there is something to drain it may end at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        gateway = Gateway(load(document))
    except (DocumentRefused, GatewayNotStarted) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from None
    _end_on_signals(gateway)
    typer.echo(json.dumps({"grpc": gateway.grpc_address, "http": gateway.http_address}))
    while (is_clean := gateway.wait(WAIT_MS)) is None:
        pass
    if not is_clean:
        # A run that was cut off may still be inside the runtime, whose end would pull it from under that thread.
        sys.stdout.flush()
        os._exit(CUT_OFF)


def _end_on_signals(gateway: Gateway) -> None:
    heard = False

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            # Whoever asks twice wants out: no thread is waited for. The shell's convention for a death by signal.
            os._exit(128 + number)
        heard = True
        gateway.drain()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
