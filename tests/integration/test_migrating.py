"""docs/migrating.md, tried out: the documents it shows serve, and do for their users what it says."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import yaml

from support import models as small_models
from support.calls import refusal
from support.gateway import Gateway, start_gateway
from support.triton import parameters_of, tensor_of, x
from support.waiting import until
from support.watching import status

PAGE = Path(__file__).parents[2] / "docs/migrating.md"
Opened = Callable[[str], Any]


def document_under(heading: str) -> dict[str, Any]:
    """The YAML that stands under a heading of the page."""
    found = re.search(rf"^## {heading}$.*?^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    document: dict[str, Any] = yaml.safe_load(found[1])
    return document


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that the page's documents name: version N adds N."""
    folder = tmp_path_factory.mktemp("moved")
    for version in (1, 2, 3):
        small_models.save(folder, "scorer", version, small_models.add(version))
    (folder / "scorer/config.pbtxt").write_text('name: "scorer"\nmax_batch_size: 32\n')
    return folder


@pytest.fixture
def served(repository: Path) -> Opened:
    """Serves the document under a heading, as it stands there but for its repository's place."""

    @contextmanager
    def opened(heading: str) -> Iterator[tuple[Gateway, triton_grpc.InferenceServerClient]]:
        document = document_under(heading) | {"repository": str(repository)}
        with (
            start_gateway(document, repository) as gateway,
            triton_grpc.InferenceServerClient(gateway.grpc_address) as client,
        ):
            yield gateway, client

    return opened


def _answered(client: triton_grpc.InferenceServerClient, name: str, **more: Any) -> str:
    """Which version answered; it has added its own number."""
    result = client.infer(name, x([1, 2, 3, 4]), **more)
    version = str(parameters_of(result)["tidegate_version"])
    assert tensor_of(result, "y").tolist() == (np.float32([[1, 2, 3, 4]]) + int(version.partition("/")[2])).tolist()
    return version


def test_the_document_for_triton_s_users_says_what_their_configuration_said(served):
    with served("From Triton") as (gateway, client):
        config = client.get_model_config("scorer", "3").config
        assert config.max_batch_size == 32
        assert config.dynamic_batching.max_queue_delay_microseconds == 100
        assert config.dynamic_batching.priority_levels == 3
        assert config.dynamic_batching.default_priority_level == 2
        assert [group.count for group in config.instance_group] == [4]
        assert list(config.version_policy.specific.versions) == [1, 3]
        assert "config.pbtxt is ignored" in gateway.log
        states = {entry.version: entry.state for entry in client.get_model_repository_index().models}
        assert states == {"1": "READY", "2": "UNAVAILABLE", "3": "READY"}
        assert [_answered(client, "scorer", model_version=version) for version in ("", "1")] == ["scorer/3", "scorer/1"]


def test_the_document_for_kserve_s_users_splits_and_keeps_their_callers(served):
    with served("From KServe") as (_, client):
        callers = {f"caller {number}": set() for number in range(100)}
        for _ in range(2):
            for caller, versions in callers.items():
                versions.add(_answered(client, "fraud", headers={"x-user": caller}))
        assert all(len(versions) == 1 for versions in callers.values())
        moved = sum(versions == {"scorer/3"} for versions in callers.values())
        assert 1 <= moved <= 30, f"{moved} of 100 callers are on an arm of 10 %"
        team = {_answered(client, "fraud", headers={"x-user": caller, "x-team": "ml"}) for caller in callers}
        assert team == {"scorer/3"}


def test_the_document_for_mlserver_s_users_serves_and_shadows(served):
    with served("From MLServer and Seldon") as (gateway, client):
        assert client.get_model_config("scorer", "3").config.max_batch_size == 16
        met = {_answered(client, "experiment", headers={"x-user": f"caller {number}"}) for number in range(200)}
        assert met == {"scorer/1", "scorer/3"}
        copied = until(lambda: _copies(gateway), what="the shadow has got copies")
        assert 1 <= copied <= 60, f"{copied} of 200 requests were copied, with a share of a tenth"


def _copies(gateway: Gateway) -> int:
    """How many requests have been copied so far."""
    (shadow,) = status(gateway)["routes"]["experiment"]["shadow"]
    return int(shadow["compared"])


def test_the_document_for_tensorflow_serving_s_users_serves_labels_as_routes(served):
    with served("From TensorFlow Serving") as (_, client):
        assert _answered(client, "scorer-stable") == "scorer/1"
        assert _answered(client, "scorer-canary") == "scorer/3"
        assert client.get_model_config("scorer-canary").config.max_batch_size == 128


@pytest.mark.parametrize("method", ["Predict", "Classify", "GetModelMetadata"])
def test_the_service_of_tensorflow_serving_is_unknown_and_said_to_be(stock_gateway, method):
    refused = refusal(stock_gateway, f"/tensorflow.serving.PredictionService/{method}", b"")
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNIMPLEMENTED.name, "UNKNOWN_METHOD")
    path = f"/tensorflow.serving.PredictionService/{method}"
    assert refused.message == f"there is no method {path}; reflection lists the services"
