from dataclasses import replace

import onnx
import pytest

from support import models
from support.registries import with_external_data
from tidegate.core.manifests import EXTERNAL, ONNX, Evidence, File
from tidegate.core.names import ModelName
from tidegate.errors import InputRefused
from tidegate.services import journal, versions
from tidegate.services.registration import Registration, register

RUN = {"name": "nightly", "params": {"depth": 3}, "seed": 7, "code": {"commit": "abc", "is_dirty": False}}


def registration(*files, model="m", evidence=()):
    return Registration(model=ModelName.parse(model), files=files, evidence=evidence)


def refused(kept, *files, evidence=()):
    before = journal.page(kept.registry)
    with pytest.raises(InputRefused) as error:
        register(kept.registry, kept.blobs, kept.caller, registration(*files, evidence=evidence))
    assert journal.page(kept.registry) == before, "nothing of it is left behind"
    return error.value


def test_versions_are_counted_and_never_twice(kept):
    first = kept.register("m", models.add(1))
    again = kept.register("m", models.add(1))
    second = kept.register("m", models.add(2))
    other = kept.register("n", models.add(1))
    assert [found["version"] for found in (first, again, second, other)] == [1, 1, 2, 1]
    assert [found["created"] for found in (first, again, second, other)] == [True, False, True, True]
    assert first["digest"] == again["digest"] == other["digest"] != second["digest"]


def test_the_signature_is_read_from_the_graph(kept):
    kept.register("m", models.add(1))
    assert versions.show(kept.registry, "m/1").version.signature == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
    }


def test_evidence_is_attached_once_and_changes_no_digest(kept):
    bare = kept.register("m", models.add(1))
    said = kept.register("m", models.add(1), (Evidence.RUN, RUN), (Evidence.METRICS, {"values": {"auc": 0.7}}))
    again = kept.register("m", models.add(1), (Evidence.RUN, RUN), (Evidence.METRICS, {"values": {"auc": 0.8}}))
    assert bare["digest"] == said["digest"]
    assert (said["created"], len(said["attached"]), len(again["attached"])) == (False, 2, 1)
    kinds = [artifact.kind for artifact in versions.show(kept.registry, "m/1").evidence]
    assert sorted(kinds) == sorted([Evidence.RUN.value, Evidence.METRICS.value, Evidence.METRICS.value])


def test_lineage_leads_from_the_version_to_its_data(kept):
    dataset = {"name": "flights", "digest": "sha256:" + "ab" * 32, "rows": 3, "columns": [], "locator": "s3://b/k@1"}
    run = {**RUN, "datasets": [{"role": "train", "digest": dataset["digest"]}], "parent": "m/1"}
    kept.register("m", models.add(1), (Evidence.RUN, run), (Evidence.DATASET, dataset))
    edges = {(edge.role, edge.target) for edge in versions.show(kept.registry, "m/1").made_of}
    assert {("train", dataset["digest"]), ("parent", "m/1"), ("content", dataset["digest"])} <= edges


def test_external_data_is_a_part_of_the_version(kept):
    found = register(kept.registry, kept.blobs, kept.caller, registration(*with_external_data(kept)))
    assert found["created"]
    layers = versions.show(kept.registry, "m/1").manifest.manifest["layers"]
    assert len(layers) == 2


def test_what_the_model_does_not_use_is_left_out(kept):
    model, weights = with_external_data(kept)
    unused = kept.file("more.bin", b"more", EXTERNAL)
    assert refused(kept, model, weights, unused).reason == "FILES_UNUSED"
    assert "not among the files" in refused(kept, model).message


def test_bytes_that_were_not_uploaded_are_all_named(kept):
    absent = File(path="model.onnx", digest="sha256:" + "00" * 32, size_bytes=1, media_type=ONNX)
    error = refused(kept, absent, replace(absent, path="w.bin", media_type=EXTERNAL))
    assert error.reason == "BYTES_MISSING"
    assert [violation.path for violation in error.violations] == ["model.onnx", "w.bin"]


@pytest.mark.parametrize(
    "path", ["../w.bin", "/etc/w.bin", "a/../../w.bin", "a//w.bin", ".w", "a\\b", "a\nb", "", "w" * 2000]
)
def test_a_path_stays_in_its_folder(kept, path):
    model = kept.file("model.onnx", models.add(1).SerializeToString(), ONNX)
    assert refused(kept, model, kept.file(path, b"x", EXTERNAL)).reason == "FILES_REFUSED"


@pytest.mark.parametrize("media_type", ["application/x-python-pickle", "application/octet-stream", ""])
def test_what_may_be_a_program_is_refused(kept, media_type):
    model = kept.file("model.onnx", models.add(1).SerializeToString(), ONNX)
    assert "may not be in a version" in refused(kept, model, kept.file("p.pkl", b"x", media_type)).message


def test_a_version_has_one_model(kept):
    raw = models.add(1).SerializeToString()
    assert "no model.onnx" in refused(kept, kept.file("other.onnx", raw, ONNX)).message
    twice = kept.file("model.onnx", raw, ONNX)
    assert "twice" in refused(kept, twice, twice).message


def _unknown_operator():
    model = models.add(1)
    model.graph.node[0].op_type = "Conjure"
    return model


def _huge_initializer():
    """An initializer that says it has a tebibyte, and has nothing."""
    model = models.add(1)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    del tensor.dims[:]
    tensor.dims.extend([1 << 38])
    return model


@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", models.add(1).SerializeToString()[:-20], _unknown_operator(), _huge_initializer()],
    ids=["empty", "text", "torn", "unknown operator", "huge initializer"],
)
def test_an_unsound_model_is_refused_with_a_reason(kept, content):
    raw = content if isinstance(content, bytes) else content.SerializeToString()
    error = refused(kept, kept.file("model.onnx", raw, ONNX))
    assert error.reason == "MODEL_REFUSED"
    assert len(error.message) < 1_000


@pytest.mark.parametrize("content", [b"not a model", models.add(1).SerializeToString()[:-20]], ids=["text", "torn"])
def test_what_is_no_model_is_told_so_and_not_in_the_words_of_a_parser(kept, content):
    error = refused(kept, kept.file("model.onnx", content, ONNX))
    assert error.message == "model.onnx is refused: is no ONNX model, or one that was cut short."


@pytest.mark.parametrize("part", ["input", "output", "initializer", "node"])
def test_a_model_in_which_a_name_is_there_twice_is_refused(kept, part):
    model = models.add(1)
    twice = getattr(model.graph, part)
    twice.append(twice[0])
    error = refused(kept, kept.file("model.onnx", model.SerializeToString(), ONNX))
    assert error.reason == "MODEL_REFUSED"
    name = {"input": "x", "output": "y", "initializer": "amount", "node": "y"}[part]
    assert name in error.message


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "sub/../../secret.bin"])
def test_external_data_outside_of_the_folder_is_refused(kept, location):
    model, _ = with_external_data(kept)
    proto = onnx.ModelProto.FromString(kept.blobs.read(model.digest, 1 << 20))
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    error = refused(kept, kept.file("model.onnx", proto.SerializeToString(), ONNX))
    assert "outside of its folder" in error.message


@pytest.mark.parametrize(
    "kind, content, path",
    [
        (Evidence.RUN, b"{}", "name"),
        (Evidence.RUN, b'{"name": "n", "sed": 1}', "sed"),
        (Evidence.RUN, b'{"name": "n", "datasets": [{"role": "tset", "digest": "x"}]}', "datasets[0].role"),
        (Evidence.METRICS, b'{"values": {"auc": "high"}}', "values.auc"),
        (Evidence.METRICS, b'{"values": {"auc": NaN}}', "values.auc"),
        (Evidence.DATASET, b'{"name": "d", "digest": "sha256:12", "rows": -1, "columns": []}', "rows"),
        (Evidence.METRICS, b"{", None),
        (Evidence.METRICS, b"\xff", None),
    ],
)
def test_evidence_of_another_form_is_refused_by_its_places(kept, kind, content, path):
    model = kept.file("model.onnx", models.add(1).SerializeToString(), ONNX)
    error = refused(kept, model, evidence=((kind, kept.file("said.json", content)),))
    assert error.reason == "EVIDENCE_REFUSED"
    if path is not None:
        assert path in [violation.path for violation in error.violations]
