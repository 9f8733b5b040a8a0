"""What the client of a registry decides by itself: names, bytes, and which calls there are."""

import hashlib
import io
import json
import sys

import pytest

from tidegate.client.registry import calls
from tidegate.client.registry.names import alias_name, environment_of, model_name, route_name, short_name
from tidegate.client.registry.pieces import CHUNK_BYTES, piece_of_evidence, pieces_of_model
from tidegate.client.registry.progress import bar
from tidegate.client.registry.registering import evidence
from tidegate.errors import InputRefused
from tidegate.inference.pool import POOL

METHODS = [each for each in vars(calls).values() if isinstance(each, calls.Method)]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_call_is_one_of_the_protos_and_reads_its_answer(method):
    service, name = method.name.split("/")
    declared = POOL.FindServiceByName(f"tidegate.v1.{service}").methods_by_name[name]
    assert type(method.read(b"")).DESCRIPTOR is declared.output_type


@pytest.mark.parametrize(
    "full, short",
    [
        ("projects/default/models/fraud", "fraud"),
        ("projects/default/models/fraud/versions/3", "fraud/3"),
        ("projects/default/models/fraud/aliases/champion", "fraud@champion"),
        ("projects/default/environments/default/routes/fraud", "fraud"),
        ("projects/risk/models/fraud/versions/3", "projects/risk/models/fraud/versions/3"),
        ("projects/default/environments/prod/routes/r", "projects/default/environments/prod/routes/r"),
        ("", ""),
    ],
)
def test_names_are_short_where_everybody_knows_the_rest(full, short):
    assert short_name(full) == short


def test_short_names_are_those_of_the_project_default():
    assert model_name("fraud") == "projects/default/models/fraud"
    assert route_name("projects/p/environments/e/routes/r") == "projects/p/environments/e/routes/r"
    assert alias_name("fraud@champion") == "projects/default/models/fraud/aliases/champion"
    assert environment_of("projects/p/environments/e/routes/r") == "projects/p/environments/e"
    assert environment_of("r") == "projects/default/environments/default"


def test_a_file_is_a_model_whatever_its_name(tmp_path):
    (tmp_path / "best.onnx").write_bytes(b"x" * (CHUNK_BYTES + 1))
    [piece] = pieces_of_model(tmp_path / "best.onnx")
    assert (piece.path, piece.media_type, piece.size_bytes) == (
        "model.onnx",
        "application/vnd.onnx.model",
        CHUNK_BYTES + 1,
    )
    assert [len(chunk) for chunk in piece.chunks()] == [CHUNK_BYTES, 1]
    assert piece.digest == f"sha256:{hashlib.sha256(b'x' * (CHUNK_BYTES + 1)).hexdigest()}"


def test_a_folder_is_a_model_with_what_it_needs(tmp_path):
    (tmp_path / "weights").mkdir()
    for name in ("model.onnx", "weights/a.bin", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"1")
    assert [(piece.path, piece.media_type.rpartition(".")[2]) for piece in pieces_of_model(tmp_path)] == [
        ("model.onnx", "model"),
        ("tokenizer.json", "processing+json"),
        ("weights/a.bin", "external-data"),
    ]


def test_what_is_not_there_and_what_is_a_link_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="neither"):
        pieces_of_model(tmp_path / "no.onnx")
    (tmp_path / "model.onnx").symlink_to("/etc/passwd")
    with pytest.raises(InputRefused, match="links"):
        pieces_of_model(tmp_path)


def test_the_same_content_is_the_same_evidence(tmp_path):
    one, two = piece_of_evidence("run", {"a": 1, "b": 2}), piece_of_evidence("run", {"b": 2, "a": 1})
    assert one.digest == two.digest
    (tmp_path / "run.json").write_text(json.dumps({"a": 1, "b": 2}, sort_keys=True))
    assert piece_of_evidence("run", tmp_path / "run.json").digest == one.digest
    assert piece_of_evidence("run", str(tmp_path / "run.json")).digest == one.digest
    assert piece_of_evidence("card", "# text").source == b"# text"


def test_metrics_may_be_given_as_the_values_alone():
    given = {"profile": None, "run": None, "card": None, "datasets": ()}
    short, long = (evidence(metrics=metrics, **given) for metrics in ({"auc": 0.7}, {"values": {"auc": 0.7}}))
    assert short[0][1].digest == long[0][1].digest


def test_a_bar_is_shown_on_terminals_only(capsys):
    with bar("uploading", 10, wished=True) as advance:
        advance(10)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("wished, is_shown", [(None, True), (True, True), (False, False)])
def test_a_bar_counts_bytes_on_a_terminal(monkeypatch, wished, is_shown):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with bar("uploading", 2048, wished=wished) as advance:
        advance(1024)
        advance(1024)
    assert ("uploading" in terminal.getvalue()) is is_shown
    assert ("2.0/2.0 kB" in terminal.getvalue()) is is_shown


def test_a_bar_that_is_asked_for_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ModuleNotFoundError, match="pip install rich"):
        bar("uploading", 10, wished=True)


class Terminal(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self) -> bool:
        return True
