"""One stream of requests: each message is its own request, answers come in the order of the requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import grpc

from tidegate.client import answer, failures
from tidegate.client.answer import Answer
from tidegate.client.calls import bounded
from tidegate.client.requests import Ask, Inputs, Parameter
from tidegate.errors import InvalidRequest, RequestError
from tidegate.inference.open_inference_pb2 import ModelInferRequest, ModelStreamInferResponse

# What a gateway lets wait on one stream before it stops reading.
OUTSTANDING = 64

Open = Callable[[Iterator[bytes]], tuple[Any, Callable[[bytes], ModelStreamInferResponse]]]


class Stream(Iterator[Answer | RequestError]):
    """Requests go in by `send`, answers come out by iterating.

        with client.stream() as stream:
            for rows in batches:
                stream.send("flight-delay", rows)
                outcome = next(stream)

    A request that fails comes out as its error, in its place, and the stream goes on; an error of the stream itself is
    raised. One thread may send while another reads.
    """

    def __init__(
        self,
        open_call: Open,
        *,
        prepare: Callable[[Ask], ModelInferRequest],
        forget: Callable[[str, str], None],
        patience_s: float,
    ) -> None:
        """Open the call; `patience_s` is how long `send` waits for room."""
        self._prepare = prepare
        self._forget = forget
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._unsent: deque[bytes] = deque()
        self._unanswered: deque[tuple[str, str]] = deque()
        self._is_done = False
        self._is_ended = False
        self._call, self._read = open_call(self._requests())
        if not self._call.add_callback(self._end):
            self._end()

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stream; answers that were not read are given up."""
        self.done()
        self._call.cancel()

    def send(
        self,
        model: str,
        inputs: Inputs,
        *,
        outputs: Iterable[str] | None = None,
        version: str = "",
        parameters: Mapping[str, Parameter] | None = None,
        request_id: str = "",
    ) -> None:
        """Send one request; its arguments are those of `Client.infer`.

        Raises:
            InvalidRequest: The values do not fit the model; nothing was sent.
            DeadlineExceeded: 64 answers wait to be read, and nobody read one.
            Cancelled: The stream has ended.
        """
        request = self._prepare(
            Ask.of(model, inputs, outputs=outputs, version=version, parameters=parameters, request_id=request_id)
        )
        with self._changed:
            has_room = self._changed.wait_for(
                lambda: self._is_over() or len(self._unanswered) < OUTSTANDING, bounded(self._patience_s)
            )
            if self._is_over():
                raise failures.from_ended_stream()
            if not has_room:
                raise failures.from_unread_answers(OUTSTANDING)
            self._unsent.append(request.SerializeToString())
            self._unanswered.append((model, version))
            self._changed.notify_all()

    def done(self) -> None:
        """Send no more; the answers to what was sent still come."""
        with self._changed:
            self._is_done = True
            self._changed.notify_all()

    def __next__(self) -> Answer | RequestError:
        """The next answer, or the error of a request in its place; stops when all answers after `done` are read.

        Raises:
            RequestError: The stream itself failed.
        """
        try:
            message = self._read(next(self._call))
        except grpc.RpcError as error:
            raise failures.from_rpc_error(error) from None
        with self._changed:
            model, version = self._unanswered.popleft() if self._unanswered else ("", "")
            self._changed.notify_all()
        outcome = outcome_of(message)
        if isinstance(outcome, InvalidRequest):
            self._forget(model, version)
        return outcome

    def _requests(self) -> Iterator[bytes]:
        """What grpc's own thread sends, as it comes."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._unsent or self._is_over())
                if not self._unsent:
                    return
                raw = self._unsent.popleft()
            yield raw

    def _is_over(self) -> bool:
        return self._is_done or self._is_ended

    def _end(self) -> None:
        with self._changed:
            self._is_ended = True
            self._unsent.clear()
            self._changed.notify_all()


def outcome_of(message: ModelStreamInferResponse) -> Answer | RequestError:
    """What one message of a stream says: the answer of a request, or its error."""
    told = answer.read(message.infer_response, {})
    if not message.error_message:
        return told
    return failures.from_streamed_text(message.error_message, told.prediction_id)
