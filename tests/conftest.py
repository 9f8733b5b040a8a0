"""Fixtures for every test: the model repository, a running gateway, and its log beside a failure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from support import models as small_models
from support.gateway import LOG_TAIL_CHARACTERS, Gateway, fronted_by, start_gateway

# The same examples in every run: a red build can be repeated.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# What the shared gateway serves beside the unrouted models: one split, sticky by metadata, and one that nobody may pin.
SHARED_DOCUMENT: dict[str, Any] = {
    "routes": {
        "split": {"sticky": 'metadata["x-unit"]', "split": {"add/1": 90, "add/2": 10}},
        "closed": {"split": {"add/1": 1}, "pins": "deny"},
    },
    # Runs of 0.2 s each would make every start wait for the warm-up of a model that no test batches.
    "versions": {"slow/1": {"batching": "off"}},
}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with every model of `support.models`; read it, do not change it."""
    return small_models.write_repository(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def front(request: pytest.FixtureRequest) -> Iterator[str]:
    """Who reads requests from the wire in every gateway of a test: the native front, unless the test is for both."""
    name: str = getattr(request, "param", "native")
    with fronted_by(name):
        yield name


@pytest.fixture(scope="session")
def gateway(models: Path, front: str) -> Iterator[Gateway]:
    """One running gateway with every model, shared by all tests that leave it as they found it."""
    with start_gateway(SHARED_DOCUMENT, models) as running:
        yield running


@pytest.fixture(scope="session")
def patient_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository around a model that runs as long as a request asks it to; read it, do not change it."""
    repository = tmp_path_factory.mktemp("patient")
    small_models.save(repository, "patient", 1, small_models.slow_as_asked())
    small_models.save(repository, "add_one", 1, small_models.add(1))
    small_models.save(repository, "dynamic_shapes", 1, small_models.dynamic_shapes())
    small_models.save(repository, "gather", 1, small_models.gather())
    small_models.save(repository, "identity_fp32", 1, small_models.identity("FP32"))
    small_models.save(repository, "strings", 1, small_models.strings())
    return repository


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Puts the end of the log of every gateway that a failed test used into its report."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Gateway) and value.log_path.exists():
                report.sections.append((f"log of {name}", value.log[-LOG_TAIL_CHARACTERS:]))
    return report
