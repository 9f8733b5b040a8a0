"""grpcio's reflection client: a call from nothing but an address, without generated messages."""

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "inference.GRPCInferenceService"
LIMIT_S = 30


def _call(channel: grpc.Channel, method: str, request: dict) -> dict:
    """One call whose messages are made from what reflection says."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    found = pool.FindServiceByName(SERVICE).methods_by_name[method]
    message = json_format.ParseDict(request, GetMessageClass(found.input_type)())
    call = channel.unary_unary(
        f"/{SERVICE}/{method}",
        request_serializer=lambda asked: asked.SerializeToString(),
        response_deserializer=GetMessageClass(found.output_type).FromString,
    )
    return json_format.MessageToDict(call(message, timeout=LIMIT_S), preserving_proto_field_name=True)


def test_services_and_methods_are_listed(address, answers):
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        methods = DescriptorPool(database).FindServiceByName(SERVICE).methods_by_name
    assert services == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert {"ModelInfer", "ModelStreamInfer", "ModelConfig", "ModelStatistics"} <= set(methods)


def test_metadata_is_asked_for_without_generated_messages(address, answers):
    with grpc.insecure_channel(address) as channel:
        about = _call(channel, "ModelMetadata", {"name": "scorer"})
    assert about["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["-1", "8"]}]


def test_an_inference_without_generated_messages_is_onnxruntime_s(address, answers):
    x = answers["x"]
    tensor = {
        "name": "x",
        "datatype": "FP32",
        "shape": [len(x), len(x[0])],
        "contents": {"fp32_contents": [value for row in x for value in row]},
    }
    with grpc.insecure_channel(address) as channel:
        answer = _call(channel, "ModelInfer", {"model_name": "scorer", "inputs": [tensor]})
    found = {output["name"]: output for output in answer["outputs"]}
    known = [value for row in answers["2"]["probability"] for value in row]
    pairs = zip(found["probability"]["contents"]["fp32_contents"], known, strict=True)
    assert all(abs(value - expected) <= 1e-5 * expected for value, expected in pairs)
    assert [int(label) for label in found["label"]["contents"]["int64_contents"]] == answers["2"]["label"]
