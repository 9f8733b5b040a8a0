"""perf_analyzer's calls in its order, with the stubs of tritonclient: its own wheel has no binary for every Linux.

It asks for ModelMetadata, ModelConfig and ServerMetadata; then for each window ModelStatistics, its load, and
ModelStatistics again, whose difference it prints.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

MODEL = "measured"
REQUESTS = 200
CONCURRENCY = 8
PARTS = ("queue", "compute_input", "compute_infer", "compute_output")
NUMPY_TYPES = {"INT32": np.int32}


def test_what_is_asked_before_the_load_is_enough_to_make_requests(address, answers):
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = _request(stub, batch=4)
        response = stub.ModelInfer(request)
        assert "statistics" in stub.ServerMetadata(messages.ServerMetadataRequest()).extensions
    _assert_right(request, response)


def test_windows_of_single_requests_add_up(address, answers):
    def load(stub: service_pb2_grpc.GRPCInferenceServiceStub, request: messages.ModelInferRequest) -> list:
        with ThreadPoolExecutor(CONCURRENCY) as threads:
            return list(threads.map(lambda _: stub.ModelInfer(request), range(REQUESTS)))

    _assert_windows_add_up(address, load, batch=1)


def test_windows_of_batched_requests_add_up(address, answers):
    def load(stub: service_pb2_grpc.GRPCInferenceServiceStub, request: messages.ModelInferRequest) -> list:
        return [call.result() for call in [stub.ModelInfer.future(request) for _ in range(REQUESTS)]]

    _assert_windows_add_up(address, load, batch=5)


def test_windows_of_streamed_requests_add_up(address, answers):
    def load(stub: service_pb2_grpc.GRPCInferenceServiceStub, request: messages.ModelInferRequest) -> list:
        streamed = list(stub.ModelStreamInfer(iter([request] * REQUESTS)))
        assert [answer.error_message for answer in streamed] == [""] * REQUESTS
        return [answer.infer_response for answer in streamed]

    _assert_windows_add_up(address, load, batch=1)


def _request(stub: service_pb2_grpc.GRPCInferenceServiceStub, batch: int) -> messages.ModelInferRequest:
    """A request made of nothing but what metadata and configuration say."""
    metadata = stub.ModelMetadata(messages.ModelMetadataRequest(name=MODEL, version=""))
    config = stub.ModelConfig(messages.ModelConfigRequest(name=MODEL, version="")).config
    # It would go another way if any of these were set.
    assert not config.HasField("sequence_batching")
    assert not config.HasField("ensemble_scheduling")
    assert not config.model_transaction_policy.decoupled
    assert not config.response_cache.enable
    assert config.HasField("dynamic_batching")
    assert config.max_batch_size >= batch
    assert [tensor.name for tensor in config.input] == [tensor.name for tensor in metadata.inputs]
    assert [tensor.name for tensor in config.output] == [tensor.name for tensor in metadata.outputs]
    assert not any(tensor.optional or tensor.is_shape_tensor for tensor in config.input)
    request = messages.ModelInferRequest(model_name=MODEL)
    for number, tensor in enumerate(metadata.inputs):
        shape = [batch, *tensor.shape[1:]]  # with a max_batch_size the first axis is the batch
        values = np.arange(np.prod(shape), dtype=NUMPY_TYPES[tensor.datatype]) * (number + 1)
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=shape)
        request.raw_input_contents.append(values.tobytes())
    for tensor in metadata.outputs:
        request.outputs.add(name=tensor.name)
    return request


def _assert_windows_add_up(address: str, load, batch: int) -> None:
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = _request(stub, batch)
        stub.ServerMetadata(messages.ServerMetadataRequest())
        for _ in range(3):
            before = _statistics(stub)
            responses = load(stub, request)
            after = _statistics(stub)
            for response in responses:
                _assert_right(request, response)
            _assert_difference(before, after, len(responses), batch)


def _statistics(stub: service_pb2_grpc.GRPCInferenceServiceStub) -> messages.ModelStatistics:
    """The one entry of the model: perf_analyzer finds what it measures by name and served version."""
    (entry,) = stub.ModelStatistics(messages.ModelStatisticsRequest(name=MODEL, version="")).model_stats
    assert (entry.name, entry.version) == (MODEL, "1")
    return entry


def _assert_difference(
    before: messages.ModelStatistics, after: messages.ModelStatistics, requests: int, batch: int
) -> None:
    """Every counter has grown by what was sent and by nothing else, and a success takes at least its parts."""
    for (name, first), (_, second) in zip(_counters(before), _counters(after), strict=True):
        assert second >= first, f"{name} has shrunk from {first} to {second}"
    grown = {name: value - dict(_counters(before))[name] for name, value in _counters(after)}
    assert grown["inference_count"] == requests * batch
    assert 1 <= grown["execution_count"] <= requests
    assert grown["success.count"] == requests
    assert grown["fail.count"] == grown["cache_hit.count"] == grown["cache_miss.count"] == 0
    assert [grown[f"{part}.count"] for part in PARTS] == [requests] * len(PARTS)
    assert grown["success.ns"] >= sum(grown[f"{part}.ns"] for part in PARTS) > 0
    assert after.last_inference >= before.last_inference > 0 or before.last_inference == 0


def _counters(entry: messages.ModelStatistics) -> Iterator[tuple[str, int]]:
    yield "inference_count", entry.inference_count
    yield "execution_count", entry.execution_count
    for part in ("success", "fail", *PARTS, "cache_hit", "cache_miss"):
        duration = getattr(entry.inference_stats, part)
        yield f"{part}.count", duration.count
        yield f"{part}.ns", duration.ns


def _assert_right(request: messages.ModelInferRequest, response: messages.ModelInferResponse) -> None:
    """The answer is numpy's sum and difference."""
    first, second = (np.frombuffer(raw, np.int32) for raw in request.raw_input_contents)
    assert [output.name for output in response.outputs] == ["OUTPUT0", "OUTPUT1"]
    assert list(response.raw_output_contents) == [(first + second).tobytes(), (first - second).tobytes()]
