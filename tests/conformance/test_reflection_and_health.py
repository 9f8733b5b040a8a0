"""grpcurl and health probes: what they ask before anybody infers."""

import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from support.refusals import of_error

INFERENCE, HEALTH = "inference.GRPCInferenceService", "grpc.health.v1.Health"
VERSIONS = ("v1", "v1alpha")


class AnotherVersion:
    """A channel on which the client for reflection v1alpha speaks another version: they differ in the path alone."""

    def __init__(self, channel: grpc.Channel, version: str) -> None:
        self._channel, self._version = channel, version

    def stream_stream(self, path: str, *rest: Any, **more: Any) -> Callable[..., Any]:
        """The call, with the version in its path."""
        return self._channel.stream_stream(path.replace(".v1alpha.", f".{self._version}."), *rest, **more)


@pytest.fixture(params=VERSIONS)
def database(request, channel) -> ProtoReflectionDescriptorDatabase:
    return ProtoReflectionDescriptorDatabase(AnotherVersion(channel, request.param))


def test_every_service_is_listed(database):
    assert set(database.get_services()) == {
        INFERENCE,
        HEALTH,
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_every_service_is_described_with_all_that_its_messages_need(database):
    pool = descriptor_pool.DescriptorPool(database)
    service = pool.FindServiceByName(INFERENCE)
    assert len(service.methods) == 20
    for method in service.methods:
        assert method.input_type.full_name.startswith("inference.")
        assert method.output_type.file.name
    assert pool.FindMessageTypeByName("inference.ModelInferRequest").fields_by_name["raw_input_contents"].number == 7
    assert {method.name for method in pool.FindServiceByName(HEALTH).methods} >= {"Check", "Watch"}


def test_a_call_can_be_made_from_nothing_but_reflection(database, channel):
    method = descriptor_pool.DescriptorPool(database).FindServiceByName(INFERENCE).methods_by_name["ModelMetadata"]
    asked = json_format.ParseDict({"name": "add_one"}, message_factory.GetMessageClass(method.input_type)())
    answered = channel.unary_unary(f"/{INFERENCE}/{method.name}")(asked.SerializeToString(), timeout=20)
    found = json_format.MessageToDict(message_factory.GetMessageClass(method.output_type).FromString(answered))
    assert found["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["-1", "4"]}]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_here_is_an_error_in_the_answer_and_the_stream_goes_on(channel, version):
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    asked = [
        reflection_pb2.ServerReflectionRequest(file_by_filename="nowhere.proto"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="inference.Nothing"),
        reflection_pb2.ServerReflectionRequest(list_services=""),
    ]
    first, second, third = call(iter(asked), timeout=20)
    assert [answer.error_response.error_code for answer in (first, second)] == [grpc.StatusCode.NOT_FOUND.value[0]] * 2
    assert first.original_request == asked[0]
    assert third.list_services_response.service


@pytest.fixture
def health(channel) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("name", ["", INFERENCE, "split", "add_one"])
def test_check_says_serving_for_all_that_is_served(health, name):
    answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=20)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_check_of_an_unknown_name_is_not_found(health):
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=20)
    assert (of_error(caught.value).code, of_error(caught.value).reason) == ("NOT_FOUND", "UNKNOWN_SERVICE")


@pytest.mark.parametrize("name, status", [("", "SERVING"), ("split", "SERVING"), ("nobody", "SERVICE_UNKNOWN")])
def test_watch_tells_the_state_at_once_and_stays_open(health, name, status):
    call = health.Watch(health_pb2.HealthCheckRequest(service=name))
    assert health_pb2.HealthCheckResponse.ServingStatus.Name(next(call).status) == status
    assert call.is_active()
    call.cancel()


def test_a_stock_channel_that_checks_health_before_it_calls_gets_its_answer(gateway):
    config = {"healthCheckConfig": {"serviceName": INFERENCE}, "loadBalancingConfig": [{"round_robin": {}}]}
    options = [("grpc.service_config", json.dumps(config))]
    with grpc.insecure_channel(gateway.grpc_address, options) as checked:
        assert checked.unary_unary(f"/{INFERENCE}/ServerLive")(b"", timeout=20, wait_for_ready=True) == b"\x08\x01"
