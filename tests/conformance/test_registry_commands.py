"""Where commands find a registry, and what they say of models, against a real one on loopback."""

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx.external_data_helper import convert_model_to_external_data

from support import certificates, models
from support.admin import model_file
from support.commands import Typist
from tidegate.api import AdminServer, TlsFiles

SPLIT_1 = {"route": "fraud", "split": {"fraud/1": 1}}


@pytest.fixture
def typist(admin, tmp_path):
    return Typist.at(admin, tmp_path / "desk")


@pytest.fixture
def applied(typist):
    """Somebody whose route `fraud` was applied once."""
    ended = typist.types("routes", "apply", "-f", typist.writes("1.yaml", SPLIT_1), "--timeout", 0, "--reason", "first")
    assert ended.exit_code == 0, ended.output
    return typist


# -- where the registry is


def test_a_process_finds_the_registry_in_the_environment_and_fails_in_one_sentence_without_it(typist):
    ended = typist.runs("models", "list")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "fraud/3" in ended.stdout
    nowhere = typist.runs("models", "list", "--admin", "127.0.0.1:1")
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert nowhere.stderr == (
        "No registry answers at 127.0.0.1:1: start one with `tidegate up`, or say where it is with --admin HOST:PORT.\n"
    )


def test_the_token_of_the_folder_is_taken_if_none_is_named(typist, monkeypatch):
    (typist.folder / "tidegate-data").mkdir()
    (typist.folder / "tidegate-data/owner.token").write_text(typist.admin.tokens["ann"])
    environment = typist.environment() | {"TIDEGATE_TOKEN_FILE": ""}
    monkeypatch.setattr(Typist, "environment", lambda *_: environment)
    monkeypatch.chdir(typist.folder)
    assert typist.types("models", "list").exit_code == 0
    monkeypatch.chdir(typist.folder.parent)
    ended = typist.types("models", "list")
    assert ended.exit_code == 2
    assert "There is no tidegate-data/owner.token here" in ended.stderr


@pytest.mark.parametrize(
    "options, sentence",
    [
        (("--admin", "nowhere"), "--admin takes HOST:PORT, such as 127.0.0.1:8003, not 'nowhere'."),
        (("--admin", "host:99999"), "--admin takes HOST:PORT"),
        (("--admin", "example.com:8003"), "give --ca-file"),
        (("--token-file", "no-such-file"), "no-such-file cannot be read: No such file or directory."),
        (("--token-file", "empty"), "empty has no token"),
        (("--ca-file", "no-such-file"), "--ca-file: no-such-file cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_before_anybody_is_asked(typist, monkeypatch, options, sentence):
    monkeypatch.chdir(typist.folder)
    typist.writes("empty", "\n")
    ended = typist.types("models", "list", *options)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert sentence in ended.stderr


def test_a_registry_behind_tls_is_asked_with_the_authority_that_vouches_for_it(typist, tmp_path):
    authority, admin = certificates.Authority(), typist.admin
    certificates.write(tmp_path, *authority.issue())
    files = TlsFiles(certificate=tmp_path / "tls.crt", key=tmp_path / "tls.key")
    server = AdminServer(admin.services, admin.blobs, admin.clock, address="127.0.0.1:0", tls=files)
    server.start()
    try:
        ours, others = typist.folder / "ca.pem", typist.folder / "other.pem"
        ours.write_bytes(authority.certificate)
        others.write_bytes(certificates.Authority("Another").certificate)
        there = ("--admin", f"localhost:{server.port}", "--ca-file")
        assert typist.types("models", "list", *there, ours).exit_code == 0
        assert typist.types("models", "list", *there, others).exit_code == 1
    finally:
        server.stop(grace_s=0)


def test_an_unknown_token_is_told_with_where_it_came_from(typist):
    path = typist.writes("stale.token", "tg_nobody")
    ended = typist.types("models", "list", "--token-file", path)
    assert ended.exit_code == 1
    assert f"the token in {path}" in ended.stderr


# -- models


def test_a_version_is_registered_with_what_is_said_about_it_and_shown(typist, tmp_path):
    arguments = (
        "--metrics", typist.writes("metrics.json", '{"auc": 0.71}'),
        "--run", typist.writes("run.json", '{"name": "nightly", "params": {"depth": 7}, "seed": 3}'),
        "--card", typist.writes("card.md", "# Delays\nIn minutes."),
        "--owner", "ops", "--alias", "champion", "--reason", "a better one",
    )  # fmt: skip
    path = model_file(tmp_path, 0.25)
    ended = typist.types("models", "register", "delay", path, *arguments)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("delay/1 is registered (")
    assert "attached: metrics, card, run" in ended.stdout or "attached:" in ended.stdout
    assert "delay@champion points to it" in ended.stdout
    again = typist.types("models", "register", "delay", path)
    assert "delay/1 has these bytes already" in again.stdout
    shown = typist.types("models", "show", "delay@champion")
    for text in ("delay/1  registered", "[?, 4]", "auc", "0.71", "params.depth", "# Delays", "serves no route"):
        assert text in shown.stdout
    assert typist.reads("models", "show", "delay/1")["said"]["metrics"][0] == ["auc", "0.71"]


def test_external_data_may_lie_beside_the_file(typist, tmp_path):
    model = models.gather(entries=100)
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0, convert_attribute=True)
    (tmp_path / "raw").mkdir()
    onnx.save_model(model, tmp_path / "raw/model.onnx")
    (tmp_path / "raw/model.onnx").rename(tmp_path / "gather.onnx")
    alone = typist.types("models", "register", "gather", tmp_path / "gather.onnx")
    assert alone.exit_code == 2
    assert "weights.bin" in alone.stderr
    both = typist.types("models", "register", "gather", tmp_path / "gather.onnx", "--external", tmp_path / "raw")
    assert both.exit_code == 0, both.output
    files = typist.reads("models", "show", "gather/1")["files"]
    assert [file["path"] for file in files] == ["model.onnx", "weights.bin"]


def test_tables_are_described_and_kept_with_their_roles(typist, tmp_path):
    table = pa.table({"hour": [1, 2, None]})
    pq.write_table(table, tmp_path / "train.parquet")
    pq.write_table(table.slice(1), tmp_path / "rest.parquet")
    path = model_file(tmp_path, 0.25)
    train, rest = f"train={tmp_path / 'train.parquet'}", tmp_path / "rest.parquet"
    options = ("--dataset", train, "--dataset", rest, "--locator", "train=s3://flights@v12")
    ended = typist.types("models", "register", "delay", path, *options)
    assert ended.exit_code == 0, ended.output
    shown = typist.types("models", "show", "delay/1").stdout
    for text in ("train.parquet (train)", "3 rows, 1 columns", "s3://flights@v12", "rest.parquet", "not reproducible"):
        assert text in shown
    kept = typist.types("models", "register", "delay", path, "--dataset", rest, "--store-copies")
    assert kept.exit_code == 0, kept.output
    assert "a copy in the registry" in typist.types("models", "show", "delay/1").stdout
    broken = typist.writes("broken.parquet", "no table")
    refused = typist.types("models", "register", "delay", path, "--dataset", broken)
    assert refused.exit_code == 2
    assert "broken.parquet" in refused.stderr


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("no-such.onnx",), "PATH: there is no no-such.onnx"),
        (("card.md", "--metrics", "gone.json"), "--metrics: there is no gone.json"),
        (("card.md",), "model.onnx"),
        (("card.md", "--metrics", "card.md"), "card.md is not JSON"),
        (("card.md", "--dataset", "tain=x.parquet"), "tain is no role; train, validation"),
        (("card.md", "--locator", "train=s3://x"), "--locator names train, and there is no --dataset train=FILE"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_a_sentence(typist, monkeypatch, arguments, sentence):
    monkeypatch.chdir(typist.folder)
    typist.writes("card.md", "no model")
    ended = typist.types("models", "register", "delay", *arguments)
    assert ended.exit_code == 2, ended.output
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_versions_are_listed_and_compared(typist):
    assert [each["name"] for each in typist.reads("models", "list", "fraud")] == ["fraud/3", "fraud/2", "fraud/1"]
    assert typist.reads("models", "list")[0]["owner"] == "risk team"
    ended = typist.types("models", "diff", "fraud/1", "fraud/2")
    assert ended.exit_code == 0
    assert "signature  the same" in ended.stdout
    assert "auc  0.1 → 0.2" in ended.stdout
    assert "model.onnx" in ended.stdout
    assert typist.types("models", "show", "fraud/9").exit_code == 1
    assert typist.types("models", "show", "fraud").exit_code == 2


def test_a_version_is_retired_restored_quarantined_and_released(applied):
    assert "fraud/3 is retired" in applied.types("models", "retire", "fraud/3").stdout
    assert "fraud/3 is registered" in applied.types("models", "restore", "fraud/3").stdout
    refused = applied.types("models", "retire", "fraud/1")
    assert refused.exit_code == 1
    assert "fraud/1 cannot retire while routes need it (fraud)" in refused.stderr
    taken = applied.types("models", "quarantine", "fraud/1", "--reason", "leaks")
    assert "fraud is closed: nobody else answers, and is held" in taken.stdout
    assert "fraud/1  quarantined  leaks" in applied.types("models", "show", "fraud/1").stdout
    assert "fraud/1 is registered" in applied.types("models", "release", "fraud/1").stdout
