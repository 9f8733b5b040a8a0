"""Calls under way: requests of arrays, begun on a connection of their own, watched, cancelled, or waited for."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import grpc
import numpy as np
from google.protobuf.message import Message

from tidegate.inference import error_details_pb2, health_pb2, status_pb2
from tidegate.inference import open_inference_pb2 as messages

SERVICE = "/inference.GRPCInferenceService/"

_DATATYPES = {np.dtype("float32"): "FP32", np.dtype("int64"): "INT64", np.dtype("uint8"): "UINT8"}
_DTYPES = {name: dtype for dtype, name in _DATATYPES.items()}


def asked(model: str, inputs: Mapping[str, np.ndarray], **fields: Any) -> messages.ModelInferRequest:
    """A request with raw contents; `timeout_us` is Triton's parameter."""
    timeout_us = fields.pop("timeout_us", None)
    message = messages.ModelInferRequest(model_name=model, **fields)
    for name, values in inputs.items():
        message.inputs.add(name=name, datatype=_DATATYPES[values.dtype], shape=values.shape)
        message.raw_input_contents.append(values.tobytes())
    if timeout_us is not None:
        message.parameters["timeout"].int64_param = timeout_us
    return message


def tensors(answer: messages.ModelInferResponse) -> dict[str, np.ndarray]:
    """The outputs of a raw answer."""
    return {
        output.name: np.frombuffer(raw, _DTYPES[output.datatype]).reshape(output.shape)
        for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    }


def details(error: grpc.RpcError) -> dict[str, Message]:
    """The parts of `google.rpc.Status` of a failed call, by the short name of their type."""
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    kinds = {
        kind.DESCRIPTOR.full_name: kind
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)
    }
    parts = ((part.type_url.rpartition("/")[2], part.value) for part in status.details)
    return {name.rpartition(".")[2]: kinds[name].FromString(value) for name, value in parts}


def failure(call: Any) -> tuple[str, str]:
    """Code and reason with which a call ends; fails if it was answered."""
    error = call.exception(timeout=60)
    assert error is not None, "the call was answered"
    trailers = dict(error.trailing_metadata() or ())
    reason = details(error)["ErrorInfo"].reason if "grpc-status-details-bin" in trailers else ""
    return error.code().name, reason


class Asker:
    """A client with a connection of its own; its calls fail at once and are never tried again."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def begin(self, message: messages.ModelInferRequest | bytes, timeout: float | None = 60, **more: Any) -> Any:
        """A ModelInfer under way; bytes are sent as they are."""
        call = self._channel.unary_unary(
            SERVICE + "ModelInfer",
            request_serializer=lambda sent: sent if isinstance(sent, bytes) else sent.SerializeToString(),
            response_deserializer=messages.ModelInferResponse.FromString,
        )
        return call.future(message, timeout=timeout, **more)

    def infer(
        self, model: str, inputs: Mapping[str, np.ndarray], timeout: float = 60, **fields: Any
    ) -> messages.ModelInferResponse:
        """A ModelInfer that must be answered."""
        answer: messages.ModelInferResponse = self.begin(asked(model, inputs, **fields), timeout).result()
        return answer

    def stream(self, sent: Iterable[messages.ModelInferRequest], timeout: float | None = 60, **more: Any) -> Any:
        """A ModelStreamInfer."""
        call = self._channel.stream_stream(
            SERVICE + "ModelStreamInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.ModelStreamInferResponse.FromString,
        )
        return call(iter(sent), timeout=timeout, **more)

    def check(self, name: str = "") -> str:
        """The state by the health check."""
        call = self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        return _state(call(health_pb2.HealthCheckRequest(service=name), timeout=20))

    def watch(self, name: str = "") -> Iterator[str]:
        """The states that a Watch tells."""
        call = self._channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        return map(_state, call(health_pb2.HealthCheckRequest(service=name)))

    def reflect(self, sent: Iterable[bytes], **more: Any) -> Any:
        """A reflection stream of raw messages."""
        path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        return self._channel.stream_stream(path)(iter(sent), **more)

    def ask(self, method: str, message: Message, **more: Any) -> Any:
        """Another call of the inference service under way; its answer is bytes."""
        return self._channel.unary_unary(SERVICE + method).future(message.SerializeToString(), timeout=20, **more)


def _state(answer: health_pb2.HealthCheckResponse) -> str:
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
