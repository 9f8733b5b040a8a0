"""A real server in the test's process that answers what the test tells it to."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import grpc

from tidegate.inference import error_details_pb2, open_inference_pb2, status_pb2

SERVICE = "/inference.GRPCInferenceService/"


class Failure(Exception):  # noqa: N818  # what a script says, no error of ours
    """What a scripted call ends with instead of an answer."""

    def __init__(self, code: grpc.StatusCode, message: str, *details, trailers=()):
        super().__init__(message)
        self.code, self.message, self.trailers = code, message, tuple(trailers)
        if details:
            status = status_pb2.Status(code=code.value[0], message=message)
            for detail in details:
                any_detail = status.details.add()
                any_detail.type_url = f"type.googleapis.com/{detail.DESCRIPTOR.full_name}"
                any_detail.value = detail.SerializeToString()
            self.trailers += (("grpc-status-details-bin", status.SerializeToString()),)


def unavailable(message="draining"):
    return Failure(
        grpc.StatusCode.UNAVAILABLE, message, error_details_pb2.ErrorInfo(reason="DRAINING", domain="tidegate")
    )


def overloaded(pause_ms):
    advice = error_details_pb2.RetryInfo()
    advice.retry_delay.seconds, advice.retry_delay.nanos = pause_ms // 1000, pause_ms % 1000 * 1_000_000
    return Failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "the queue is full",
        error_details_pb2.ErrorInfo(reason="QUEUE_FULL"),
        advice,
    )


@dataclass
class Server(grpc.GenericRpcHandler):
    """Answers each method by the next entry of its script; the last entry answers for ever."""

    scripts: dict[str, deque] = field(default_factory=dict)
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    metadata: list[dict] = field(default_factory=list)
    initial_metadata: tuple = ()
    address: str = ""

    def script(self, method: str, *outcomes) -> None:
        self.scripts[method] = deque(outcomes)

    def count(self, method: str) -> int:
        return sum(asked == method for asked, _ in self.requests)

    def service(self, details):
        method = details.method.rpartition("/")[2]
        if method == "ModelStreamInfer":
            return grpc.stream_stream_rpc_method_handler(self._stream)
        if method not in self.scripts:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda raw, context: self._answer(method, raw, context))

    def _answer(self, method: str, raw: bytes, context) -> bytes:
        self.requests.append((method, raw))
        self.metadata.append(dict(context.invocation_metadata()))
        script = self.scripts[method]
        outcome = script.popleft() if len(script) > 1 else script[0]
        if isinstance(outcome, Callable):
            outcome = outcome(raw, context)
        if self.initial_metadata:
            context.send_initial_metadata(self.initial_metadata)
        if isinstance(outcome, Failure):
            context.set_trailing_metadata(outcome.trailers)
            context.abort(outcome.code, outcome.message)
        return outcome if isinstance(outcome, bytes) else outcome.SerializeToString()

    def _stream(self, messages: Iterator[bytes], context) -> Iterator[bytes]:
        for raw in messages:
            yield self._answer("ModelStreamInfer", raw, context)


def metadata_of(**inputs: tuple[str, list[int]]) -> open_inference_pb2.ModelMetadataResponse:
    """A declaration: each input as (datatype, shape)."""
    message = open_inference_pb2.ModelMetadataResponse(name="m", versions=["1"], platform="onnx")
    for name, (datatype, shape) in inputs.items():
        message.inputs.add(name=name, datatype=datatype, shape=shape)
    return message


def echo(raw: bytes, _context) -> open_inference_pb2.ModelInferResponse:
    """Every input comes back as an output."""
    request = open_inference_pb2.ModelInferRequest.FromString(raw)
    response = open_inference_pb2.ModelInferResponse(
        model_name=request.model_name, model_version=request.model_version or "1", id=request.id
    )
    for tensor in request.inputs:
        response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
    response.raw_output_contents.extend(request.raw_input_contents)
    return response
