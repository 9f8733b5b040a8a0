"""The door of the admin API: every call names a principal, is read and checked, and ends with a status of ours."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import grpc

from tidegate.api import errors
from tidegate.api.call import Call
from tidegate.api.validation import read
from tidegate.clock import Clock
from tidegate.core.journal import Actor
from tidegate.errors import InputRefused, RegistryError, RegistryUnavailable, Unidentified
from tidegate.services import tokens
from tidegate.services.registry import Registry

MOST_STREAM_S = 3600.0
"""Longest stream: 64 GiB at 18 MiB/s. Each holds a thread."""
LOG_EVERY_US = 60 * 1_000_000
"""How often strangers get a line in the log, however many come."""
_SCHEME = "bearer "

_LOG = logging.getLogger("tidegate.api")


class Strangers:
    """Counts calls that nobody is known for; they are not in the journal, or anybody could fill it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._count = 0
        self._told = 0
        self._next_us = 0

    @property
    def count(self) -> int:
        """How many there were."""
        return self._count

    def note(self, reason: str, peer: str) -> None:
        """Counts one, and says so in the log if it has been quiet about them for a minute."""
        with self._lock:
            self._count += 1
            now_us = self._clock.now_us()
            if now_us < self._next_us:
                return
            since, self._told, self._next_us = self._count - self._told, self._count, now_us + LOG_EVERY_US
        _LOG.warning(
            "%d calls without a known token since the last line like this; now %s from %s", since, reason, peer
        )


class Door:
    """Lets calls in."""

    def __init__(self, registry: Registry, clock: Clock, *, slow: int) -> None:
        """Stand at the door of a registry.

        Args:
            registry: Who is known.
            clock: For the log.
            slow: How many streams and slow calls there may be at once; each holds a thread, and others must find one.
        """
        self._registry = registry
        self._slow = threading.BoundedSemaphore(slow)
        self.strangers = Strangers(clock)

    def unary(
        self, method: str, kind: type[Any], answer: Callable[[Call, Any], Any], *, is_slow: bool = False
    ) -> Callable[..., bytes]:
        """Serves a method of one request and one answer."""

        def serve(raw: bytes, context: grpc.ServicerContext) -> bytes:
            with self._ending(method, context):
                call = Call(actor=self._identify(context))
                if not context.is_active():
                    raise _gone()
                request = read(kind, raw)
                with self._place() if is_slow else nullcontext():
                    return bytes(answer(call, request).SerializeToString())

        return serve

    def uploading(self, method: str, kind: type[Any], answer: Callable[[Call, Any], Any]) -> Callable[..., bytes]:
        """Serves a method of many requests and one answer."""

        def serve(raws: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            with self._ending(method, context), self._stream(context) as call:
                return bytes(answer(call, (read(kind, raw) for raw in raws)).SerializeToString())

        return serve

    def downloading(
        self, method: str, kind: type[Any], answer: Callable[[Call, Any], Iterator[bytes]]
    ) -> Callable[..., Iterator[bytes]]:
        """Serves a method of one request and many answers, which are bytes already."""

        def serve(raw: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            with self._ending(method, context), self._stream(context) as call:
                yield from answer(call, read(kind, raw))

        return serve

    def _identify(self, context: grpc.ServicerContext) -> Actor:
        said = dict(context.invocation_metadata() or ()).get("authorization", "")
        text = said if isinstance(said, str) else ""
        try:
            return tokens.identify(self._registry, _token_of(text))
        except Unidentified as error:
            self.strangers.note(error.reason, context.peer())
            raise

    @contextmanager
    def _stream(self, context: grpc.ServicerContext) -> Iterator[Call]:
        call = Call(actor=self._identify(context))
        # Without a deadline it is as good as infinite.
        if context.time_remaining() > MOST_STREAM_S:
            raise InputRefused(
                f"A stream needs a deadline of at most {MOST_STREAM_S:,.0f} s.", reason="DEADLINE_MISSING"
            )
        with self._place():
            yield call

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A place among the calls that take long."""
        if not self._slow.acquire(blocking=False):
            raise RegistryUnavailable(
                "Too many uploads, registrations and checks are under way: try again in a moment.", reason="TOO_BUSY"
            )
        try:
            yield
        finally:
            self._slow.release()

    @contextmanager
    def _ending(self, method: str, context: grpc.ServicerContext) -> Iterator[None]:
        """Ends a call that fails with a status."""
        try:
            yield
        except RegistryError as error:
            errors.end(context, errors.status_of(error))
        except grpc.RpcError:
            # The caller is gone, or its time is over: there is nobody to tell.
            raise
        except Exception as error:  # noqa: BLE001  # what nobody meant is logged, and never leaves
            errors.end(context, errors.unexpected(error, method))


def _token_of(text: str) -> str:
    if text[: len(_SCHEME)].lower() != _SCHEME:
        raise Unidentified(
            "This call names no principal: send the metadata `authorization: Bearer <token>`.", reason="TOKEN_MISSING"
        )
    return text[len(_SCHEME) :].strip()


def _gone() -> RegistryError:
    return RegistryUnavailable("The caller was gone before the call began: nothing was done.", reason="CALLER_GONE")
