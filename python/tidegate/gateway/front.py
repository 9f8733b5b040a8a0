"""The front in Python: a grpc.aio server over the plane, in a thread and an event loop of its own."""

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from functools import partial

import grpc
import uvloop
from grpc import aio

from tidegate import _native
from tidegate.config import Document
from tidegate.errors import GatewayNotStarted
from tidegate.gateway.calls import Calls
from tidegate.gateway.guard import Guard
from tidegate.gateway.heartbeat import Heartbeat
from tidegate.gateway.interceptors import load_interceptors
from tidegate.gateway.plane import Plane
from tidegate.gateway.tls import credentials_of

_FOR_EVER = 2**31 - 1
"""How grpcio spells that a time is not limited, in milliseconds."""
_BEYOND_THE_DRAIN_S = 2.0
"""At `drain_timeout_ms` the plane answers what is left; this is for those answers to leave."""


class PythonFront:
    """A front for one gateway: made before it, so that nothing is loaded for interceptors that cannot be made."""

    def __init__(self, document: Document) -> None:
        """Makes the interceptors, on the event loop that they will live on.

        Raises:
            GatewayNotStarted: One of them cannot be made; every reason is named.
        """
        self._document = document
        self._made: Future[None] = Future()
        self._gateway: Future[_native.Gateway] = Future()
        self._address: Future[str] = Future()
        self.grpc_address = ""
        """Where it listens, as `host:port`."""
        self._thread = threading.Thread(target=self._run, name="tidegate-python-front", daemon=True)
        self._thread.start()
        self._made.result()

    def serve(self, gateway: _native.Gateway) -> None:
        """Binds the port and serves until the gateway has drained.

        Raises:
            GatewayNotStarted: The port is taken.
        """
        self._gateway.set_result(gateway)
        self.grpc_address = self._address.result()
        gateway.announce(self.grpc_address)

    def abandon(self) -> None:
        """There will be no gateway."""
        self._gateway.cancel()
        self._thread.join()

    def join(self) -> None:
        """Waits until the last answer has left."""
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._live())
        except CancelledError:
            return
        except Exception as error:
            waiting = next((future for future in (self._made, self._address) if not future.done()), None)
            if waiting is None:
                raise
            waiting.set_exception(error)

    async def _live(self) -> None:
        fields = self._document.fields
        interceptors = load_interceptors(fields["interceptors"], self._document.base_dir)
        self._made.set_result(None)
        gateway = await asyncio.wrap_future(self._gateway)
        plane = Plane(gateway.desk())
        heartbeat = Heartbeat(partial(gateway.warn, "front_still"))
        try:
            calls = Calls(plane)
            guard = Guard(calls, fields["timeout_ms"] / 1e3, partial(gateway.warn, "interceptor"))
            server = aio.server(
                interceptors=[guard, *interceptors] if interceptors else [],
                options=_options(fields["limits"]),
            )
            server.add_generic_rpc_handlers([calls])
            address = _bind(server, fields["listen"]["grpc"], credentials_of(gateway))
            await server.start()
            self._address.set_result(address)
            await plane.until(lambda: plane.is_draining)
            await server.stop(fields["drain_timeout_ms"] / 1e3 + _BEYOND_THE_DRAIN_S)
            await plane.until(lambda: plane.is_over)
        finally:
            heartbeat.stop()
            plane.close()


def _options(limits: dict[str, int]) -> list[tuple[str, int]]:
    """The document's limits by the names that grpcio has for them."""
    most_calls = min(limits["connections"] * limits["streams_per_connection"], 2**31 - 1)
    return [
        # A port that another server has is an error, not a share.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", limits["message_mib"] << 20),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", limits["streams_per_connection"]),
        # It would refuse a client that keeps to the limit, while the memory of streams that have ended is being freed.
        ("grpc.http.overload_protection", 0),
        # It moves the age by a tenth to either side itself; streams go on for as long as their callers want.
        ("grpc.max_connection_age_ms", limits["max_connection_age_ms"] or _FOR_EVER),
        ("grpc.keepalive_time_ms", limits["keepalive_ms"] or _FOR_EVER),
        ("grpc.keepalive_timeout_ms", limits["keepalive_timeout_ms"]),
        # The larger of the two decides.
        ("grpc.http2.ping_timeout_ms", limits["keepalive_timeout_ms"]),
        ("grpc.keepalive_permit_without_calls", 1),
        # Callers may ask as often as they like whether we are there; grpcio would end their connection, calls included.
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.max_metadata_size", limits["header_list_kib"] << 10),
        # By itself grpcio refuses calls once a thousand wait for Python; here the limits of queues and bytes decide.
        ("grpc.server.max_pending_requests", most_calls),
        ("grpc.server.max_pending_requests_hard_limit", most_calls),
    ]


def _bind(server: aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    host = address.rpartition(":")[0]
    try:
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError:
        advice = "end what listens there or choose another port"
        if credentials:
            advice += "; if nobody does, grpcio cannot use the files of listen.tls, and its own lines above say why"
        raise GatewayNotStarted((f"listen.grpc: cannot listen on {address}; {advice}",)) from None
    return f"{host}:{port}"
