"""What a gateway keeps of what is published: whole versions and nothing else, whatever happened on the way."""

import hashlib
import io
import json
import shutil

import pytest

from tidegate.core.manifests import PATH
from tidegate.core.publications import Publication
from tidegate.errors import ChangeRefused, Missing, RegistryUnavailable
from tidegate.gateway.agent import Agent

SETTINGS = {"repository": "models"}
FILES = {"model.onnx": b"graph", "weights/w.bin": b"numbers"}


class Registry:
    """Bytes by digest, some of which may be lost."""

    def __init__(self):
        self.blobs = {}
        self.lost = set()

    def put(self, content):
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def open(self, digest):
        if digest in self.lost:
            raise Missing(f"{digest} is lost.", reason="BLOB_MISSING")
        return io.BytesIO(self.blobs[digest])

    def publication(self, *numbers, epoch=1, incarnation=1):
        layers = [{"digest": self.put(content), "annotations": {PATH: path}} for path, content in FILES.items()]
        manifest = self.put(json.dumps({"layers": layers}).encode())
        pinned = {"digest": manifest, "profile": None, "files": manifest, "settings": {}}
        return Publication(
            instance="test",
            incarnation=incarnation,
            epoch=epoch,
            routes={},
            versions={f"m/{number}": pinned for number in numbers},
            monitors={},
        )


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def told():
    return []


@pytest.fixture
def start(tmp_path, registry, told):
    return lambda: Agent(SETTINGS, tmp_path, registry.open, lambda event, reason: told.append((event, reason)))


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def versions_in(folder):
    """The versions that are there; each has to be whole."""
    found = sorted(folder.glob("models/[!.]*/*"))
    assert all(files_in(version) == FILES for version in found)
    return [f"{version.parent.name}/{version.name}" for version in found]


def test_what_is_published_is_fetched_once(start, registry, tmp_path):
    agent = start()
    agent.prepare(registry.publication(1, 2))
    registry.lost = set(registry.blobs)
    agent.prepare(registry.publication(1, 2))
    start().prepare(registry.publication(1, 2))
    assert versions_in(tmp_path) == ["m/1", "m/2"]
    assert agent.absent == {}


def test_what_cannot_be_fetched_is_absent_leaves_nothing_and_is_tried_again(start, registry, tmp_path, told):
    agent, publication = start(), registry.publication(1)
    registry.lost = {registry.put(FILES["weights/w.bin"])}
    for _ in range(2):
        agent.prepare(publication)
        assert list(agent.absent) == ["m/1"]
    assert [event for event, _ in told] == ["fetch_failed"], "the same is told once"
    assert files_in(tmp_path) == {}
    assert agent.prune(registry.publication(epoch=2)) == []
    registry.lost = set()
    agent.prepare(publication)
    assert versions_in(tmp_path) == ["m/1"]
    assert agent.absent == {}


def test_what_is_not_published_any_more_goes(start, registry, tmp_path):
    agent = start()
    agent.prepare(registry.publication(1, 2))
    assert agent.prune(registry.publication(2, epoch=2)) == ["m/1"]
    assert versions_in(tmp_path) == ["m/2"]
    assert agent.prune(registry.publication(2, epoch=2)) == []


def test_a_version_of_which_files_are_gone_already_is_fetched_again(start, registry, tmp_path, monkeypatch):
    """The process ends while it gives a version up, and the next one is told to serve that version."""
    agent = start()
    agent.prepare(registry.publication(1))

    def killed(folder, **_):
        (folder / "weights" / "w.bin").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            agent.prune(registry.publication(epoch=2))
    start().prepare(registry.publication(1, epoch=3))
    assert versions_in(tmp_path) == ["m/1"]


def test_a_new_process_gives_up_what_is_half_fetched_and_half_given_up(start, registry, tmp_path):
    start().prepare(registry.publication(1, 2))
    models = tmp_path / "models"
    (models / ".fetched" / "m" / "1").unlink()
    (models / ".fetching" / "m-3").mkdir(parents=True)
    (models / ".fetching" / "m-3" / "model.onnx").write_bytes(b"gra")
    start()
    assert versions_in(tmp_path) == ["m/2"]
    assert not (models / ".fetching").exists()


def test_an_older_publication_is_not_obeyed(start, registry):
    agent = start()
    agent.obeyed(registry.publication(epoch=7))
    for again in (agent, start()):
        with pytest.raises(ChangeRefused):
            again.prepare(registry.publication(epoch=6))
        again.prepare(registry.publication(epoch=6, incarnation=2))


def test_a_folder_that_cannot_be_written_is_named(start, registry, tmp_path):
    agent = start()
    (tmp_path / "obeyed.json.new").mkdir()
    with pytest.raises(RegistryUnavailable, match=r"obeyed\.json\.new"):
        agent.obeyed(registry.publication())
