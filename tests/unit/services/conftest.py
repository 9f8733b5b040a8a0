import pytest

from support.registries import open_registry


@pytest.fixture
def kept(tmp_path):
    kept = open_registry(tmp_path)
    yield kept
    kept.store.close()
