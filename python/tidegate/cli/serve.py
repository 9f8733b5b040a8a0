"""`tidegate serve`: a gateway in the foreground, ended by Ctrl-C or SIGTERM."""

import json
import signal
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.ending import WAIT_MS, end_on_signals, leave
from tidegate.cli.reload import Reloader
from tidegate.cli.told import open_sinks
from tidegate.config import load
from tidegate.errors import DocumentRefused, GatewayNotStarted
from tidegate.gateway import Gateway
from tidegate.loops.transitions import tell_of_drift

BAD_INPUT, CUT_OFF = 2, 1
# The file is looked at twice a second, and read when two looks have found the same.
WAITS_PER_LOOK = 5


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve")(serve)


def serve(
    document: Annotated[Path, typer.Argument(help="The gateway document, such as gateway.yaml.")],
    *,
    watch: Annotated[bool, typer.Option(help="Apply the document again when its file changes.")] = True,
) -> None:
    """Serve the models of a gateway document until Ctrl-C or SIGTERM; a second signal ends at once.

    SIGHUP, or a change of the file, applies the document again: its routes and versions change without losing a request.
    """
    # Python would hear Ctrl-C only after the models are loaded; until there is something to drain it may end at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    reloader = Reloader(document)
    signal.signal(signal.SIGHUP, lambda _number, _frame: reloader.ask())
    try:
        loaded = load(document)
        sinks = open_sinks(loaded)
        gateway = Gateway(loaded)
    except DocumentRefused as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from None
    except GatewayNotStarted as error:
        typer.echo(str(error), err=True)
        leave(BAD_INPUT)
    end_on_signals(gateway.drain)
    told = tell_of_drift(gateway, sinks)
    typer.echo(json.dumps({"grpc": gateway.grpc_address, "http": gateway.http_address}))
    for wait in count(1):
        if (is_clean := gateway.wait(WAIT_MS)) is not None:
            break
        if watch and wait % WAITS_PER_LOOK == 0:
            reloader.look()
        reloader.turn(gateway)
    are_stopping = [deliveries for deliveries in told if not deliveries.stop()]
    if not is_clean or reloader.is_reading or are_stopping:
        leave(0 if is_clean else CUT_OFF)
