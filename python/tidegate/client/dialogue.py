"""What is said to a gateway and in which order, without saying it: the part that both clients have in common.

Every method gives its steps as a generator: it yields a try of a call or a pause, is sent what came of it, and returns the
answer. Whoever drives it does the I/O: `Channel.follow` by blocking, `aio.pool.Pool.follow` by awaiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from tidegate.client import answer, calls, failures, requests, retry, signatures
from tidegate.client.answer import Answer
from tidegate.client.calls import Method, Reply, ResponseT
from tidegate.client.metadata import MetadataPairs
from tidegate.client.requests import Ask
from tidegate.client.signatures import ModelMetadata
from tidegate.errors import InvalidRequest, RequestError
from tidegate.inference import health_pb2
from tidegate.inference import open_inference_pb2 as messages
from tidegate.inference.model_config_pb2 import ModelConfig

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Try(Generic[ResponseT]):
    """Send this once; the generator is sent its `Reply`, or the `RequestError` is thrown into it."""

    method: Method[ResponseT]
    raw: bytes
    timeout_s: float
    metadata: MetadataPairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Wait so long; the generator is sent whether the client was closed meanwhile."""

    seconds: float


Steps = Generator[Try[Any] | Pause, Any, ResultT]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """A version as the repository lists it."""

    name: str
    version: str

    state: str
    """`READY`, `UNAVAILABLE`, `LOADING`, `UNLOADING` or `UNKNOWN`."""

    reason: str
    """Why it is not ready."""


class Dialogue:
    """What one client knows between its calls; safe to share between threads.

    Deadlines and pauses are of the clock that is given, in seconds.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        metadata: MetadataPairs = (),
        policy: retry.RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            timeout_s: What a call may take unless it says otherwise; infinite for no deadline.
            metadata: Sent with every call.
            policy: The limits of trying again.
            clock: Seconds that only grow.
            dice: Numbers in [0, 1) that spread retries.
        """
        self.timeout_s = timeout_s
        self.metadata_pairs = tuple(metadata)
        self.signatures = signatures.Signatures()
        self._clock = clock
        self._dice = dice or np.random.default_rng().random
        self._budget = retry.RetryBudget.full_to_the_floor(policy or retry.RetryPolicy())
        self._lock = threading.Lock()

    def infer(self, asked: Ask, *, metadata: MetadataPairs = (), timeout: float | None = None) -> Steps[Answer]:
        """Ask a route or model; a declaration that may have changed since it was fetched is fetched once more."""
        deadline_s = self._deadline(timeout)
        known = self.signatures.remembered(asked.model, asked.version)
        if known is not None:
            try:
                return (yield from self._infer(asked, known, deadline_s, metadata))
            except InvalidRequest as refused:
                if not signatures.could_be_stale(refused):
                    raise
                if (yield from self._fetch(asked.model, asked.version, deadline_s, metadata)) == known:
                    raise
        renewed = yield from self._declared(asked, deadline_s, metadata)
        return (yield from self._infer(asked, renewed, deadline_s, metadata))

    def request(self, asked: Ask, *, metadata: MetadataPairs = ()) -> Steps[messages.ModelInferRequest]:
        """The request that a stream sends for what a caller asks."""
        declared = yield from self._declared(asked, self._deadline(None), metadata)
        return requests.build(asked, declared)

    def metadata(self, model: str, version: str, timeout: float | None) -> Steps[ModelMetadata]:
        """What a route or model takes and gives, asked anew."""
        return (yield from self._fetch(model, version, self._deadline(timeout), ()))

    def config(self, model: str, version: str, timeout: float | None) -> Steps[ModelConfig]:
        """The configuration as Triton's clients read it."""
        request = messages.ModelConfigRequest(name=model, version=version)
        return (yield from self._ask(calls.MODEL_CONFIG, request, timeout)).config

    def statistics(
        self, model: str, version: str, timeout: float | None
    ) -> Steps[tuple[messages.ModelStatistics, ...]]:
        """Counters since the start of the server."""
        request = messages.ModelStatisticsRequest(name=model, version=version)
        return tuple((yield from self._ask(calls.MODEL_STATISTICS, request, timeout)).model_stats)

    def index(self, only_ready: bool, timeout: float | None) -> Steps[tuple[IndexEntry, ...]]:  # noqa: FBT001
        """Every version the repository knows."""
        request = messages.RepositoryIndexRequest(ready=only_ready)
        found = yield from self._ask(calls.REPOSITORY_INDEX, request, timeout)
        return tuple(
            IndexEntry(name=entry.name, version=entry.version, state=entry.state, reason=entry.reason)
            for entry in found.models
        )

    def live(self, timeout: float | None) -> Steps[bool]:
        """Whether the server is up."""
        return (yield from self._ask(calls.SERVER_LIVE, messages.ServerLiveRequest(), timeout)).live

    def ready(self, model: str, version: str, timeout: float | None) -> Steps[bool]:
        """Whether a route or model can answer, or without a name the whole server."""
        if model:
            request = messages.ModelReadyRequest(name=model, version=version)
            return (yield from self._ask(calls.MODEL_READY, request, timeout)).ready
        return (yield from self._ask(calls.SERVER_READY, messages.ServerReadyRequest(), timeout)).ready

    def health(self, service: str, timeout: float | None) -> Steps[str]:
        """The state by the standard health check."""
        request = health_pb2.HealthCheckRequest(service=service)
        status = (yield from self._ask(calls.HEALTH_CHECK, request, timeout)).status
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(status))

    def _infer(self, asked: Ask, signature: ModelMetadata, deadline_s: float, metadata: MetadataPairs) -> Steps[Answer]:
        request = requests.build(asked, signature)
        reply = yield from self._call(calls.MODEL_INFER, request, deadline_s, metadata)
        return answer.read(reply.message, reply.metadata)

    def _declared(self, asked: Ask, deadline_s: float, metadata: MetadataPairs) -> Steps[ModelMetadata]:
        known = self.signatures.remembered(asked.model, asked.version)
        return known or (yield from self._fetch(asked.model, asked.version, deadline_s, metadata))

    def _fetch(self, model: str, version: str, deadline_s: float, metadata: MetadataPairs) -> Steps[ModelMetadata]:
        request = messages.ModelMetadataRequest(name=model, version=version)
        reply = yield from self._call(calls.MODEL_METADATA, request, deadline_s, metadata)
        return self.signatures.remember(model, version, reply.message)

    def _ask(self, method: Method[ResponseT], request: calls.Message, timeout: float | None) -> Steps[ResponseT]:
        return (yield from self._call(method, request, self._deadline(timeout), ())).message

    def _call(
        self, method: Method[ResponseT], request: calls.Message, deadline_s: float, metadata: MetadataPairs
    ) -> Steps[Reply[ResponseT]]:
        """One call with its retries; everything together ends by the deadline."""
        raw = request.SerializeToString()
        with self._lock:
            self._budget = self._budget.after_call()
        tries = 0
        while True:
            remaining_s = deadline_s - self._clock()
            if remaining_s <= 0:
                raise failures.from_passed_deadline()
            tries += 1
            try:
                reply: Reply[ResponseT] = yield Try(
                    method=method,
                    raw=raw,
                    timeout_s=remaining_s,
                    metadata=(*self.metadata_pairs, *metadata),
                )
                return reply
            except RequestError as failure:
                pause_s = self._pause_before_retry(failure, tries, deadline_s - self._clock())
                if pause_s is None or (yield Pause(seconds=pause_s)):
                    raise

    def _pause_before_retry(self, failure: RequestError, tries: int, remaining_s: float) -> float | None:
        with self._lock:
            granted = retry.next_try(
                self._budget,
                code=failure.code,
                tries=tries,
                retry_after_s=failure.retry_after_s,
                remaining_s=remaining_s,
                dice=self._dice(),
            )
            if granted is None:
                return None
            pause_s, self._budget = granted
        return pause_s

    def _deadline(self, timeout: float | None) -> float:
        return self._clock() + (self.timeout_s if timeout is None else timeout)
