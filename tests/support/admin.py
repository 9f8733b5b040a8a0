"""A registry with its admin API on loopback, on a clock that tests move."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status

from support import models
from tidegate.api import AdminServer
from tidegate.blobs import Blobs, open_blobs
from tidegate.client.registry import Registry
from tidegate.client.registry.calls import Method
from tidegate.core.journal import Actor, Kind
from tidegate.inference import error_details_pb2
from tidegate.services import tokens
from tidegate.services.registry import Caller
from tidegate.services.registry import Registry as Services
from tidegate.stores import open_store

PATIENCE_S = 60.0
"""A busy machine may need this long; nothing waits for its own sake."""
BEGIN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
OWNER = Caller(actor=Actor(name="founder", kind=Kind.PERSON))
ROUTE = "projects/default/environments/default/routes/fraud"
MODEL = "projects/default/models/fraud"


class MovableClock:
    """A clock that goes on when a test says so."""

    def __init__(self, now: dt.datetime = BEGIN) -> None:
        self.now = now

    def now_us(self) -> int:
        return round(self.now.timestamp() * 1e6)

    def move(self, **step: float) -> None:
        self.now += dt.timedelta(**step)


@dataclass
class Admin:
    """A running admin API and what is behind it."""

    server: AdminServer
    services: Services
    blobs: Blobs
    clock: MovableClock
    folder: Path
    tokens: dict[str, str]
    channel: grpc.Channel

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def client(self, name: str = "ann") -> Registry:
        """The façade, as one of the principals that there are."""
        return Registry(self.target, token=self.tokens[name], timeout=PATIENCE_S)

    def ask(self, method: Method[Any], request: Any, *, token: str | None = None) -> Any:
        """One call past the façade."""
        metadata = [("authorization", f"Bearer {self.tokens['ann'] if token is None else token}")]
        call = self.channel.unary_unary(method.path, request_serializer=_serialize, response_deserializer=method.read)
        return call(request, timeout=PATIENCE_S, metadata=metadata)

    def refusal(self, method: Method[Any], request: Any, *, token: str | None = None) -> "Refusal":
        """What a call is refused with; it fails the test if it is not."""
        try:
            answer = self.ask(method, request, token=token)
        except grpc.RpcError as error:
            return Refusal.of(error)
        raise AssertionError(f"{method.name} was not refused: {answer}")


@dataclass
class Refusal:
    """A status with its details, as a stock client reads them."""

    code: str
    message: str
    details: list[Message]

    @classmethod
    def of(cls, error: Any) -> "Refusal":
        status = rpc_status.from_call(error)
        assert status is not None, f"{error.code()} came without details: {error.details()}"
        details = []
        for packed in status.details:
            kind = getattr(error_details_pb2, packed.type_url.rpartition(".")[2])
            details.append(kind.FromString(packed.value))
        return cls(code=error.code().name, message=error.details(), details=details)

    @property
    def info(self) -> Any:
        """The one `ErrorInfo`, which comes first."""
        infos = [each for each in self.details if each.DESCRIPTOR.name == "ErrorInfo"]
        assert infos == self.details[:1]
        return infos[0]

    @property
    def reason(self) -> str:
        return self.info.reason

    def detail(self, name: str) -> Any:
        """The one detail of a kind."""
        [found] = [each for each in self.details if each.DESCRIPTOR.name == name]
        return found


@contextmanager
def serving(folder: Path, *, threads: int = 8, clock: MovableClock | None = None) -> Iterator[Admin]:
    """Serves what is in a folder, or a new registry with the principals ann, bot and gate."""
    clock = clock or MovableClock()
    store, blobs = open_store(f"sqlite:{folder}/registry.db"), open_blobs(f"folder:{folder}/artifacts")
    services = Services(store, clock, instance="test")
    kept = folder / "tokens"
    if not kept.exists():
        made = {
            name: tokens.create(services, OWNER, name, kind)
            for name, kind in (("ann", Kind.PERSON), ("bot", Kind.AUTOMATION), ("gate", Kind.GATEWAY))
        }
        kept.write_text("\n".join(f"{name} {token}" for name, token in made.items()))
    principals = dict(line.split() for line in kept.read_text().splitlines())
    server = AdminServer(services, blobs, clock, address="127.0.0.1:0", threads=threads)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield Admin(server, services, blobs, clock, folder, principals, channel)
    server.stop(grace_s=0)
    store.close()


def model_file(folder: Path, amount: float, name: str = "model.onnx") -> Path:
    """A small model that adds an amount."""
    path = folder / name
    path.write_bytes(models.add(amount).SerializeToString())
    return path


def _serialize(request: Any) -> bytes:
    return request.SerializeToString()
