"""`tidegate up`: a gateway with its registry and admin API in one process, ended by Ctrl-C or SIGTERM."""

import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.ending import WAIT_MS, end_on_signals, leave
from tidegate.cli.output import BAD_INPUT, FAILED, fail
from tidegate.errors import DocumentRefused, GatewayNotStarted, InputRefused, RegistryError

if TYPE_CHECKING:
    from tidegate.api import TlsFiles


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("up")(up)


def up(
    *,
    data: Annotated[Path, typer.Option(help="The folder of everything that is kept.")] = Path("tidegate-data"),
    admin: Annotated[str, typer.Option(help="Where the admin API listens.")] = "127.0.0.1:8003",
    config: Annotated[
        Path | None, typer.Option(help="A gateway document with listen, limits, threads, …; no routes.")
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(help="Who is told of every change and of drift: log:, or file:events.jsonl; may be repeated."),
    ] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Let the gateway obey another registry than before.")] = False,
    min_bake: Annotated[
        int,
        typer.Option(
            min=0, help="Seconds that a revision must have been live before a rollback leads to it by itself."
        ),
    ] = 600,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate of the admin API, in PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    tls_client_ca: Annotated[Path | None, typer.Option(help="Who signs callers' certificates.")] = None,
) -> None:
    """Serve a gateway, a registry and its admin API from one folder; a second signal ends at once."""
    from tidegate.app import App, Settings  # noqa: PLC0415  # SQLAlchemy and grpcio take their time to import

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s %(message)s"
    )
    for loud in ("alembic", "sqlalchemy"):
        logging.getLogger(loud).setLevel(logging.WARNING)
    settings = Settings(
        folder=data,
        admin=admin,
        config=config,
        tls=_tls(tls_cert, tls_key, tls_client_ca),
        events=tuple(events) if events else None,
        adopt=adopt,
        min_bake_s=min_bake,
    )
    try:
        running = App(settings)
    except (DocumentRefused, InputRefused) as error:
        fail([str(error)], BAD_INPUT)
    except RegistryError as error:
        fail([str(error)], FAILED)
    except GatewayNotStarted as error:
        typer.echo(str(error), err=True)
        leave(FAILED)
    end_on_signals(running.gateway.drain)
    addresses = {
        "grpc": running.gateway.grpc_address,
        "http": running.gateway.http_address,
        "admin": f"{admin.rpartition(':')[0]}:{running.admin.port}",
    }
    typer.echo(json.dumps(addresses))
    while (is_clean := running.gateway.wait(WAIT_MS)) is None:
        pass
    running.close()
    leave(0 if is_clean else FAILED)


def _tls(cert: Path | None, key: Path | None, client_ca: Path | None) -> "TlsFiles | None":
    from tidegate.api import TlsFiles  # noqa: PLC0415  # see above

    if cert is None and key is None and client_ca is None:
        return None
    if cert is None or key is None:
        fail(["--tls-cert and --tls-key belong together: name both files."], BAD_INPUT)
    return TlsFiles(certificate=cert, key=key, client_ca=client_ca)
