"""The client that waits: one method for each call of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Self

import grpc

from tidegate.client import calls, streams
from tidegate.client.answer import Answer
from tidegate.client.channel import Channel
from tidegate.client.dialogue import Dialogue, IndexEntry
from tidegate.client.metadata import Metadata, pairs
from tidegate.client.requests import Ask, Inputs, Parameter
from tidegate.client.signatures import ModelMetadata
from tidegate.client.streams import Stream
from tidegate.inference import open_inference_pb2 as messages
from tidegate.inference.model_config_pb2 import ModelConfig

NO_DEADLINE = float("inf")


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
        self._dialogue = Dialogue(timeout_s=timeout, metadata=pairs(metadata))
        self._channel = Channel(target, credentials=credentials)

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
        inputs: Inputs,
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
                sent as UTF-8. Or a pandas or polars DataFrame: an input of one value a row is the column of its name,
                an input `x` of k values a row the columns `x[0]` … `x[k-1]`.
            outputs: The names of the outputs to answer; all of them if not given.
            version: Of the model, instead of the one the gateway would choose.
            parameters: Of the request: bools, integers of 64 bits, floats and text.
            metadata: Sent with this call, besides the client's own.
            timeout: Seconds this call may take, instead of the client's own.
            request_id: Comes back as the answer's `id`.

        Raises:
            RequestError: A subclass that says whose fault it is; `InvalidRequest` names every violation.
        """
        asked = Ask.of(model, inputs, outputs=outputs, version=version, parameters=parameters, request_id=request_id)
        return self._channel.follow(self._dialogue.infer(asked, metadata=pairs(metadata), timeout=timeout))

    def stream(self, *, timeout: float = NO_DEADLINE, metadata: Metadata | None = None) -> Stream:
        """Open a stream of requests; `timeout` bounds the whole of it."""
        own = pairs(metadata)

        def prepare(asked: Ask) -> messages.ModelInferRequest:
            return self._channel.follow(self._dialogue.request(asked, metadata=own))

        return streams.Stream(
            partial(
                self._channel.stream,
                calls.MODEL_STREAM_INFER,
                timeout_s=timeout,
                metadata=(*self._dialogue.metadata_pairs, *own),
            ),
            prepare=prepare,
            forget=self._dialogue.signatures.forget,
            patience_s=self._dialogue.timeout_s,
        )

    def metadata(self, model: str, version: str = "", *, timeout: float | None = None) -> ModelMetadata:
        """What a route or model takes and gives, asked anew."""
        return self._channel.follow(self._dialogue.metadata(model, version, timeout))

    def config(self, model: str, version: str = "", *, timeout: float | None = None) -> ModelConfig:
        """The configuration as Triton's clients read it."""
        return self._channel.follow(self._dialogue.config(model, version, timeout))

    def statistics(
        self, model: str = "", version: str = "", *, timeout: float | None = None
    ) -> tuple[messages.ModelStatistics, ...]:
        """Counters since the start of the server; of all models without a name."""
        return self._channel.follow(self._dialogue.statistics(model, version, timeout))

    def index(self, *, only_ready: bool = False, timeout: float | None = None) -> tuple[IndexEntry, ...]:
        """Every version the repository knows."""
        return self._channel.follow(self._dialogue.index(only_ready, timeout))

    def live(self, *, timeout: float | None = None) -> bool:
        """Whether the server is up; a server that cannot be reached is `Unavailable`."""
        return self._channel.follow(self._dialogue.live(timeout))

    def ready(self, model: str = "", version: str = "", *, timeout: float | None = None) -> bool:
        """Whether a route or model can answer, or without a name the whole server."""
        return self._channel.follow(self._dialogue.ready(model, version, timeout))

    def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The state by the standard health check: `SERVING`, `NOT_SERVING` or `UNKNOWN`."""
        return self._channel.follow(self._dialogue.health(service, timeout))
