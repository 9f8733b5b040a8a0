"""The client for asyncio: the twin of `tidegate.client`, with many requests at once.

async with Client("localhost:8001") as client:
    async for answer in client.infer_many("flight-delay", batches):
        late = answer["probability"]
"""

from __future__ import annotations

import operator
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Literal, Self, TypeAlias, overload

import grpc

from tidegate.client import calls, frames
from tidegate.client.aio import many
from tidegate.client.aio.many import OnError
from tidegate.client.aio.pool import Pool
from tidegate.client.aio.progress import bar, silent
from tidegate.client.aio.streams import Stream
from tidegate.client.answer import Answer
from tidegate.client.client import NO_DEADLINE
from tidegate.client.dialogue import Dialogue, IndexEntry
from tidegate.client.metadata import Metadata, pairs
from tidegate.client.requests import Ask, Inputs, Parameter, Request
from tidegate.client.signatures import ModelMetadata
from tidegate.client.specs import TensorSpec
from tidegate.errors import RequestError
from tidegate.inference import open_inference_pb2 as messages
from tidegate.inference.model_config_pb2 import ModelConfig

__all__ = ["Answer", "Client", "IndexEntry", "ModelMetadata", "Parameter", "Request", "Stream", "TensorSpec"]

Many: TypeAlias = "Iterable[Inputs | Request] | AsyncIterable[Inputs | Request]"


class Client:
    """Calls one server from one event loop; arguments, answers and errors are those of `tidegate.client.Client`.

    Every call ends within its timeout, retries included. Cancelling a task that waits for a call cancels the call, and the
    server hears of it.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = 30.0,
        metadata: Metadata | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        connections: int = 4,
    ) -> None:
        """Prepare the connections; each is opened by the first call that finds all before it busy.

        Args:
            target: Such as `localhost:8001`, or any name that grpc resolves.
            timeout: Seconds that a call may take unless it says otherwise; infinite for no deadline.
            metadata: Sent with every call.
            credentials: Of grpc; without them the connections are plain text.
            connections: At most how many, 1 to 64. A connection stays with the one thread of the gateway that reads it and,
                behind a balancer, with one gateway: several reach more of them. One event loop makes too few requests to
                keep more than a few such threads busy, hence 4.
        """
        self._dialogue = Dialogue(timeout_s=timeout, metadata=pairs(metadata))
        self._pool = Pool(target, credentials=credentials, connections=connections)

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls that run end as `Cancelled`."""
        await self._pool.close()

    async def infer(
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
        """Ask a route or model; arguments and errors are those of `tidegate.client.Client.infer`."""
        asked = Ask.of(model, inputs, outputs=outputs, version=version, parameters=parameters, request_id=request_id)
        return await self._pool.follow(self._dialogue.infer(asked, metadata=pairs(metadata), timeout=timeout))

    @overload
    def infer_many(
        self,
        model: str,
        inputs: Many,
        *,
        concurrency: int = ...,
        on_error: Literal["raise"] = ...,
        progress: bool = ...,
        outputs: Iterable[str] | None = ...,
        version: str = ...,
        parameters: Mapping[str, Parameter] | None = ...,
        metadata: Metadata | None = ...,
        timeout: float | None = ...,
    ) -> AsyncGenerator[Answer, None]: ...
    @overload
    def infer_many(
        self,
        model: str,
        inputs: Many,
        *,
        concurrency: int = ...,
        on_error: Literal["yield"],
        progress: bool = ...,
        outputs: Iterable[str] | None = ...,
        version: str = ...,
        parameters: Mapping[str, Parameter] | None = ...,
        metadata: Metadata | None = ...,
        timeout: float | None = ...,
    ) -> AsyncGenerator[Answer | RequestError, None]: ...
    def infer_many(
        self,
        model: str,
        inputs: Many,
        *,
        concurrency: int = 64,
        on_error: OnError = "raise",
        progress: bool = False,
        outputs: Iterable[str] | None = None,
        version: str = "",
        parameters: Mapping[str, Parameter] | None = None,
        metadata: Metadata | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Answer, None] | AsyncGenerator[Answer | RequestError, None]:
        """Ask a route or model many times, with the answers in the order of the requests.

        Nothing begins before the first answer is asked for. Ending early (`break`, cancellation, an error, `aclose`)
        cancels all that is under way.

        Args:
            model: The name of a route or model.
            inputs: The requests, from an iterable or an async iterable: for each what `infer` takes as inputs, or a
                `Request` with metadata, parameters and an id of its own. What the iterable raises comes after the answers
                to what it gave before.
            concurrency: At most how many requests are read ahead, under way or waiting to be taken. The default is about
                what one event loop needs to be busy all the time, and far below what a gateway lets wait.
            on_error: Whether the error of a request is raised in its place, or stands among the answers there.
            progress: Show a bar on stderr if that is a terminal; needs rich.
            outputs: As for `infer`, for each request; so are the following.
            version: Of the model.
            parameters: Besides those of a `Request`, which count where both have a name.
            metadata: Likewise.
            timeout: Seconds that each request may take.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; expected 1 or more")
        if on_error not in ("raise", "yield"):
            raise ValueError(f"on_error is {on_error!r}; expected 'raise' or 'yield'")
        if isinstance(inputs, Mapping | str) or frames.is_frame(inputs):
            raise TypeError("inputs are those of one request; infer takes them, infer_many an iterable of such")
        names = tuple(outputs or ())

        async def ask(item: Inputs | Request) -> Answer:
            one = item if isinstance(item, Request) else Request(item)
            return await self.infer(
                model,
                one.inputs,
                outputs=names,
                version=version,
                parameters={**(parameters or {}), **one.parameters},
                metadata=dict((*pairs(metadata), *pairs(one.metadata))),
                timeout=timeout,
                request_id=one.request_id,
            )

        shown = bar(model, operator.length_hint(inputs) or None) if progress else silent()
        return many.in_order(inputs, ask, concurrency=concurrency, on_error=on_error, bar=shown)

    def stream(self, *, timeout: float = NO_DEADLINE, metadata: Metadata | None = None) -> Stream:
        """Open a stream of requests, within the event loop; `timeout` bounds the whole of it."""
        own = pairs(metadata)

        async def prepare(asked: Ask) -> messages.ModelInferRequest:
            return await self._pool.follow(self._dialogue.request(asked, metadata=own))

        return Stream(
            partial(
                self._pool.stream,
                calls.MODEL_STREAM_INFER,
                timeout_s=timeout,
                metadata=(*self._dialogue.metadata_pairs, *own),
            ),
            prepare=prepare,
            forget=self._dialogue.signatures.forget,
            patience_s=self._dialogue.timeout_s,
        )

    async def metadata(self, model: str, version: str = "", *, timeout: float | None = None) -> ModelMetadata:
        """What a route or model takes and gives, asked anew."""
        return await self._pool.follow(self._dialogue.metadata(model, version, timeout))

    async def config(self, model: str, version: str = "", *, timeout: float | None = None) -> ModelConfig:
        """The configuration as Triton's clients read it."""
        return await self._pool.follow(self._dialogue.config(model, version, timeout))

    async def statistics(
        self, model: str = "", version: str = "", *, timeout: float | None = None
    ) -> tuple[messages.ModelStatistics, ...]:
        """Counters since the start of the server; of all models without a name."""
        return await self._pool.follow(self._dialogue.statistics(model, version, timeout))

    async def index(self, *, only_ready: bool = False, timeout: float | None = None) -> tuple[IndexEntry, ...]:
        """Every version the repository knows."""
        return await self._pool.follow(self._dialogue.index(only_ready, timeout))

    async def live(self, *, timeout: float | None = None) -> bool:
        """Whether the server is up; a server that cannot be reached is `Unavailable`."""
        return await self._pool.follow(self._dialogue.live(timeout))

    async def ready(self, model: str = "", version: str = "", *, timeout: float | None = None) -> bool:
        """Whether a route or model can answer, or without a name the whole server."""
        return await self._pool.follow(self._dialogue.ready(model, version, timeout))

    async def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The state by the standard health check: `SERVING`, `NOT_SERVING` or `UNKNOWN`."""
        return await self._pool.follow(self._dialogue.health(service, timeout))
