"""One connection to a registry: sends, and sends again what was not begun."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import grpc

from tidegate.addresses import is_local
from tidegate.client.registry import failures
from tidegate.client.registry.calls import Method
from tidegate.client.retry import RetryPolicy, is_retryable, pause_s
from tidegate.errors import InputRefused, RegistryError

ResponseT = TypeVar("ResponseT")

_OPTIONS = (
    # A page of whole documents may be large; that of a stranger is not asked for.
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_metadata_size", 64 << 10),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)
_MOST_ATTEMPTS = 1_000


class Connection:
    """A lazy connection that names a principal with every call; safe to share between threads."""

    def __init__(
        self,
        target: str,
        *,
        token: str,
        timeout_s: float,
        credentials: grpc.ChannelCredentials | None,
        policy: RetryPolicy | None = None,
    ) -> None:
        """Prepare a connection to `target`, in plain text without `credentials`.

        Raises:
            InputRefused: The token would cross a network in plain text.
        """
        if credentials is None and not is_local(target):
            raise InputRefused(
                f"{target} is another machine, and the token would go there in plain text: give credentials, such as "
                "grpc.ssl_channel_credentials().",
                reason="TLS_NEEDED",
                target=target,
            )
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=_OPTIONS)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._timeout_s = timeout_s
        self._policy = policy or RetryPolicy()
        # A registry that says when to come again is there: its advice is followed for as long as the call may take.
        self._patient = replace(self._policy, attempts=_MOST_ATTEMPTS)
        self._dice = secrets.SystemRandom().random
        self._closed = threading.Event()

    def close(self) -> None:
        """End the connection; calls that run are cancelled, pauses before a retry end at once."""
        self._closed.set()
        self._channel.close()

    def ask(self, method: Method[ResponseT], request: Any, *, timeout_s: float | None = None) -> ResponseT:
        """Sends one request, and again while it was not begun.

        A request that changes something has a `request_id`: if the first try was begun after all, the second one is
        answered as the first was, and nothing is done twice.

        Raises:
            RegistryError: A subclass that says whose fault it is.
        """
        raw = request.SerializeToString()

        def once(remaining_s: float) -> bytes:
            call: Any = self._channel.unary_unary(method.path)
            return bytes(call(raw, timeout=remaining_s, metadata=self._metadata))

        return method.read(self._patiently(once, timeout_s))

    def send(
        self, method: Method[ResponseT], requests: Callable[[], Iterator[bytes]], *, timeout_s: float | None = None
    ) -> ResponseT:
        """Sends a stream of requests, which are bytes already, and from its beginning again while it was not begun.

        Raises:
            RegistryError: A subclass that says whose fault it is.
        """

        def once(remaining_s: float) -> bytes:
            call: Any = self._channel.stream_unary(method.path)
            return bytes(call(requests(), timeout=remaining_s, metadata=self._metadata))

        return method.read(self._patiently(once, timeout_s))

    def receive(
        self, method: Method[ResponseT], request: Any, *, timeout_s: float | None = None
    ) -> Iterator[ResponseT]:
        """Sends one request and gives the stream of answers; it is not sent again.

        Raises:
            RegistryError: A subclass that says whose fault it is.
        """
        call: Any = self._channel.unary_stream(method.path)
        try:
            for raw in call(request.SerializeToString(), timeout=timeout_s or self._timeout_s, metadata=self._metadata):
                yield method.read(raw)
        except grpc.RpcError as error:
            raise failures.from_rpc_error(error)[0] from None

    def _patiently(self, once: Callable[[float], bytes], timeout_s: float | None) -> bytes:
        end_s = time.monotonic() + (timeout_s or self._timeout_s)
        tries = 0
        while True:
            tries += 1
            try:
                return once(max(end_s - time.monotonic(), 0.0))
            except grpc.RpcError as error:
                failure, code, retry_after_s = failures.from_rpc_error(error)
            except ValueError:
                # What grpc says of a closed channel.
                if self._closed.is_set():
                    raise failures.from_closed_channel() from None
                raise
            self._pause(failure, code, retry_after_s, tries, end_s)

    def _pause(self, failure: RegistryError, code: str, retry_after_s: float | None, tries: int, end_s: float) -> None:
        """Waits before another try, or raises the failure where there is to be none."""
        pause = None
        if is_retryable(code, retry_after_s=retry_after_s):
            pause = pause_s(
                self._policy if retry_after_s is None else self._patient,
                tries=tries,
                retry_after_s=retry_after_s,
                remaining_s=end_s - time.monotonic(),
                dice=self._dice(),
            )
        if pause is None or self._closed.wait(pause):
            raise failure from None


def new_request_id() -> str:
    """A UUID that nobody has used."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
