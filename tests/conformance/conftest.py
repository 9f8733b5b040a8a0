"""Stock clients of the shared gateway."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import tritonclient.grpc as triton_grpc

from support.admin import Admin, model_file, serving
from support.calls import channel_to
from support.gateway import Gateway

# What these are about holds whoever reads the wire; the others are about the wire, starts, ends and logs.
ON_BOTH_FRONTS = {
    "test_about_models",
    "test_change",
    "test_change_drain",
    "test_credit",
    "test_errors",
    "test_infer",
    "test_keys",
    "test_lifecycle_deadlines",
    "test_lifecycle_shedding",
    "test_models",
    "test_names",
    "test_reflection_and_health",
    "test_segments",
    "test_shadow",
    "test_split",
    "test_streams",
    "test_tls",
    "test_typed",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs the tests of the protocol on both fronts, the others on the native one."""
    module = metafunc.module.__name__.rpartition(".")[2]
    fronts = ["native", "python"] if module in ON_BOTH_FRONTS else ["native"]
    metafunc.fixturenames.append("front")
    metafunc.parametrize("front", fronts, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about bytes on the wire where grpcio reads them."""

    def is_grpcio_s(item: pytest.Item) -> bool:
        callspec = getattr(item, "callspec", None)
        is_python = callspec is not None and callspec.params.get("front") == "python"
        return is_python and item.get_closest_marker("transport") is not None

    left_out = [item for item in items if is_grpcio_s(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_grpcio_s(item)]


@pytest.fixture(scope="session")
def channel(gateway: Gateway) -> Iterator[grpc.Channel]:
    """A channel of stock grpcio, for our own messages."""
    with channel_to(gateway) as opened:
        yield opened


@pytest.fixture(scope="session")
def triton(gateway: Gateway) -> Iterator[triton_grpc.InferenceServerClient]:
    """The client that Triton's users have."""
    with triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        yield client


@pytest.fixture(scope="session")
def admin_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry that has `fraud/1` to `fraud/3`; copy it, do not change it."""
    folder = tmp_path_factory.mktemp("registry")
    with serving(folder) as admin, admin.client() as registry:
        for number in (1, 2, 3):
            path = model_file(folder, number)
            registry.register("fraud", path, metrics={"auc": number / 10}, owner="risk team", reason="a first look")
    return folder


@pytest.fixture
def admin(admin_seed: Path, tmp_path: Path) -> Iterator[Admin]:
    """A running admin API over a copy of the seed."""
    folder = tmp_path / "registry"
    shutil.copytree(admin_seed, folder)
    with serving(folder) as running:
        yield running
