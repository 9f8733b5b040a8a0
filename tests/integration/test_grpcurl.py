"""grpcurl, which knows nothing but what reflection tells it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import environments, stock_models

SERVICE = "inference.GRPCInferenceService"
LIMIT_S = 30
Grpcurl = Callable[..., subprocess.CompletedProcess[str]]

# The first test waits until Go has built it.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="session")
def grpcurl(stock_gateway) -> Grpcurl:
    """Runs grpcurl against the gateway: a method or a verb with its symbol, and the message that it reads."""
    program = environments.grpcurl()
    if program is None:
        pytest.skip("grpcurl is built by Go 1.24 or later, which is not here; reflection_client.py needs none")

    def run(*arguments: str, message: Any = None) -> subprocess.CompletedProcess[str]:
        data = [] if message is None else ["-d", "@"]
        return subprocess.run(
            [str(program), "-plaintext", *data, stock_gateway.grpc_address, *arguments],
            input=json.dumps(message),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    return run


def _answer(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def test_it_lists_and_describes(grpcurl):
    listed = grpcurl("list").stdout.split()
    assert {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= set(listed)
    described = grpcurl("describe", f"{SERVICE}.ModelInfer")
    assert (
        "rpc ModelInfer ( .inference.ModelInferRequest ) returns ( .inference.ModelInferResponse );" in described.stdout
    )


def test_it_checks_health(grpcurl):
    checked = grpcurl("grpc.health.v1.Health/Check", message={"service": SERVICE})
    assert _answer(checked) == {"status": "SERVING"}


def test_it_asks_about_a_model(grpcurl):
    about = _answer(grpcurl(f"{SERVICE}/ModelMetadata", message={"name": "simple"}))
    assert about["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": ["-1", "16"]}


def test_it_infers_typed_and_reads_the_answer_of_onnxruntime(grpcurl, stock_models_folder: Path):
    known = stock_models.answers(stock_models_folder)
    x = np.float32(known["x"])
    tensor = {"name": "x", "datatype": "FP32", "shape": x.shape, "contents": {"fp32_contents": x.ravel().tolist()}}
    answer = _answer(grpcurl(f"{SERVICE}/ModelInfer", message={"model_name": "scorer", "inputs": [tensor]}))
    found = {output["name"]: output["contents"] for output in answer["outputs"]}
    np.testing.assert_allclose(found["probability"]["fp32Contents"], np.ravel(known["2"]["probability"]), rtol=1e-5)
    assert [int(label) for label in found["label"]["int64Contents"]] == known["2"]["label"]


def test_it_is_told_code_sentence_and_details(grpcurl):
    refused = grpcurl(f"{SERVICE}/ModelReady", message={"name": "nobody"})
    assert refused.returncode == 64 + 5, "64 and the code of NOT_FOUND"
    assert 'no route or model is named "nobody"' in refused.stderr
    assert '"reason": "UNKNOWN_MODEL"' in refused.stderr
