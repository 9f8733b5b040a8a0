"""Which calls there are, and what both clients tell grpc about a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from google.protobuf.message import DecodeError

from tidegate.client import failures
from tidegate.inference import health_pb2
from tidegate.inference import open_inference_pb2 as messages


class Message(Protocol):
    """What the calls need of a protobuf message."""

    def SerializeToString(self) -> bytes:  # noqa: N802  # protobuf's name
        """The message on the wire."""


ResponseT = TypeVar("ResponseT")

_SERVICE = "/inference.GRPCInferenceService/"
_INT32_MAX = 2**31 - 1
# The pauses before it connects again are shorter than grpc's defaults, which are longer than all of our retries together.
# Of grpc's own retries only the transparent ones happen (a request that provably reached nobody): no policy is configured.
OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_send_message_length", _INT32_MAX),
    ("grpc.max_receive_message_length", _INT32_MAX),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[ResponseT]):
    """An answer with the initial metadata of its call."""

    message: ResponseT
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Generic[ResponseT]):
    """A call by its path, and how its answer is read."""

    path: str
    read: Callable[[bytes], ResponseT]

    def decoded(self, raw: object) -> ResponseT:
        """The answer, from the bytes that grpc gave.

        Raises:
            Internal: It is no message of the protocol.
        """
        try:
            return self.read(cast("bytes", raw))
        except DecodeError:
            raise failures.from_unreadable_answer() from None

    def reply(self, raw: object, metadata: Any) -> Reply[ResponseT]:
        """The answer with its metadata, from what grpc gave; raises as `decoded` does."""
        return Reply(message=self.decoded(raw), metadata=failures.text_metadata(metadata))


SERVER_LIVE = Method(path=_SERVICE + "ServerLive", read=messages.ServerLiveResponse.FromString)
SERVER_READY = Method(path=_SERVICE + "ServerReady", read=messages.ServerReadyResponse.FromString)
MODEL_READY = Method(path=_SERVICE + "ModelReady", read=messages.ModelReadyResponse.FromString)
MODEL_METADATA = Method(path=_SERVICE + "ModelMetadata", read=messages.ModelMetadataResponse.FromString)
MODEL_INFER = Method(path=_SERVICE + "ModelInfer", read=messages.ModelInferResponse.FromString)
MODEL_CONFIG = Method(path=_SERVICE + "ModelConfig", read=messages.ModelConfigResponse.FromString)
MODEL_STATISTICS = Method(path=_SERVICE + "ModelStatistics", read=messages.ModelStatisticsResponse.FromString)
REPOSITORY_INDEX = Method(path=_SERVICE + "RepositoryIndex", read=messages.RepositoryIndexResponse.FromString)
HEALTH_CHECK = Method(path="/grpc.health.v1.Health/Check", read=health_pb2.HealthCheckResponse.FromString)
MODEL_STREAM_INFER = Method(path=_SERVICE + "ModelStreamInfer", read=messages.ModelStreamInferResponse.FromString)


def bounded(timeout_s: float) -> float | None:
    """The timeout as libraries take it: None where there is no bound."""
    return None if timeout_s == float("inf") else max(timeout_s, 0.0)
