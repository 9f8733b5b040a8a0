"""New documents for a running gateway, over the socket in its state folder, as `tidegate apply` brings them."""

import json
import os
import socket
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.servers import Tidegate

ANSWER_LIMIT_S = 60.0


class RefusedError(Exception):
    """The gateway did not take a document, or a part of it."""


def apply(server: Tidegate, fields: Mapping[str, Any]) -> None:
    """Brings the document that the server was started with, with other `fields`; returns when all of it is settled.

    Raises RefusedError unless every part of it is served.
    """
    document = {**server.document, **fields}
    connection = _AdminConnection(Path(str(server.document["state_dir"])))
    try:
        connection.request("POST", "/apply", json.dumps(document))
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    refused = [one for one in answer.get("settlements", []) if one["reason"]]
    if response.status != 200 or refused:
        raise RefusedError(f"a document was answered {response.status}: {refused or answer}")


def loads(server: Tidegate) -> int:
    """How many loadings of versions are not over, from the order to the end of their memory."""
    return len(json.loads(server.get("/status"))["loads"])


class _AdminConnection(HTTPConnection):
    """HTTP over a Unix socket, by way of the open folder: the address of a socket holds about a hundred bytes."""

    def __init__(self, folder: Path) -> None:
        super().__init__("gateway", timeout=ANSWER_LIMIT_S)
        self._folder = folder

    def connect(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(ANSWER_LIMIT_S)
            self.sock.connect(f"/proc/self/fd/{folder}/admin.sock")
        finally:
            os.close(folder)
