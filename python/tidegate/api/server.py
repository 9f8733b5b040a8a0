"""The server of the admin API: grpcio on a bounded pool of threads, with health and reflection beside the services."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tidegate.addresses import is_local
from tidegate.api import reflection
from tidegate.api.aliases import Aliases
from tidegate.api.artifacts import Artifacts
from tidegate.api.binding import bind
from tidegate.api.interceptors import Door
from tidegate.api.journal import Journal
from tidegate.api.models import Models
from tidegate.api.monitors import Monitors
from tidegate.api.registry import TheRegistry
from tidegate.api.routes import Routes
from tidegate.api.tokens import Tokens
from tidegate.api.versions import Versions
from tidegate.blobs import Blobs
from tidegate.clock import Clock
from tidegate.core.serving import Follow, follow_nobody
from tidegate.errors import InputRefused, RegistryUnavailable
from tidegate.services.registry import Registry
from tidegate.v1 import (
    alias_service_pb2,
    blob_service_pb2,
    journal_service_pb2,
    model_service_pb2,
    monitor_service_pb2,
    principal_service_pb2,
    registry_service_pb2,
    route_service_pb2,
    version_service_pb2,
)

THREADS = 16
"""Calls at once; SQLite makes changes one at a time, and as many readers as this."""
MOST_CALLS = 256
"""Calls that run or wait for a thread; more are turned away with RESOURCE_EXHAUSTED."""
MESSAGE_BYTES = 8 << 20
"""Largest request: ten thousand files by path and digest have some 3 MiB."""

_LOG = logging.getLogger("tidegate.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the server's certificate is."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """Who signs callers' certificates; without it none is asked for."""


class AdminServer:
    """Serves the admin API at one address."""

    def __init__(
        self,
        registry: Registry,
        blobs: Blobs,
        clock: Clock,
        *,
        address: str,
        tls: TlsFiles | None = None,
        threads: int = THREADS,
        follow: Follow = follow_nobody,
    ) -> None:
        """Binds the address; nothing is answered before :meth:`start`.

        Args:
            registry: What is asked.
            blobs: Where bytes are.
            clock: For the log.
            address: Such as `127.0.0.1:8003`; port 0 takes a free one.
            tls: Needed wherever others than this machine can connect.
            threads: Calls at once.
            follow: Says how far the gateway is with a route.

        Raises:
            InputRefused: The address can be reached by others, and there is no TLS.
            RegistryUnavailable: The address is taken, or a file of TLS cannot be read.
        """
        if tls is None and not is_local(address):
            raise InputRefused(
                f"{address} can be reached from other machines, and tokens would cross the network in plain text: "
                "name a certificate and its key, or listen at 127.0.0.1.",
                reason="TLS_NEEDED",
                address=address,
            )
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="tidegate-admin")
        self._server = grpc.server(self._pool, options=_OPTIONS, maximum_concurrent_rpcs=MOST_CALLS)
        # Half of the threads: whoever uploads slowly, or registers much, must not keep others from rolling back.
        self.door = Door(registry, clock, slow=max(1, threads // 2))
        services = _services(registry, blobs, follow)
        self._health = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=self._pool)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = [service.full_name for service in services]
        for name in ("", *names):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        reflection.add(self._server, [*names, health.SERVICE_NAME])
        self._server.add_generic_rpc_handlers(bind(self.door, services))
        self.port = _bind(self._server, address, tls)

    def start(self) -> None:
        """Answers from now on."""
        self._server.start()
        _LOG.info("the admin API answers at port %d", self.port)

    def stop(self, grace_s: float = 5.0) -> None:
        """Takes no more calls, and gives those that run some time; returns when all are over."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()
        self._pool.shutdown()


def _services(registry: Registry, blobs: Blobs, follow: Follow) -> Mapping[ServiceDescriptor, object]:
    return {
        alias_service_pb2.DESCRIPTOR.services_by_name["AliasService"]: Aliases(registry),
        blob_service_pb2.DESCRIPTOR.services_by_name["BlobService"]: Artifacts(registry, blobs),
        journal_service_pb2.DESCRIPTOR.services_by_name["JournalService"]: Journal(registry),
        model_service_pb2.DESCRIPTOR.services_by_name["ModelService"]: Models(registry),
        monitor_service_pb2.DESCRIPTOR.services_by_name["MonitorService"]: Monitors(registry, follow),
        principal_service_pb2.DESCRIPTOR.services_by_name["PrincipalService"]: Tokens(registry),
        registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"]: TheRegistry(registry, blobs),
        route_service_pb2.DESCRIPTOR.services_by_name["RouteService"]: Routes(registry, follow),
        version_service_pb2.DESCRIPTOR.services_by_name["VersionService"]: Versions(registry, blobs),
    }


_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    # A second server on the port would get some of the calls.
    ("grpc.so_reuseport", 0),
)


def _bind(server: grpc.Server, address: str, tls: TlsFiles | None) -> int:
    try:
        if tls is None:
            return server.add_insecure_port(address)
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        client_ca = None if tls.client_ca is None else tls.client_ca.read_bytes()
        credentials = grpc.ssl_server_credentials(
            [pair], root_certificates=client_ca, require_client_auth=client_ca is not None
        )
        return server.add_secure_port(address, credentials)
    except OSError as error:
        raise RegistryUnavailable(
            f"A file of TLS cannot be read: {error}", reason="TLS_UNREADABLE", path=str(error.filename)
        ) from None
    except RuntimeError as error:
        raise RegistryUnavailable(
            f"{address} cannot be listened at ({error}): does another server have it?",
            reason="ADDRESS_TAKEN",
            address=address,
        ) from None
