"""Who answered, and why: in the answer, in the metadata around it, and in the trailers of an error."""

import re

import grpc
import pytest

from support.calls import INFER, channel_to, four, metadata_of, request
from support.gateway import start_gateway
from support.refusals import of_error
from support.triton import parameters_of, x
from tidegate.inference import open_inference_pb2 as oip

NAMES = ("tidegate_version", "tidegate_reason", "tidegate_prediction_id", "tidegate_epoch")
UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def _call(channel: grpc.Channel, asked: oip.ModelInferRequest, **options) -> tuple[oip.ModelInferResponse, grpc.Call]:
    call = channel.unary_unary(INFER, response_deserializer=oip.ModelInferResponse.FromString)
    return call.with_call(asked.SerializeToString(), timeout=20, **options)


def _credit(metadata) -> dict[str, str]:
    return {key: value for key, value in metadata if key.startswith("x-tidegate-")}


def test_a_stock_client_sees_who_answered(triton):
    parameters = parameters_of(triton.infer("add_one", x([1, 2, 3, 4])))
    assert set(parameters) == set(NAMES)
    assert parameters["tidegate_version"] == "add_one/1"
    assert parameters["tidegate_reason"] == "model"
    assert parameters["tidegate_epoch"] == 1
    assert UUID_7.fullmatch(parameters["tidegate_prediction_id"])


def test_the_metadata_says_the_same_once(channel, front):
    answer, call = _call(channel, four("split"))
    said = {name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in answer.parameters.items()}
    early, late = _credit(call.initial_metadata()), _credit(call.trailing_metadata())
    credit, other = (late, early) if front == "python" else (early, late)
    assert not other
    assert credit == {f"x-{name.replace('_', '-')}": str(value) for name, value in said.items()}


def test_prediction_ids_are_new_for_each_request_and_rise_with_time(channel):
    ids = [metadata_of(_call(channel, four())[1])["x-tidegate-prediction-id"] for _ in range(300)]
    assert len(set(ids)) == 300
    assert [found[:13] for found in ids] == sorted(found[:13] for found in ids)


@pytest.mark.parametrize(
    "asked, version",
    [
        (request("split", ("x", "FP32", [1, 5], bytes(20))), {"add/1", "add/2"}),
        (request("gather", ("index", "INT64", [1, 1], (99).to_bytes(8, "little"))), {"gather/1"}),
    ],
    ids=["refused before it ran", "failed while it ran"],
)
def test_an_error_of_a_chosen_version_names_it_in_the_trailers_and_in_the_details(channel, asked, version):
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, asked)
    refused = of_error(caught.value)
    credit = _credit(refused.trailers.items())
    assert credit["x-tidegate-version"] in version
    assert set(credit) == {f"x-{name.replace('_', '-')}" for name in NAMES}
    assert refused.metadata == {
        "route": asked.model_name,
        "version": credit["x-tidegate-version"],
        "prediction_id": credit["x-tidegate-prediction-id"],
    }


def test_an_error_before_a_version_was_chosen_names_none(channel):
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, four("nobody"))
    refused = of_error(caught.value)
    assert not _credit(refused.trailers.items())
    assert refused.metadata == {}


def test_the_parameters_can_be_switched_off_and_the_metadata_stays(models):
    document = {"answer_parameters": "off", "versions": {"slow/1": {"batching": "off"}}}
    with start_gateway(document, models) as quiet, channel_to(quiet) as channel:
        answer, call = _call(channel, four())
        assert not answer.parameters
        assert metadata_of(call)["x-tidegate-version"] == "add_one/1"
