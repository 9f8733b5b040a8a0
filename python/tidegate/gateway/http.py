"""Reads what a gateway that runs somewhere says of itself over HTTP."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tidegate.errors import GatewayUnreachable, NotServed, UnexpectedAnswer

TIMEOUT_S = 30.0
"""Of each wait for bytes: a busy gateway prints a snapshot of ten thousand routes in a few seconds."""
MOST_BYTES = 1 << 30
"""Ten thousand routes with ten segments each are a twentieth of it; a stranger on the port must not fill our memory."""
MOST_SENTENCE_BYTES = 500
"""A server's sentence is passed on to people, a page of HTML is not."""
MOST_SHOWN_BYTES = 200
"""Of an answer that is none."""


def base_url(address: str) -> str:
    """The address of a gateway, `host:port` or a URL, as a URL without a slash at its end.

    Raises:
        ValueError: It is neither.
    """
    url = address if "://" in address else f"http://{address}"
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(address)
    if parts.port == 0 or not url.isprintable() or " " in url:
        raise ValueError(address)
    return url.rstrip("/")


def read_json(base: str, path: str) -> Any:
    """The JSON under a path of a gateway; `base` is from `base_url`, and no proxy is asked.

    Raises:
        GatewayUnreachable: Nobody answers there.
        NotServed: The gateway has nothing under the path, and says so.
        UnexpectedAnswer: Something else than a gateway does.
    """
    # The gateway is on this machine or in this network: a proxy of the environment would look for another.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(base + path, timeout=TIMEOUT_S) as response:
            body = response.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(base + path, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise GatewayUnreachable(base, _reason(error)) from error
    try:
        if len(body) <= MOST_BYTES:
            return json.loads(body)
    except ValueError:
        pass
    raise UnexpectedAnswer(base + path, f"it begins with {body[:MOST_SHOWN_BYTES]!r}")


def _refused(place: str, error: urllib.error.HTTPError) -> NotServed | UnexpectedAnswer:
    try:
        sentence = error.read(MOST_SENTENCE_BYTES).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        sentence = ""
    if error.code == http.HTTPStatus.NOT_FOUND and sentence:
        return NotServed(sentence)
    return UnexpectedAnswer(place, f"HTTP status {error.code}")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"nothing came for {TIMEOUT_S:g} s"
    return (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
