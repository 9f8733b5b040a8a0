"""The protocol over HTTP/1, as any HTTP library speaks it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from support.gateway import Gateway
from support.patience import ROUNDS_A_SECOND

JSON_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body[: int(self.headers.get(JSON_LENGTH.lower(), len(self.body)))])


@contextmanager
def connected(gateway: Gateway) -> Iterator[http.client.HTTPConnection]:
    host, _, port = gateway.http_address.rpartition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=20)) as connection:
        yield connection


def call(gateway, path, body=None, method=None, headers=None) -> Answer:
    with connected(gateway) as connection:
        return call_on(connection, path, body, method, headers)


def call_on(connection, path, body=None, method=None, headers=None) -> Answer:
    content = json.dumps(body) if isinstance(body, dict) else body
    connection.request(method or ("GET" if body is None else "POST"), path, content, headers or {})
    answer = connection.getresponse()
    return Answer(
        status=answer.status,
        headers={name.lower(): value for name, value in answer.getheaders()},
        body=answer.read(),
    )


def infer(gateway, name, *inputs, version="", **more) -> Answer:
    path = f"/v2/models/{name}" + (f"/versions/{version}" if version else "") + "/infer"
    return call(gateway, path, {"inputs": list(inputs), **more})


def tensor(name, datatype, shape, data) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


FOUR = tensor("x", "FP32", [1, 4], [1, 2, 3, 4])


def lasting(seconds: float) -> dict[str, Any]:
    return {"inputs": [tensor("x", "FP32", [1, 1], [seconds * ROUNDS_A_SECOND])]}
