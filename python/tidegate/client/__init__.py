"""A client for Tidegate and every other server of the Open Inference Protocol: numpy in, numpy out.

with Client("localhost:8001") as client:
    late = client.infer("flight-delay", {"carrier": ["HA"], "dep_hour": [9.0]})["probability"]
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import grpc

from tidegate.client import answer, channel, requests, retry, signatures, streams
from tidegate.client.answer import Answer
from tidegate.client.requests import Ask, Parameter
from tidegate.client.signatures import ModelMetadata
from tidegate.client.streams import Stream
from tidegate.client.tensors import TensorSpec
from tidegate.errors import InvalidRequest
from tidegate.inference import health_pb2
from tidegate.inference import open_inference_pb2 as messages
from tidegate.inference.model_config_pb2 import ModelConfig

__all__ = ["Answer", "Client", "IndexEntry", "ModelMetadata", "Parameter", "Stream", "TensorSpec"]

Metadata = Mapping[str, str | bytes]
NO_DEADLINE = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """A version as the repository lists it."""

    name: str
    version: str

    state: str
    """`READY`, `UNAVAILABLE`, `LOADING`, `UNLOADING` or `UNKNOWN`."""

    reason: str
    """Why it is not ready."""


class Client:
    """Calls one server; safe to share between threads, not between processes.

    Every call ends within its timeout, retries included. Errors are the classes of `tidegate.errors`.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = 30.0,
        metadata: Metadata | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Prepare a connection; the first call opens it.

        Args:
            target: Such as `localhost:8001`, or any name that grpc resolves.
            timeout: Seconds that a call may take unless it says otherwise; infinite for no deadline.
            metadata: Sent with every call.
            credentials: Of grpc; without them the connection is plain text.
        """
        self._timeout_s = timeout
        self._channel = channel.Channel(
            target, credentials=credentials, metadata=_pairs(metadata), policy=retry.RetryPolicy()
        )
        self._signatures = signatures.Signatures(self._channel)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; calls that run are cancelled."""
        self._channel.close()

    def infer(
        self,
        model: str,
        inputs: Mapping[str, object],
        *,
        outputs: Iterable[str] | None = None,
        version: str = "",
        parameters: Mapping[str, Parameter] | None = None,
        metadata: Metadata | None = None,
        timeout: float | None = None,
        request_id: str = "",
    ) -> Answer:
        """Ask a route or model.

        Args:
            model: The name of a route or model.
            inputs: A value for each input: an array, a list or a scalar. Numbers take the model's datatype and are
                refused where their value would change; a flat list for an input of shape [-1, 1] is a column; text is
                sent as UTF-8.
            outputs: The names of the outputs to answer; all of them if not given.
            version: Of the model, instead of the one the gateway would choose.
            parameters: Of the request: bools, integers of 64 bits, floats and text.
            metadata: Sent with this call, besides the client's own.
            timeout: Seconds this call may take, instead of the client's own.
            request_id: Comes back as the answer's `id`.

        Raises:
            RequestError: A subclass that says whose fault it is; `InvalidRequest` names every violation.
        """
        asked = Ask(
            model=model,
            inputs=inputs,
            outputs=tuple(outputs or ()),
            version=version,
            parameters=parameters or {},
            request_id=request_id,
        )
        deadline_s = time.monotonic() + self._seconds(timeout)
        pairs = _pairs(metadata)
        known = self._signatures.remembered(model, version)
        if known is not None:
            try:
                return self._infer(asked, known, deadline_s, pairs)
            except InvalidRequest as refused:
                if not signatures.could_be_stale(refused) or self._fetch(asked, deadline_s, pairs) == known:
                    raise
        renewed = self._signatures.remembered(model, version) or self._fetch(asked, deadline_s, pairs)
        return self._infer(asked, renewed, deadline_s, pairs)

    def stream(self, *, timeout: float = NO_DEADLINE, metadata: Metadata | None = None) -> Stream:
        """Open a stream of requests; `timeout` bounds the whole of it."""
        pairs = _pairs(metadata)

        def prepare(asked: Ask) -> messages.ModelInferRequest:
            deadline_s = time.monotonic() + self._timeout_s
            known = self._signatures.remembered(asked.model, asked.version)
            return requests.build(asked, known or self._fetch(asked, deadline_s, pairs))

        return streams.Stream(
            partial(self._channel.stream, channel.MODEL_STREAM_INFER, timeout_s=timeout, metadata=pairs),
            prepare=prepare,
            forget=self._signatures.forget,
            patience_s=self._timeout_s,
        )

    def metadata(self, model: str, version: str = "", *, timeout: float | None = None) -> ModelMetadata:
        """What a route or model takes and gives, asked anew."""
        return self._signatures.fetch(model, version, timeout_s=self._seconds(timeout), metadata=())

    def config(self, model: str, version: str = "", *, timeout: float | None = None) -> ModelConfig:
        """The configuration as Triton's clients read it."""
        request = messages.ModelConfigRequest(name=model, version=version)
        return self._call(channel.MODEL_CONFIG, request, timeout).config

    def statistics(
        self, model: str = "", version: str = "", *, timeout: float | None = None
    ) -> tuple[messages.ModelStatistics, ...]:
        """Counters since the start of the server; of all models without a name."""
        request = messages.ModelStatisticsRequest(name=model, version=version)
        return tuple(self._call(channel.MODEL_STATISTICS, request, timeout).model_stats)

    def index(self, *, only_ready: bool = False, timeout: float | None = None) -> tuple[IndexEntry, ...]:
        """Every version the repository knows."""
        found = self._call(channel.REPOSITORY_INDEX, messages.RepositoryIndexRequest(ready=only_ready), timeout)
        return tuple(
            IndexEntry(name=entry.name, version=entry.version, state=entry.state, reason=entry.reason)
            for entry in found.models
        )

    def live(self, *, timeout: float | None = None) -> bool:
        """Whether the server is up; a server that cannot be reached is `Unavailable`."""
        return self._call(channel.SERVER_LIVE, messages.ServerLiveRequest(), timeout).live

    def ready(self, model: str = "", version: str = "", *, timeout: float | None = None) -> bool:
        """Whether a route or model can answer, or without a name the whole server."""
        if model:
            request = messages.ModelReadyRequest(name=model, version=version)
            return self._call(channel.MODEL_READY, request, timeout).ready
        return self._call(channel.SERVER_READY, messages.ServerReadyRequest(), timeout).ready

    def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The state by the standard health check: `SERVING`, `NOT_SERVING` or `UNKNOWN`."""
        request = health_pb2.HealthCheckRequest(service=service)
        status = self._call(channel.HEALTH_CHECK, request, timeout).status
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(status))

    def _infer(self, asked: Ask, signature: ModelMetadata, deadline_s: float, pairs: channel.MetadataPairs) -> Answer:
        request = requests.build(asked, signature)
        remaining_s = deadline_s - time.monotonic()
        reply = self._channel.call(channel.MODEL_INFER, request, timeout_s=remaining_s, metadata=pairs)
        return answer.read(reply.message, reply.metadata)

    def _fetch(self, asked: Ask, deadline_s: float, pairs: channel.MetadataPairs) -> ModelMetadata:
        remaining_s = deadline_s - time.monotonic()
        return self._signatures.fetch(asked.model, asked.version, timeout_s=remaining_s, metadata=pairs)

    def _call(
        self, method: channel.Method[channel.ResponseT], request: channel.Message, timeout: float | None
    ) -> channel.ResponseT:
        return self._channel.call(method, request, timeout_s=self._seconds(timeout)).message

    def _seconds(self, timeout: float | None) -> float:
        return self._timeout_s if timeout is None else timeout


def _pairs(metadata: Metadata | None) -> channel.MetadataPairs:
    """Metadata as grpc takes it: keys in lower case."""
    return tuple((key.lower(), value) for key, value in (metadata or {}).items())
