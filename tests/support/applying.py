"""Documents for a running gateway, by the socket in its state folder, as the specification of HTTP says to speak."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from support.gateway import Gateway, start_gateway
from support.waiting import until
from support.watching import status

ANSWER_LIMIT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a document: the status of the answer, and the outcomes by subject with their reasons."""

    code: int
    epoch: int
    outcomes: dict[str, str]
    reasons: dict[str, str]
    violations: dict[str, str]


class _Connection(HTTPConnection):
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def post(gateway: Gateway, body: bytes, path: str = "/apply") -> tuple[int, Any]:
    """One request to the admin socket; its status and its answer."""
    with _Connection(gateway.state_dir) as connection:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def apply(gateway: Gateway, document: Mapping[str, Any]) -> Applied:
    """Applies a document to the gateway, with everything the gateway was started with; waits until all is settled."""
    started = json.loads(gateway.document_path.read_text())
    code, answer = post(gateway, json.dumps({**started, "routes": {}, "versions": {}, **document}).encode())
    settled = answer.get("settlements", [])
    return Applied(
        code=code,
        epoch=answer.get("epoch", 0),
        outcomes={one["subject"]: one["outcome"] for one in settled},
        reasons={one["subject"]: one["reason"] for one in settled if one["reason"]},
        violations={one["path"]: one["reason"] for one in answer.get("violations", [])},
    )


def loads(gateway: Gateway, version: str) -> list[dict[str, Any]]:
    """Every loading of a version that is not over."""
    return [load for load in status(gateway)["loads"] if load["version"] == version]


def gone(gateway: Gateway, version: str) -> None:
    """Waits until nothing of a version is in memory."""
    # Loads give way to everything else: on a busy machine they take long.
    until(lambda: not loads(gateway, version), what=f"{version} is unloaded", limit_s=90)


@contextmanager
def serving(repository: Path, routes: Mapping[str, Any], **document: Any) -> Iterator[Gateway]:
    """A gateway with these routes."""
    with start_gateway({"routes": dict(routes), **document}, repository) as gateway:
        yield gateway
