"""Speaks to a gateway that runs in another process, through the socket in its state folder."""

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tidegate.config import Document
from tidegate.errors import DocumentRefused, GatewayEnding, GatewayNotRunning, NotSettled, UnexpectedAnswer, Violation

SOCKET = "admin.sock"
MOST_ANSWER_BYTES = 64 << 20
"""A line for each of 16,384 routes and 1,024 versions, a kilobyte of reason in each, is a quarter of it."""


class Outcome(StrEnum):
    """What became of one part of a document."""

    CURRENT = "current"
    """It is served."""
    UNCHANGED = "unchanged"
    """It was served before."""
    REMOVED = "removed"
    """It is gone, as the document wants."""
    REFUSED = "refused"
    """It cannot be served; what was served before still is."""
    SUPERSEDED = "superseded"
    """A newer document came before it was ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of one part of a document."""

    subject: str
    """Such as `routes.flight-delay` or `versions["flight-delay/2"]`."""
    outcome: Outcome
    reason: str | None
    """Why it is not what the document says, if it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of every part of a document."""

    epoch: int
    """What is served once everything is settled."""
    settlements: tuple[Settlement, ...]

    @property
    def is_in_force(self) -> bool:
        """Whether the gateway serves what the document says, all of it."""
        return all(settled.outcome not in (Outcome.REFUSED, Outcome.SUPERSEDED) for settled in self.settlements)


def apply(state_dir: Path, document: Document, timeout_s: float) -> Report:
    """Has the gateway that owns a state folder serve a document; returns when every part of it is settled.

    Args:
        state_dir: The folder of the gateway.
        document: What to serve; only `routes` and `versions` may differ from what the gateway was started with.
        timeout_s: How long the models of the document may take to load.

    Raises:
        DocumentRefused: The gateway does not take the document; nothing of it is served.
        GatewayNotRunning: There is no gateway in the folder, or none that this user may speak to.
        GatewayEnding: It has begun to end.
        NotSettled: It took longer.
        UnexpectedAnswer: Something else answers there.
    """
    place = state_dir / SOCKET
    try:
        with _socket_of(state_dir, timeout_s) as connected:
            status, body = _post(connected, document.to_json().encode())
    except TimeoutError as error:
        raise NotSettled(timeout_s) from error
    except (OSError, http.client.HTTPException) as error:
        raise UnexpectedAnswer(str(place), str(error) or type(error).__name__) from error
    answer = _read(body, str(place))
    try:
        match status:
            case HTTPStatus.OK:
                return _report(answer)
            case HTTPStatus.UNPROCESSABLE_ENTITY:
                violations = [Violation(found["path"], found["reason"]) for found in answer["violations"]]
                raise document.refused(violations)
            case HTTPStatus.SERVICE_UNAVAILABLE:
                raise GatewayEnding
        raise UnexpectedAnswer(str(place), str(answer["error"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswer(str(place), f"its answer has no {error}") from error
