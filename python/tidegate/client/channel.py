"""One connection to a gateway: which calls there are, and how one is made with its deadline and its retries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

import grpc
import numpy as np
from google.protobuf.message import DecodeError

from tidegate.client import failures, retry
from tidegate.errors import RequestError
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
_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_send_message_length", _INT32_MAX),
    ("grpc.max_receive_message_length", _INT32_MAX),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Generic[ResponseT]):
    """A unary call by its path, and how its answer is read."""

    path: str
    read: Callable[[bytes], ResponseT]


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

MetadataPairs = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[ResponseT]):
    """An answer with the initial metadata of its call."""

    message: ResponseT
    metadata: Mapping[str, str]


class Channel:
    """A lazy connection; safe to share between threads.

    The connection is opened by the first call, and again by a later one when it broke.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None,
        metadata: MetadataPairs,
        policy: retry.RetryPolicy,
    ) -> None:
        """Prepare a connection to `target`, in plain text without `credentials`."""
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=_OPTIONS)
        self._metadata = tuple(metadata)
        self._policy = policy
        self._budget = retry.RetryBudget.full_to_the_floor(policy)
        self._budget_lock = threading.Lock()
        self._calls: dict[str, Any] = {}
        self._dice = np.random.default_rng()
        self._closed = threading.Event()

    def close(self) -> None:
        """End the connection; calls that run are cancelled, pauses before a retry end at once."""
        self._closed.set()
        self._channel.close()

    def call(
        self, method: Method[ResponseT], request: Message, *, timeout_s: float, metadata: MetadataPairs = ()
    ) -> Reply[ResponseT]:
        """One call with its retries; everything together ends within `timeout_s` (infinite: no deadline).

        Raises:
            RequestError: The last failure.
        """
        deadline_s = time.monotonic() + timeout_s
        raw = request.SerializeToString()
        self._pay_in()
        tries = 0
        while True:
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                raise failures.from_passed_deadline()
            tries += 1
            try:
                return self._once(method, raw, remaining_s, metadata)
            except RequestError as failure:
                pause_s = self._pause_before_retry(failure, tries, deadline_s - time.monotonic())
                if pause_s is None or self._closed.wait(pause_s):
                    raise

    def stream(
        self, method: Method[ResponseT], requests: Any, *, timeout_s: float, metadata: MetadataPairs = ()
    ) -> tuple[Any, Callable[[bytes], ResponseT]]:
        """A call of many messages both ways, as grpc's call object, and how each answer is read; never retried."""
        if self._closed.is_set():
            raise failures.from_closed_channel()
        open_call: Any = self._channel.stream_stream(method.path)
        call = open_call(requests, timeout=_grpc_timeout(timeout_s), metadata=(*self._metadata, *metadata))
        return call, method.read

    def _once(
        self, method: Method[ResponseT], raw: bytes, remaining_s: float, metadata: MetadataPairs
    ) -> Reply[ResponseT]:
        try:
            stub = self._calls.get(method.path) or self._calls.setdefault(
                method.path, self._channel.unary_unary(method.path)
            )
            answer, call = stub.with_call(
                raw, timeout=_grpc_timeout(remaining_s), metadata=(*self._metadata, *metadata)
            )
        except grpc.RpcError as error:
            raise failures.from_rpc_error(error) from None
        except ValueError:
            # What grpc says of a closed channel, and of metadata that cannot be sent.
            if self._closed.is_set():
                raise failures.from_closed_channel() from None
            raise
        try:
            message = method.read(cast("bytes", answer))
        except DecodeError:
            raise failures.from_unreadable_answer() from None
        return Reply(message=message, metadata=failures.text_metadata(call.initial_metadata()))

    def _pay_in(self) -> None:
        with self._budget_lock:
            self._budget = self._budget.after_call()

    def _pause_before_retry(self, failure: RequestError, tries: int, remaining_s: float) -> float | None:
        if not retry.is_retryable(failure.code, retry_after_s=failure.retry_after_s):
            return None
        with self._budget_lock:
            pause_s = retry.pause_s(
                self._policy,
                tries=tries,
                retry_after_s=failure.retry_after_s,
                remaining_s=remaining_s,
                dice=self._dice.random(),
            )
            paid = self._budget.after_retry() if pause_s is not None else None
            if paid is None:
                return None
            self._budget = paid
        return pause_s


def _grpc_timeout(timeout_s: float) -> float | None:
    """The timeout as grpc takes it: None for no deadline."""
    return None if timeout_s == float("inf") else max(timeout_s, 0.0)
