"""Calls as callers make them: stock grpcio with our messages, and messages that are none."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc
import numpy as np
from google.protobuf.message import Message

from tidegate.inference import open_inference_pb2 as oip

from .gateway import Gateway
from .http2 import Connection
from .refusals import Refusal, of_answer, of_error

Answered = TypeVar("Answered", bound=Message)

SERVICE = "/inference.GRPCInferenceService/"
INFER = SERVICE + "ModelInfer"
TIMEOUT_S = 30
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@contextmanager
def channel_to(gateway: Gateway) -> Iterator[grpc.Channel]:
    """A stock channel."""
    with grpc.insecure_channel(gateway.grpc_address, UNLIMITED) as channel:
        yield channel


def ask(channel: grpc.Channel, method: str, request: Message, answered: type[Answered], **options) -> Answered:
    """One unary call of the inference service."""
    return answered.FromString(send(channel, SERVICE + method, [request.SerializeToString()], **options))


def metadata_of(call: Any) -> dict[str, str]:
    """All that the metadata of an answered call says: before the answer, and after it, where grpcio writes it."""
    return dict(call.initial_metadata() or ()) | dict(call.trailing_metadata() or ())


def send(channel: grpc.Channel, path: str, messages: Iterable[bytes], **options) -> bytes:
    """Any number of messages, whatever they hold, to a unary method; the answer's bytes."""
    call: Callable = channel.stream_unary(path, request_serializer=None, response_deserializer=None)
    return call(iter(messages), timeout=TIMEOUT_S, **options)


def refusal(gateway: Gateway, path: str, *messages: bytes, **options) -> Refusal:
    """What stock grpcio is told about a call that must be refused."""
    with channel_to(gateway) as channel:
        try:
            answer = send(channel, path, messages, **options)
        except grpc.RpcError as error:
            return of_error(error)
    raise AssertionError(f"the call was answered: {answer[:200]!r}")


def raw_refusal(gateway: Gateway, path: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Refusal:
    """What is told about a call that no client would send."""
    with Connection(gateway.grpc_address) as connection:
        return of_answer(connection.call(path, body, headers))


def request(model: str, *inputs: tuple[str, str, list[int], bytes | None], **fields) -> oip.ModelInferRequest:
    """A request of (name, datatype, shape, raw contents); without contents where they are `None`."""
    asked = oip.ModelInferRequest(model_name=model, **fields)
    for name, datatype, shape, raw in inputs:
        asked.inputs.add(name=name, datatype=datatype, shape=shape)
        if raw is not None:
            asked.raw_input_contents.append(raw)
    return asked


def floats(*values: float) -> bytes:
    """FP32 as it is on the wire."""
    return np.array(values, dtype="<f4").tobytes()


def four(model: str = "add_one", **fields) -> oip.ModelInferRequest:
    """A good request to the models that take FP32 [-1, 4] as `x`."""
    return request(model, ("x", "FP32", [1, 4], floats(1, 2, 3, 4)), **fields)
