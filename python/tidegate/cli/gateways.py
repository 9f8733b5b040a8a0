"""Options that say which gateway is asked over HTTP, or which snapshot instead."""

from typing import Annotated

import typer

from tidegate.cli.files import read_json
from tidegate.cli.output import BadInput
from tidegate.core.snapshots import Snapshot, read_snapshot

DEFAULT = "127.0.0.1:8002"
Http = Annotated[str, typer.Option(help="Where the gateway listens for HTTP: HOST:PORT, or a URL.")]


def url_of(http: str) -> str:
    """The base URL of a gateway.

    Raises:
        BadInput: The option is no address.
    """
    # The package of gateways brings what reads documents; whoever asks a registry only must not wait for that.
    from tidegate.gateway.http import base_url  # noqa: PLC0415

    try:
        return base_url(http)
    except ValueError:
        raise BadInput(f"--http takes HOST:PORT or a URL, not {http!r}.") from None


SnapshotFile = Annotated[
    str | None, typer.Option("--snapshot", help="A file with a snapshot, instead of a gateway; - for standard input.")
]


def snapshot_of(http: str, file: str | None) -> Snapshot:
    """The snapshot in a file, or that of a running gateway.

    Raises:
        BadInput: The file cannot be read, or the option is no address.
        SnapshotUnreadable: It is something else.
        GatewayError: No gateway answers.
    """
    if file is not None:
        return read_snapshot(read_json(file))
    from tidegate.gateway.http import read_json as ask  # noqa: PLC0415  # see above

    return read_snapshot(ask(url_of(http), "/snapshot"))
