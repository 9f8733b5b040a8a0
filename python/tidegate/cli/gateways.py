"""The option that says which gateway is asked over HTTP."""

from typing import Annotated

import typer

from tidegate.cli.output import BadInput
from tidegate.gateway.http import base_url

DEFAULT = "127.0.0.1:8002"
Http = Annotated[str, typer.Option(help="Where the gateway listens for HTTP: HOST:PORT, or a URL.")]


def url_of(http: str) -> str:
    """The base URL of a gateway.

    Raises:
        BadInput: The option is no address.
    """
    try:
        return base_url(http)
    except ValueError:
        raise BadInput(f"--http takes HOST:PORT or a URL, not {http!r}.") from None
