"""The folder of bytes as any tool reads it that knows OCI image layouts, and nothing of Tidegate (image-spec 1.1)."""

import hashlib
import json

import pytest

from support import models
from support.registries import open_registry
from tidegate.app import back_up
from tidegate.blobs import open_blobs
from tidegate.core.manifests import Evidence
from tidegate.services import garbage, quarantine

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REFERENCE = "org.opencontainers.image.ref.name"
TITLE = "org.opencontainers.image.title"


@pytest.fixture
def kept(tmp_path):
    kept = open_registry(tmp_path)
    yield kept
    kept.store.close()


def blob(layout, descriptor):
    """The bytes of a descriptor: as large as it says, and with the digest that it says."""
    algorithm, _, encoded = descriptor["digest"].partition(":")
    content = (layout / "blobs" / algorithm / encoded).read_bytes()
    assert len(content) == descriptor["size"]
    assert hashlib.new(algorithm, content).hexdigest() == encoded
    return content


def read(layout):
    """What a layout has: manifests by name with the bytes of their files by title, and what is attached to each."""
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((layout / "index.json").read_bytes())
    assert (index["schemaVersion"], index["mediaType"]) == (2, INDEX)
    named, attached = {}, {}
    for descriptor in index["manifests"]:
        assert descriptor["mediaType"] == MANIFEST
        manifest = json.loads(blob(layout, descriptor))
        assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, MANIFEST)
        assert manifest["artifactType"] == descriptor["artifactType"]
        assert blob(layout, manifest["config"]) == b"{}"
        files = {layer["annotations"][TITLE]: blob(layout, layer) for layer in manifest["layers"]}
        if name := descriptor.get("annotations", {}).get(REFERENCE):
            named[name] = descriptor["digest"], files
        else:
            attached.setdefault(manifest["subject"]["digest"], []).append(descriptor["artifactType"])
    return named, attached


def test_a_new_folder_is_a_layout_that_lists_nothing(tmp_path):
    open_blobs(f"folder:{tmp_path}/artifacts")
    assert read(tmp_path / "artifacts") == ({}, {})


def test_a_backup_lists_every_version_by_its_name_with_what_is_attached_to_it(kept, tmp_path):
    made = kept.register("fraud", models.add(1), (Evidence.METRICS, {"values": {"auc": 0.7}}))
    kept.register("fraud", models.add(2))
    kept.register("spam", models.add(1))
    back_up(tmp_path, tmp_path / "copy", lambda _done, _total: None)
    named, attached = read(tmp_path / "copy" / "artifacts")
    assert list(named) == ["fraud/1", "fraud/2", "spam/1"]
    assert named["fraud/1"][0] == made["digest"]
    assert named["fraud/1"] == named["spam/1"], "the same bytes are the same manifest, under both names"
    assert named["fraud/2"][1] == {"model.onnx": models.add(2).SerializeToString()}
    assert attached == {made["digest"]: [Evidence.METRICS.value]}


def test_garbage_collection_lists_what_is_left_and_a_registration_costs_no_list(kept, tmp_path):
    kept.register_some("fraud", 2)
    assert read(tmp_path / "artifacts") == ({}, {})
    garbage.collect(kept.registry, kept.blobs, kept.caller)
    assert list(read(tmp_path / "artifacts")[0]) == ["fraud/1", "fraud/2"]
    quarantine.retire(kept.registry, kept.caller, "fraud/1")
    kept.clock.us = 4_000_000_000_000_000
    found = garbage.collect(kept.registry, kept.blobs, kept.caller)
    assert found.blobs, "a retired version's files go"
    assert list(read(tmp_path / "artifacts")[0]) == ["fraud/2"], "and all that is listed is there"


def test_a_restored_folder_keeps_its_list_when_it_is_opened_again(kept, tmp_path):
    kept.register_some("fraud", 1)
    garbage.collect(kept.registry, kept.blobs, kept.caller)
    open_blobs(f"folder:{tmp_path}/artifacts")
    assert list(read(tmp_path / "artifacts")[0]) == ["fraud/1"]
