"""Seldon's callers: the same stubs, with metadata that Seldon's own proxies read."""

import grpc
import numpy as np
from mlserver.codecs import NumpyCodec
from mlserver.grpc import dataplane_pb2_grpc
from mlserver.grpc.converters import ModelInferRequestConverter
from mlserver.types import InferenceRequest


def _called(address: str, answers: dict, model: str, metadata: list[tuple[str, str]]):
    """The answer and the metadata that came with it."""
    asked = InferenceRequest(inputs=[NumpyCodec.encode_input("x", np.float32(answers["x"]))])
    message = ModelInferRequestConverter.from_types(asked, model_name=model)
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        answer, call = stub.ModelInfer.with_call(message, metadata=metadata, timeout=30)
        return answer, dict(call.initial_metadata()) | dict(call.trailing_metadata())


def test_the_name_in_the_request_counts_and_not_the_one_in_metadata(address, answers):
    for named in ("scorer", "identity_fp32", "nobody"):
        answer, _ = _called(address, answers, "scorer", [("seldon-model", named), ("seldon-internal-model", named)])
        assert (answer.model_name, answer.model_version) == ("scorer", "2")
        np.testing.assert_allclose(
            answer.outputs[0].contents.fp32_contents, np.ravel(np.float32(answers["2"]["probability"])), rtol=1e-5
        )


def test_a_route_of_seldon_is_ignored_and_none_is_sent_back(address, answers):
    # It would name the replica that answered the request before.
    metadata = [("seldon-model", "scorer"), ("x-seldon-route", ":scorer_1:"), ("x-request-id", "abc")]
    answer, came = _called(address, answers, "scorer", metadata)
    assert answer.model_version == "2"
    assert "x-seldon-route" not in came


def test_callers_are_kept_on_a_version_by_the_sticky_key_instead(address, answers):
    versions = [
        {_called(address, answers, "scorer-canary", [("x-unit", unit)])[0].model_version for _ in range(3)}
        for unit in (f"caller {number}" for number in range(12))
    ]
    assert all(len(met) == 1 for met in versions)
    assert set.union(*versions) == {"1", "2"}
