"""Speaks to a gateway that runs in another process, through the socket in its state folder."""

import http.client
import json
import os
import socket
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from tidegate.config import Document
from tidegate.errors import (
    GatewayForbidden,
    GatewayGone,
    GatewayNotRunning,
    NotSettled,
    UnexpectedAnswer,
    Violation,
)
from tidegate.gateway.reports import Report

SOCKET = "admin.sock"
MOST_ANSWER_BYTES = 64 << 20
"""Room for a settlement of each of 16,384 routes and 1,024 versions with three kilobytes of reason."""
MOST_SHOWN_BYTES = 200
"""Of an answer that is none."""


def apply(state_dir: Path, document: Document, timeout_s: float) -> Report:
    """Has the gateway that owns a state folder serve a document; returns when every part of it is settled.

    Args:
        state_dir: The folder of the gateway.
        document: What to serve; only `routes` and `versions` may differ from what the gateway was started with.
        timeout_s: How long the models of the document may take to load.

    Raises:
        DocumentRefused: The gateway does not take the document; nothing of it is served.
        GatewayNotRunning: There is no gateway in the folder.
        GatewayForbidden: It does not listen to this user.
        GatewayGone: It has begun to end.
        NotSettled: It took longer.
        UnexpectedAnswer: It is another release, or no gateway at all.
    """
    try:
        with closing(_Connection(state_dir, timeout_s)) as connection:
            status, body = _post(connection, "/apply", document.to_json().encode())
    except TimeoutError as error:
        raise NotSettled(timeout_s) from error
    except (OSError, http.client.HTTPException) as error:
        raise GatewayGone from error
    try:
        answer = json.loads(body)
        match status:
            case HTTPStatus.OK:
                return Report.read(answer)
            case HTTPStatus.UNPROCESSABLE_ENTITY:
                raise document.refused([Violation(found["path"], found["reason"]) for found in answer["violations"]])
            case HTTPStatus.SERVICE_UNAVAILABLE:
                raise GatewayGone
            case _:
                found = str(answer["error"])
    except (KeyError, TypeError, ValueError):
        found = f"status {status} with {body[:MOST_SHOWN_BYTES]!r}"
    raise UnexpectedAnswer(str(state_dir / SOCKET), found)


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[int, bytes]:
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
    except ConnectionError:
        # Who has heard enough answers and hangs up before the end: the answer is there to be read.
        if connection.sock is None:
            raise
    response = connection.getresponse()
    return response.status, response.read(MOST_ANSWER_BYTES)


class _Connection(http.client.HTTPConnection):
    """HTTP over the socket in a state folder."""

    def __init__(self, state_dir: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._state_dir = state_dir

    def connect(self) -> None:
        """Connects by way of the open folder: the address of a socket holds about a hundred bytes, a path more."""
        try:
            folder = os.open(self._state_dir, os.O_PATH | os.O_DIRECTORY)
            try:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(self.timeout)
                self.sock.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            finally:
                os.close(folder)
        except PermissionError as error:
            raise GatewayForbidden(str(self._state_dir)) from error
        except FileNotFoundError as error:
            raise GatewayNotRunning(str(self._state_dir), f"it holds no {SOCKET}") from error
        except OSError as error:
            raise GatewayNotRunning(str(self._state_dir), f"{SOCKET}: {error.strerror}") from error
