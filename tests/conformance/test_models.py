"""Model files as they are found: good ones, odd ones, and those that nobody can load."""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import tritonclient.grpc as triton_grpc
from onnx import TensorProto, helper

from support import models as small_models
from support.asking import Asker, tensors
from support.gateway import TIDEGATE, refused_start, start_gateway
from support.triton import sent, tensor_of, x
from support.watching import pss_mib, status

FLOATS = TensorProto.FLOAT


def _model(nodes: list[onnx.NodeProto], *, opset: int = 17, domain: str = "") -> bytes:
    """A model of `x` and `y` that nothing has checked."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOATS, ["N", 4])],
        [helper.make_tensor_value_info("y", FLOATS, ["N", 4])],
    )
    opsets = [helper.make_opsetid(domain, opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


WEIGHTS = np.arange(4, dtype="f4")


def _with_external_data(repository: Path, name: str, location: str) -> Path:
    """A model that adds weights from another file; the file is not written."""
    model = small_models.add(0)
    weights = model.graph.initializer[0]
    weights.CopyFrom(helper.make_tensor("amount", FLOATS, [4], WEIGHTS.tobytes(), raw=True))
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(WEIGHTS.nbytes)}.items():
        weights.external_data.add(key=key, value=value)
    return small_models.save(repository, name, 1, model.SerializeToString()).parent


ADD = helper.make_node("Add", ["x", "x"], ["y"])
BROKEN = {
    "text": (b"this is not an ONNX file", "not an ONNX model"),
    "empty": (b"", "not an ONNX model"),
    "truncated": (small_models.add(1).SerializeToString()[:-20], "not an ONNX model, or one cut short"),
    "no_graph": (helper.make_model(onnx.GraphProto(name="g")).SerializeToString()[:4], "not an ONNX model"),
    "opset_of_tomorrow": (_model([ADD], opset=9999), "Opset 9999"),
    "unknown_op": (_model([helper.make_node("Frobnicate", ["x"], ["y"])]), "Frobnicate"),
    "unknown_domain": (_model([helper.make_node("Add", ["x", "x"], ["y"], domain="mars")]), "mars"),
    "cycle": (
        _model([helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Identity", ["a"], ["b"]), ADD]),
        "not acyclic",
    ),
    "unfed": (_model([helper.make_node("Add", ["x", "nowhere"], ["y"])]), "nowhere"),
    "unwritten": (_model([helper.make_node("Identity", ["x"], ["z"])]), "y"),
}


@pytest.fixture(scope="module")
def unloadable(tmp_path_factory: pytest.TempPathFactory):
    """A gateway over files that cannot be loaded, and one that can."""
    repository = tmp_path_factory.mktemp("unloadable")
    for name, (content, _) in BROKEN.items():
        small_models.save(repository, name, 1, content)
    small_models.save(repository, "zipmap", 1, small_models.zipmap())
    _with_external_data(repository, "outside", "../../secret")
    (repository / "secret").write_bytes(WEIGHTS.tobytes())
    _with_external_data(repository, "absolute", str(repository / "secret"))
    _with_external_data(repository, "missing", "weights.bin")
    (_with_external_data(repository, "linked", "weights.bin") / "weights.bin").symlink_to(repository / "secret")
    small_models.save(repository, "good", 1, small_models.add(1))
    with start_gateway({}, repository) as gateway:
        yield gateway


def _reasons(gateway) -> dict[str, str]:
    return {entry["model"]: entry["reason"] for entry in status(gateway)["not_loaded"]}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_loaded_is_named_with_its_reason_and_harms_nobody(unloadable, name):
    reason = _reasons(unloadable)[name]
    assert BROKEN[name][1] in reason
    assert reason == " ".join(reason.split()), "one line"
    assert "onnxruntime/core" not in reason, "where the runtime's own sources say so helps nobody"
    assert f"{name}/1 is not served: {reason[:20]}" in unloadable.log.replace('\\"', '"')
    with triton_grpc.InferenceServerClient(unloadable.grpc_address) as client:
        assert not client.is_model_ready(name)
        assert tensor_of(client.infer("good", x([1, 2, 3, 4])), "y").tolist() == [[2, 3, 4, 5]]


@pytest.mark.parametrize("name", ["outside", "absolute", "linked"])
def test_external_data_outside_the_version_folder_is_refused(unloadable, name):
    assert "outside its version folder" in _reasons(unloadable)[name]


def test_external_data_that_is_not_there_is_named(unloadable):
    assert 'cannot read the external data "weights.bin"' in _reasons(unloadable)["missing"]


def test_sequences_and_maps_are_refused_with_the_way_to_export_without(unloadable):
    assert 'options={id(model): {"zipmap": False}}' in _reasons(unloadable)["zipmap"]


def test_external_data_inside_the_folder_is_loaded_and_counts_in_the_digest(tmp_path):
    folder = _with_external_data(tmp_path, "inside", "data/weights.bin")
    (folder / "data").mkdir()
    (folder / "data/weights.bin").write_bytes(WEIGHTS.tobytes())
    (folder / "notes.txt").write_text("beside")
    lines = sorted(
        (hashlib.sha256(path.read_bytes()).hexdigest(), str(path.relative_to(folder)))
        for path in folder.rglob("*")
        if path.is_file()
    )
    manifest = "".join(f"{digest}  {name}\n" for digest, name in sorted(lines, key=lambda line: line[1]))
    with start_gateway({}, tmp_path) as gateway, triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        assert tensor_of(client.infer("inside", x([1, 1, 1, 1])), "y").tolist() == [[1, 2, 3, 4]]
        digest = status(gateway)["versions"]["inside/1"]["digest"]
    assert digest == "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()


def test_a_triton_configuration_is_ignored_with_one_warning_that_names_it(tmp_path):
    small_models.save(tmp_path, "add", 1, small_models.add(1))
    (tmp_path / "add/config.pbtxt").write_text("max_batch_size: 7")
    with start_gateway({}, tmp_path) as gateway, triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        assert client.get_model_config("add").config.max_batch_size == 64
        assert gateway.log.count("add/config.pbtxt is ignored") == 1


def test_folders_that_are_no_versions_are_passed_over(tmp_path):
    small_models.save(tmp_path, "add", 1, small_models.add(1))
    for name in ("01", "0", "-1", "latest", ".hidden", "1.0"):
        (tmp_path / "add" / name).mkdir()
    (tmp_path / ".git" / "1").mkdir(parents=True)
    (tmp_path / "a name with spaces" / "1").mkdir(parents=True)
    (tmp_path / "README").write_text("no model")
    with start_gateway({}, tmp_path) as gateway, triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        assert [(entry.name, entry.version) for entry in client.get_model_repository_index().models] == [("add", "1")]


def _inspect(path: Path) -> dict:
    ended = subprocess.run(
        [TIDEGATE, "models", "inspect", str(path), "--output", "json"], capture_output=True, timeout=60, check=True
    )
    return json.loads(ended.stdout)


def test_a_model_that_mixes_rows_runs_unbatched_and_says_why_wherever_one_looks(gateway, models):
    reason = 'rows depend on each other: output "y" of a row changes with its neighbours'
    found = status(gateway)["versions"]["mean_removed/1"]
    assert (found["batching"], found["unbatched_reason"]) == ("off", reason)
    inspected = _inspect(models / "mean_removed/1/model.onnx")
    assert (inspected["batchable"], inspected["not_batchable_because"]) == (False, reason)


def test_inspect_tells_what_a_model_takes_and_gives(models):
    found = _inspect(models / "two_in_two_out/1/model.onnx")
    assert found["batchable"] is True
    assert [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in found["inputs"]] == [
        ("a", "FP32", [-1, 2]),
        ("b", "INT64", [-1, 2]),
    ]
    assert found["opsets"] == {"ai.onnx": 17}
    assert found["one_row_microseconds"] > 0


@pytest.mark.parametrize("name", ["broken", "zipmap"])
def test_inspect_refuses_what_could_not_be_served_in_one_sentence(models, name):
    path = models / name / "1/model.onnx"
    ended = subprocess.run([TIDEGATE, "models", "inspect", str(path)], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.decode().strip().splitlines()) == 1


def test_a_profile_says_where_the_time_of_a_run_goes(models):
    path = models / "two_in_two_out/1/model.onnx"
    command = [TIDEGATE, "models", "inspect", str(path), "--profile", "--rows", "16"]
    ended = subprocess.run([*command, "--output", "json"], capture_output=True, timeout=60, check=True)
    found = json.loads(ended.stdout)["profile"]
    assert (found["rows"], found["runs"]) == (16, 200)
    operators = {node["operator"] for node in found["nodes"]}
    assert {"Add", "Sub"} & operators
    assert {node["provider"] for node in found["nodes"]} == {"CPUExecutionProvider"}
    times = [node["microseconds"] for node in found["nodes"]]
    assert times == sorted(times, reverse=True)
    assert 0 < sum(times) < found["run_microseconds"]
    said = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
    assert "a run of 16 rows" in said
    assert found["nodes"][0]["operator"] in said
    assert not list(Path(tempfile.gettempdir()).glob("tidegate-profile-*"))


def test_rows_without_a_profile_are_refused(models):
    command = [TIDEGATE, "models", "inspect", str(models / "add_one/1/model.onnx"), "--rows", "4"]
    refused = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (refused.returncode, "--profile" in refused.stderr.decode()) == (2, True)


def test_a_model_without_rows_is_profiled_one_request_at_a_time(models):
    path = str(models / "mean_removed/1/model.onnx")
    refused = subprocess.run(
        [TIDEGATE, "models", "inspect", path, "--profile", "--rows", "2"], capture_output=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert "with one row only" in refused.stderr.decode()
    command = [TIDEGATE, "models", "inspect", path, "--profile", "--output", "json"]
    assert json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)["profile"]["nodes"]


@pytest.mark.parametrize(
    "providers, said",
    [
        (["CUDAExecutionProvider"], "this ONNX Runtime does not offer CUDAExecutionProvider; it offers "),
        (["NobodyExecutionProvider", "CPUExecutionProvider"], "CPUExecutionProvider"),
        (
            [{"name": "CPUExecutionProvider", "options": {"arena": 1}}],
            'CPUExecutionProvider takes no options, and has "arena"',
        ),
        ([{"name": "AzureExecutionProvider", "options": {"x": "y"}}, "CPUExecutionProvider"], "takes no options"),
        # Nothing of this model runs on Azure, and the processor is not named.
        (
            ["AzureExecutionProvider"],
            "operators that AzureExecutionProvider does not run; name CPUExecutionProvider as the last",
        ),
    ],
    ids=["absent", "unknown", "option", "another's option", "no fallback"],
)
def test_a_provider_that_cannot_run_a_version_is_refused_and_nothing_falls_back(tmp_path, providers, said):
    small_models.save(tmp_path, "add", 1, small_models.add(1))
    document = {"versions": {"add/1": {"providers": providers}}, "routes": {"sum": {"split": {"add/1": 1}}}}
    code, text = refused_start(document, tmp_path)
    assert code == 2
    assert said in text, text


def test_providers_run_what_those_before_them_leave(tmp_path):
    small_models.save(tmp_path, "add", 1, small_models.add(1))
    document = {"versions": {"add/1": {"providers": ["AzureExecutionProvider", "CPUExecutionProvider"]}}}
    with start_gateway(document, tmp_path) as gateway, Asker(gateway.grpc_address) as calls:
        assert tensors(calls.infer("add", {"x": np.float32([[1, 2, 3, 4]])}))["y"].tolist() == [[2, 3, 4, 5]]


def test_an_arena_keeps_what_a_run_needed_or_gives_it_back(tmp_path):
    """A run of 500 rows takes 125 MiB between its input and its output."""
    small_models.save(tmp_path, "swelling", 1, small_models.swelling())

    def growth(arena):
        with (
            start_gateway({"versions": {"swelling/1": {"arena": arena}}}, tmp_path) as gateway,
            Asker(gateway.grpc_address) as calls,
        ):
            before = pss_mib(gateway)
            rows = np.arange(500, dtype=np.float32)[:, None]
            assert np.array_equal(tensors(calls.infer("swelling", {"x": rows}))["y"], rows)
            return pss_mib(gateway) - before

    assert growth({}) > 100
    assert growth({"pattern": "off"}) > 100
    assert growth({"shrink": "on"}) < 40
    assert growth({"enabled": "off"}) < 40
    assert growth({"enabled": "off", "pattern": "off"}) < 40


@pytest.mark.parametrize("name, why", [("scalar", "scalar"), ("fixed_shape", "fixed at 2")])
def test_batching_by_hand_is_refused_where_there_are_no_rows(tmp_path, name, why):
    small_models.save(tmp_path, name, 1, getattr(small_models, name)())
    version = f"{name}/1"
    document = {"versions": {version: {"batching": "on"}}, "routes": {"route": {"split": {version: 1}}}}
    code, said = refused_start(document, tmp_path)
    assert code == 2
    assert f"{version}: `batching: on` cannot be honoured: " in said
    assert why in said


def test_batching_by_hand_wins_over_what_warm_up_finds(tmp_path):
    small_models.save(tmp_path, "mean_removed", 1, small_models.mean_removed())
    small_models.save(tmp_path, "add", 1, small_models.add(1))
    document = {"versions": {"mean_removed/1": {"batching": {"mode": "on", "max": 8}}, "add/1": {"batching": "off"}}}
    with (
        start_gateway(document, tmp_path) as gateway,
        triton_grpc.InferenceServerClient(gateway.grpc_address) as client,
    ):
        assert client.get_model_config("mean_removed").config.max_batch_size == 8
        assert client.get_model_config("add").config.max_batch_size == 0
        values = np.float32([[1, 0, 0, 0], [3, 0, 0, 0]])
        assert tensor_of(client.infer("mean_removed", [sent("x", values, "FP32")]), "y")[:, 0].tolist() == [-1, 1]
