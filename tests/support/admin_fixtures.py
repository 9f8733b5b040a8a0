"""Fixtures of every test that asks an admin API."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.admin import Admin, model_file, serving


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry that has `fraud/1` to `fraud/3`; copy it, do not change it."""
    folder = tmp_path_factory.mktemp("seed")
    with serving(folder) as admin, admin.client() as registry:
        for number in (1, 2, 3):
            path = model_file(folder, number)
            registry.register("fraud", path, metrics={"auc": number / 10}, owner="risk team", reason="a first look")
    return folder


@pytest.fixture
def admin(seed: Path, tmp_path: Path) -> Iterator[Admin]:
    """A running admin API over a copy of the seed."""
    folder = tmp_path / "registry"
    shutil.copytree(seed, folder)
    with serving(folder) as running:
        yield running
