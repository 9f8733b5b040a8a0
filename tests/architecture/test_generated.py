"""The generated messages are those of proto/, and stand apart from protobuf's default pool."""

import importlib.util
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool

ROOT = Path(__file__).resolve().parents[2]
GENERATE = ROOT / "proto" / "generate.py"
PACKAGE = ROOT / "python" / "tidegate"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", GENERATE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_generated_messages_are_fresh(generate):
    assert generate.stale() == [], "run python proto/generate.py"


def test_a_changed_file_is_noticed(generate, tmp_path, monkeypatch):
    for name, text in generate.render().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.replace("ready", "raedy"), encoding="utf-8")
    (tmp_path / "v1/left_over_pb2.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(generate, "TARGET", tmp_path)

    changed = {"v1/left_over_pb2.py", "inference/open_inference_pb2.py", "inference/open_inference_pb2.pyi"}
    assert changed <= set(generate.stale())


def test_no_inference_message_is_in_the_default_pool():
    from tidegate.inference import open_inference_pb2

    ours = open_inference_pb2.ModelInferRequest.DESCRIPTOR
    assert ours.full_name == "inference.ModelInferRequest"
    assert ours.file.pool is not descriptor_pool.Default()


@pytest.mark.parametrize("stub", sorted(PACKAGE.glob("*/*_pb2.pyi")), ids=lambda path: path.stem)
def test_every_name_of_a_stub_exists_at_run_time(stub):
    import ast
    import importlib

    module = importlib.import_module(f"tidegate.{stub.parent.name}.{stub.stem}")
    names = [
        node.name if isinstance(node, ast.ClassDef) else node.target.id
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef | ast.AnnAssign)
    ]
    assert names
    assert [name for name in names if not hasattr(module, name)] == []
